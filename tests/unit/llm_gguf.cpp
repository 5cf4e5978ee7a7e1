// GGUF files made here byte by byte, each wrong in one way: one sentence names what is wrong.
#include "check.hpp"
#include "llm/files/gguf.hpp"
#include "llm_bytes.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

// --- GGUF
std::string word(const std::string& text) { return raw<std::uint64_t>(text.size()) + text; }
std::string integer(const std::string& key, std::uint32_t value) {
    return word(key) + raw<std::uint32_t>(4) + raw(value);
}
std::string real(const std::string& key, float value) { return word(key) + raw<std::uint32_t>(6) + raw(value); }
std::string string(const std::string& key, const std::string& value) {
    return word(key) + raw<std::uint32_t>(8) + word(value);
}

struct Gguf {
    std::vector<std::string> values = {string("general.architecture", "llama"),
                                       integer("llama.block_count", 1),
                                       integer("llama.embedding_length", 64),
                                       integer("llama.feed_forward_length", 32),
                                       integer("llama.attention.head_count", 2),
                                       integer("llama.context_length", 16),
                                       real("llama.attention.layer_norm_rms_epsilon", 1e-5F)};
    std::uint32_t type = 2;  // Q4_0
    std::uint64_t columns = 64;
    std::uint64_t offset = 0;
    std::uint32_t version = 3;
    std::uint64_t count = 1;
    std::string name = "token_embd.weight";
    std::size_t data = 144;  // four rows of 64 in Q4_0

    std::string text() const {
        std::string file = "GGUF" + raw(version) + raw(count) + raw<std::uint64_t>(values.size());
        for (const std::string& value : values) {
            file += value;
        }
        file += word(name) + raw<std::uint32_t>(2) + raw(columns) + raw<std::uint64_t>(4) + raw(type) + raw(offset);
        file.resize((file.size() + 31) / 32 * 32);
        return file + std::string(data, 'd');
    }
    Result<GgufFile> read() const {
        const std::string file = text();
        return read_gguf(bytes_of_text(file), "m.gguf");
    }
};

void gguf_read() {
    Gguf gguf;
    const auto file = gguf.read();
    if (!CHECK(file)) {
        return;
    }
    CHECK_EQ(file->shape.vocab, 4);
    CHECK_EQ(file->shape.head_dim, 32);
    CHECK_EQ(file->shape.kv_heads, 2);
    CHECK(file->shape.tied_head && file->shape.rope_interleaved);
    CHECK_EQ(file->shape.name, "m");
    CHECK_EQ(file->tensors.front().view.name, "model.embed_tokens.weight");
    CHECK_EQ(file->tensors.front().view.bytes, 144U);
    gguf.name = "blk.12.attn_q.weight";
    gguf.values.push_back(integer("llama.vocab_size", 4));
    const auto layer = gguf.read();
    CHECK(layer && layer->tensors.front().view.name == "model.layers.12.self_attn.q_proj.weight");
    gguf.type = 12;
    const auto foreign = gguf.read();
    CHECK(foreign && foreign->tensors.front().foreign_type == "Q4_K");
}

// Each change makes the file wrong in one way.
void gguf_refused() {
    const auto refused = [](auto change, const char* words) {
        Gguf gguf;
        change(gguf);
        const auto file = gguf.read();
        CHECK_FAILS(file, words);
        CHECK_FAILS(file, "m.gguf");
    };
    const auto value = [&](std::size_t at, const std::string& text, const char* words) {
        refused([&](Gguf& g) { g.values[at] = text; }, words);
    };
    value(0, string("general.architecture", "qwen2"), "the architecture is qwen2");
    value(0, integer("general.architecture", 1), "general.architecture in its metadata is not a text");
    value(1, string("llama.block_count", "1"), "llama.block_count in its metadata is not a whole number");
    value(1, integer("llama.blocks", 1), "has no llama.block_count");
    value(1, integer("llama.block_count", 0xffffffff), "no sensible number");
    value(2, integer("llama.embedding_length", 0), "hidden size is 0");
    value(1, word("x") + raw<std::uint32_t>(13) + raw<std::uint32_t>(0), "x has a value of type 13");
    value(1, word("x") + raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw<std::uint64_t>(1ULL << 60U),
          "more than fit into the file");
    value(1, word("x") + raw<std::uint32_t>(9) + raw<std::uint32_t>(9) + raw<std::uint64_t>(0), "is a list of values");
    const auto more = [&](const std::string& text, const char* words) {
        refused([&](Gguf& g) { g.values.push_back(text); }, words);
    };
    more(integer("llama.block_count", 1), "has llama.block_count twice");
    more(integer("llama.expert_count", 8), "8 experts");
    more(integer("split.count", 2), "one of 2 parts");
    more(string("llama.rope.scaling.type", "yarn"), "scaled (yarn)");
    more(integer("llama.rope.dimension_count", 16), "all three have to be the same");
    more(integer("general.alignment", 0), "its alignment is 0");
    refused([](Gguf& g) { g.version = 1; }, "version 1");
    refused([](Gguf& g) { g.version = 0x03000000; }, "version 50331648");
    refused([](Gguf& g) { g.count = ~0ULL; }, "more than fit into the file");
    refused([](Gguf& g) { g.columns = 48; }, "cannot have the shape [4, 48] in type Q4_0");
    refused([](Gguf& g) { g.columns = ~0ULL; }, "cannot have the shape");
    refused([](Gguf& g) { g.data = 143; }, "it is truncated");
    refused([](Gguf& g) { g.offset = 32; }, "it is truncated");
    refused([](Gguf& g) { g.offset = ~0ULL; }, "beyond any file");
    const std::string whole = Gguf().text();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(!read_gguf(bytes_of_text(std::string_view(whole).substr(0, size)), "m.gguf"));
    }
}

void rotation_factors() {
    Gguf gguf;
    gguf.name = "rope_freqs.weight";
    gguf.type = 0;
    gguf.columns = 1;
    gguf.values.push_back(integer("llama.vocab_size", 4));
    std::string file = gguf.text();
    CHECK_FAILS(read_gguf(bytes_of_text(file), "m.gguf"), "rope_freqs.weight scales the rotation");
    file.resize(file.size() - gguf.data);
    for (int i = 0; i < 4; ++i) {
        file += raw(1.0F);
    }
    CHECK(read_gguf(bytes_of_text(file), "m.gguf"));
}

CU_TestInfo kTests[] = {
    {"a GGUF file", gguf_read},
    {"a GGUF file that is wrong in one way", gguf_refused},
    {"factors of the rotation are taken when they are ones", rotation_factors},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kGgufSuite = suite("gguf", kTests);

}  // namespace inferstep::test
