#include "llm/files/hf_config.hpp"

#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "core/file.hpp"
#include "core/json.hpp"
#include "llm/files/shape_tensors.hpp"

namespace inferstep::llm {
namespace {

// Members of config.json; the first that is not what it has to be is kept.
class Members {
   public:
    Members(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

    // Absent or null: the fallback, or without one an error.
    int integer(const char* key, std::optional<int> fallback = std::nullopt) {
        if (absent(key)) {
            if (!fallback) {
                note(fail("{} has no {}", path_, key));
            }
            return fallback.value_or(0);
        }
        const double value = json_.number(key, std::nan(""));
        if (!(std::abs(value) <= std::numeric_limits<int>::max()) || value != std::floor(value)) {
            note(fail("{}: {} is {}, and not a whole number", path_, key, json_.copy_of(key).dump(false)));
            return 0;
        }
        return static_cast<int>(value);
    }
    double real(const char* key, double fallback) {
        const double value = json_.number(key, std::nan(""));
        if (!absent(key) && std::isnan(value)) {
            note(fail("{}: {} is {}, and not a number", path_, key, json_.copy_of(key).dump(false)));
        }
        return std::isnan(value) ? fallback : value;
    }
    bool truth(const char* key) const { return json_.copy_of(key).is_true(); }
    bool absent(const char* key) const { return json_.copy_of(key).is_null(); }
    void note(Error error) {
        if (status_) {
            status_ = std::move(error);
        }
    }
    const Json& json() const { return json_; }
    const std::string& path() const { return path_; }
    const Status& status() const { return status_; }

   private:
    const Json& json_;
    std::string path_;
    Status status_ = Status::ok();
};

// What would be computed wrongly is refused, whatever the tensors are.
Status check_architecture(const Members& config) {
    const std::string& path = config.path();
    bool llama = config.json().text("model_type") == "llama";
    std::string named = config.json().text("model_type", "nothing");
    config.json().copy_of("architectures").each([&](std::string_view, const Json& item) {
        named = item.as_text();
        llama = named == "LlamaForCausalLM";
    });
    if (!llama) {
        return fail("{}: the architecture is {}, and only LlamaForCausalLM is understood", path, named);
    }
    if (const std::string act = config.json().text("hidden_act", "silu"); act != "silu") {
        return fail("{}: hidden_act is {}, and only silu is understood", path, act);
    }
    for (const char* bias : {"attention_bias", "mlp_bias"}) {
        if (config.truth(bias)) {
            return fail("{}: {} is true, and layers with biases are not understood", path, bias);
        }
    }
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        const Json rope = config.json().copy_of(key);
        const std::string kind = rope.text("rope_type", rope.text("type", "default"));
        if (!rope.is_null() && kind != "default") {
            return fail("{}: {} asks for the rotation \"{}\", and only the unscaled one is understood", path, key,
                        kind);
        }
    }
    return Status::ok();
}

std::vector<int> end_tokens(Members& config) {
    const Json eos = config.json().copy_of("eos_token_id");
    if (!eos.is_array()) {
        const int id = config.integer("eos_token_id", config.json().has("eos_token_id") ? -1 : 2);
        return id < 0 ? std::vector<int>() : std::vector<int>{id};
    }
    std::vector<int> all;
    eos.each([&](std::string_view, const Json& item) {
        const double id = item.is_number() ? item.as_number() : -1;
        if (!(id >= 0 && id <= std::numeric_limits<int>::max()) || id != std::floor(id)) {
            config.note(fail("{}: eos_token_id has {}, which is no token", config.path(), item.dump(false)));
            return;
        }
        all.push_back(static_cast<int>(id));
    });
    return all;
}

}  // namespace

Result<Shape> parse_config(std::string_view text, const std::string& path) {
    const Result<Json> json = Json::parse(text, path);
    if (!json) {
        return json.error();
    }
    if (!json->is_object()) {
        return fail("{} is no JSON object", path);
    }
    Members config(*json, path);
    if (Status s = check_architecture(config); !s) {
        return s.error();
    }
    const Json rope = json->copy_of("rope_parameters");  // where newer versions write the base
    Shape shape;
    shape.name = json->text("_name_or_path");
    shape.vocab = config.integer("vocab_size");
    shape.hidden = config.integer("hidden_size");
    shape.ffn = config.integer("intermediate_size");
    shape.layers = config.integer("num_hidden_layers");
    shape.heads = config.integer("num_attention_heads");
    shape.kv_heads = config.integer("num_key_value_heads", shape.heads);
    const int even_share = shape.heads > 0 && shape.hidden % shape.heads == 0 ? shape.hidden / shape.heads : 0;
    shape.head_dim = config.integer("head_dim", even_share);
    shape.context = config.integer("max_position_embeddings");
    shape.rms_eps = static_cast<float>(config.real("rms_norm_eps", 1e-6));
    shape.rope_theta = config.real("rope_theta", rope.number("rope_theta", 10000));
    shape.tied_head = config.truth("tie_word_embeddings");
    shape.bos = config.integer("bos_token_id", json->has("bos_token_id") ? -1 : 1);
    shape.eos = end_tokens(config);
    if (!config.status()) {
        return config.status().error();
    }
    if (Status s = check_shape(shape, path); !s) {
        return s.error();
    }
    if (shape.name.empty() || shape.name.find('/') != std::string::npos) {
        shape.name = std::filesystem::path(path).parent_path().filename().string();
    }
    return shape;
}

Result<Shape> read_config(const std::string& path) {
    const Result<std::string> text = read_file(path);
    return text ? parse_config(*text, path) : text.error();
}

}  // namespace inferstep::llm
