#include "llm/files/shape_tensors.hpp"

#include <cmath>

namespace inferstep::llm {
namespace {

void add_layer(std::vector<NamedShape>& all, const Shape& s, int layer) {
    const std::int64_t q = static_cast<std::int64_t>(s.heads) * s.head_dim;
    const std::int64_t kv = static_cast<std::int64_t>(s.kv_heads) * s.head_dim;
    const auto add = [&](const char* part, std::vector<std::int64_t> shape) {
        all.push_back({fmt::format("model.layers.{}.{}.weight", layer, part), std::move(shape)});
    };
    add("input_layernorm", {s.hidden});
    add("self_attn.q_proj", {q, s.hidden});
    add("self_attn.k_proj", {kv, s.hidden});
    add("self_attn.v_proj", {kv, s.hidden});
    add("self_attn.o_proj", {s.hidden, q});
    add("post_attention_layernorm", {s.hidden});
    add("mlp.gate_proj", {s.ffn, s.hidden});
    add("mlp.up_proj", {s.ffn, s.hidden});
    add("mlp.down_proj", {s.hidden, s.ffn});
}

}  // namespace

std::vector<NamedShape> tensors_of(const Shape& shape, const LayerRange& range) {
    std::vector<NamedShape> all;
    if (range.embedding || (range.head && shape.tied_head)) {
        all.push_back({kEmbeddingName, {shape.vocab, shape.hidden}});
    }
    for (int layer = range.first; layer < range.last; ++layer) {
        add_layer(all, shape, layer);
    }
    if (range.head) {
        all.push_back({"model.norm.weight", {shape.hidden}});
    }
    if (range.head && !shape.tied_head) {
        all.push_back({kHeadName, {shape.vocab, shape.hidden}});
    }
    return all;
}

Status check_shape(const Shape& s, const std::string& where) {
    struct Limit {
        const char* what;
        int value;
        int most;
    };
    const Limit limits[] = {
        {"vocabulary size", s.vocab, 1 << 24}, {"hidden size", s.hidden, 1 << 20},
        {"intermediate size", s.ffn, 1 << 22}, {"number of layers", s.layers, 4096},
        {"number of heads", s.heads, 4096},    {"number of key and value heads", s.kv_heads, 4096},
        {"head dimension", s.head_dim, 4096},  {"context", s.context, 1 << 26},
    };
    for (const Limit& limit : limits) {
        if (limit.value < 1 || limit.value > limit.most) {
            return fail("{}: the {} is {}; it has to be between 1 and {}", where, limit.what, limit.value, limit.most);
        }
    }
    if (s.heads % s.kv_heads != 0) {
        return fail("{}: {} heads cannot share {} key and value heads evenly", where, s.heads, s.kv_heads);
    }
    if (s.head_dim % 2 != 0) {
        return fail("{}: the head dimension is {}, and rotation needs an even one", where, s.head_dim);
    }
    if (!(s.rms_eps >= 0 && s.rms_eps < 1)) {
        return fail("{}: the norms' epsilon is {}; it has to be between 0 and 1", where, s.rms_eps);
    }
    if (!(s.rope_theta >= 1 && s.rope_theta <= 1e12)) {
        return fail("{}: the rotation's base is {}; it has to be between 1 and 1e12", where, s.rope_theta);
    }
    for (const int id : s.eos) {
        if (id < 0 || id >= s.vocab) {
            return fail("{}: the end token {} is not in a vocabulary of {}", where, id, s.vocab);
        }
    }
    if (s.bos < -1 || s.bos >= s.vocab) {
        return fail("{}: the begin token {} is not in a vocabulary of {}", where, s.bos, s.vocab);
    }
    return Status::ok();
}

}  // namespace inferstep::llm
