#include "llm/files/gguf_shape.hpp"

#include <filesystem>

#include "core/text.hpp"
#include "llm/files/shape_tensors.hpp"

namespace inferstep::llm {
namespace {

// Into a number of the shape; the first error is kept.
template <typename T, typename From>
void take(Status& status, T& into, const Result<From>& value) {
    if (value) {
        into = static_cast<T>(*value);
    } else if (status) {
        status = value.error();
    }
}

Status check_architecture(const GgufValues& values, const std::string& path) {
    const Result<std::string> architecture = values.text("general.architecture");
    if (!architecture) {
        return architecture.error();
    }
    if (*architecture != "llama") {
        return fail("{}: the architecture is {}, and only llama is understood", path, as_utf8(*architecture));
    }
    const Result<int> experts = values.integer("llama.expert_count", 0);
    if (!experts || *experts != 0) {
        return experts ? fail("{}: the model is one of {} experts, which is not understood", path, *experts)
                       : experts.error();
    }
    const Result<int> parts = values.integer("split.count", 1);
    if (!parts || *parts > 1) {
        return parts ? fail("{}: the file is one of {} parts; join them into one first", path, *parts) : parts.error();
    }
    const Result<std::string> scaling = values.text("llama.rope.scaling.type", "none");
    if (!scaling || *scaling != "none") {
        return scaling ? fail("{}: the rotation is scaled ({}), and only the unscaled one is understood", path,
                              as_utf8(*scaling))
                       : scaling.error();
    }
    return Status::ok();
}

std::vector<int> end_tokens(Status& status, const GgufValues& values) {
    std::vector<int> all;
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
        int id = -1;
        take(status, id, values.integer(key, -1));
        if (id >= 0 && (all.empty() || all.front() != id)) {
            all.push_back(id);
        }
    }
    return all;
}

}  // namespace

Result<Shape> shape_of(const GgufValues& values, const std::string& path, int vocab) {
    if (Status s = check_architecture(values, path); !s) {
        return s.error();
    }
    Status status = Status::ok();
    Shape shape;
    int value_length = 0;
    int rotated = 0;
    take(status, shape.layers, values.integer("llama.block_count"));
    take(status, shape.hidden, values.integer("llama.embedding_length"));
    take(status, shape.ffn, values.integer("llama.feed_forward_length"));
    take(status, shape.heads, values.integer("llama.attention.head_count"));
    take(status, shape.kv_heads, values.integer("llama.attention.head_count_kv", shape.heads));
    const int even_share = shape.heads > 0 && shape.hidden % shape.heads == 0 ? shape.hidden / shape.heads : 0;
    take(status, shape.head_dim, values.integer("llama.attention.key_length", even_share));
    take(status, value_length, values.integer("llama.attention.value_length", shape.head_dim));
    take(status, rotated, values.integer("llama.rope.dimension_count", shape.head_dim));
    take(status, shape.context, values.integer("llama.context_length"));
    take(status, shape.rms_eps, values.real("llama.attention.layer_norm_rms_epsilon"));
    take(status, shape.rope_theta, values.real("llama.rope.freq_base", 10000));
    take(status, shape.vocab, values.integer("llama.vocab_size", vocab));
    take(status, shape.bos, values.integer("tokenizer.ggml.bos_token_id", -1));
    shape.eos = end_tokens(status, values);
    take(status, shape.name, values.text("general.name", ""));
    if (!status) {
        return status.error();
    }
    if (value_length != shape.head_dim || rotated != shape.head_dim) {
        return fail("{}: keys of {} numbers, values of {} and {} that are rotated; all three have to be the same", path,
                    shape.head_dim, value_length, rotated);
    }
    if (Status s = check_shape(shape, path); !s) {
        return s.error();
    }
    shape.name = shape.name.empty() ? std::filesystem::path(path).stem().string() : as_utf8(shape.name);
    shape.rope_interleaved = true;
    return shape;
}

Result<Vocabulary> vocabulary_of(const GgufValues& values) {
    Status status = Status::ok();
    Vocabulary vocabulary;
    std::vector<double> scores;
    std::vector<double> types;
    take(status, vocabulary.kind, values.text("tokenizer.ggml.model", ""));
    take(status, vocabulary.splitter, values.text("tokenizer.ggml.pre", ""));
    take(status, vocabulary.pieces, values.texts("tokenizer.ggml.tokens"));
    take(status, vocabulary.merges, values.texts("tokenizer.ggml.merges"));
    take(status, scores, values.numbers("tokenizer.ggml.scores"));
    take(status, types, values.numbers("tokenizer.ggml.token_type"));
    const bool pieces_of_text = vocabulary.kind == "llama";  // what other kinds have to say themselves
    take(status, vocabulary.add_bos, values.truth("tokenizer.ggml.add_bos_token", pieces_of_text));
    take(status, vocabulary.add_space_prefix, values.truth("tokenizer.ggml.add_space_prefix", pieces_of_text));
    if (!status) {
        return status.error();
    }
    for (const double score : scores) {
        vocabulary.scores.push_back(static_cast<float>(score));
    }
    for (const double type : types) {
        vocabulary.types.push_back(type >= 0 && type <= 16 ? static_cast<int>(type) : 0);
    }
    return vocabulary;
}

}  // namespace inferstep::llm
