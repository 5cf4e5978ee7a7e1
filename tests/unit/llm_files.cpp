// Models' files made here byte by byte, each wrong in one way: one sentence that names what is wrong.
#include <cstring>

#include "check.hpp"
#include "core/file.hpp"
#include "folder.hpp"
#include "llm/gguf.hpp"
#include "llm/hf_config.hpp"
#include "llm/hf_weights.hpp"
#include "llm/pickle.hpp"
#include "llm/safetensors.hpp"
#include "llm/torch_file.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

FileBytes bytes_of_text(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

template <typename T>
std::string raw(T value) {
    std::string out(sizeof value, '\0');
    std::memcpy(out.data(), &value, sizeof value);
    return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    return at == std::string::npos ? text + "?" : text.replace(at, from.size(), to);
}

// --- config.json
const std::string kConfig = R"({"architectures":["LlamaForCausalLM"],"vocab_size":32000,"hidden_size":3200,)"
                            R"("intermediate_size":8640,"num_hidden_layers":26,"num_attention_heads":32,)"
                            R"("max_position_embeddings":2048,"rms_norm_eps":1e-06,"tie_word_embeddings":false})";

void config_of_open_llama() {
    const auto shape = parse_config(kConfig, "m/config.json");
    if (!CHECK(shape)) {
        return;
    }
    CHECK_EQ(shape->name, "m");
    CHECK_EQ(shape->head_dim, 100);
    CHECK_EQ(shape->kv_heads, 32);
    CHECK_EQ(shape->ffn, 8640);
    CHECK_EQ(shape->rope_theta, 10000.0);
    CHECK_EQ(shape->bos, 1);
    CHECK(shape->eos == std::vector<int>{2});
    const auto newer = parse_config(replaced(kConfig, "\"rms",
                                             R"("num_key_value_heads":8,"eos_token_id":[2,7],"bos_token_id":null,)"
                                             R"("rope_parameters":{"rope_type":"default","rope_theta":5e5},"rms)"),
                                    "m/config.json");
    if (CHECK(newer)) {
        CHECK_EQ(newer->kv_heads, 8);
        CHECK_EQ(newer->bos, -1);
        CHECK_EQ(newer->rope_theta, 5e5);
        CHECK((newer->eos == std::vector<int>{2, 7}));
    }
}

void config_refused() {
    struct Case {
        const char* from;
        const char* to;
        const char* words;
    };
    const Case cases[] = {
        {"LlamaFor", "OPTFor", "the architecture is OPTForCausalLM"},
        {"\"vocab_size\":32000,", "", "has no vocab_size"},
        {"26", "\"26\"", "num_hidden_layers is \"26\", and not a whole number"},
        {"26", "26.5", "not a whole number"},
        {"26", "1e300", "not a whole number"},
        {"26", "0", "number of layers is 0"},
        {"3200,", "-3200,", "hidden size is -3200"},
        {"\"num_attention_heads\":32", "\"num_attention_heads\":33", "head dimension is 0"},
        {"\"rms", "\"head_dim\":99,\"rms", "needs an even one"},
        {"\"rms", "\"num_key_value_heads\":5,\"rms", "32 heads cannot share 5"},
        {"\"rms", "\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},\"rms", "the rotation \"linear\""},
        {"\"rms", "\"attention_bias\":true,\"rms", "attention_bias is true"},
        {"\"rms", "\"hidden_act\":\"gelu\",\"rms", "hidden_act is gelu"},
        {"\"rms", "\"eos_token_id\":32000,\"rms", "end token 32000"},
        {"\"rms", "\"eos_token_id\":[2,\"x\"],\"rms", "eos_token_id has \"x\""},
        {"1e-06", "2", "epsilon is 2"},
        {"{", "[", "not valid JSON"},
    };
    for (const Case& c : cases) {
        const auto shape = parse_config(replaced(kConfig, c.from, c.to), "m/config.json");
        CHECK_FAILS(shape, c.words);
        CHECK_FAILS(shape, "m/config.json");
    }
    CHECK_FAILS(parse_config("[]", "c"), "no JSON object");
    CHECK_FAILS(parse_config(std::string(100000, '['), "c"), "not valid JSON");
}

// --- safetensors
std::string safetensors(const std::string& header, std::size_t data = 24) {
    return raw<std::uint64_t>(header.size()) + header + std::string(data, 'd');
}

void safetensors_read() {
    const std::string file = safetensors(R"({"__metadata__":{"format":"pt"},)"
                                         R"("a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
                                         R"("n":{"dtype":"I64","shape":[1],"data_offsets":[12,20]},)"
                                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[20,24]}})");
    const auto tensors = read_safetensors(bytes_of_text(file), "m.safetensors");
    if (!CHECK(tensors) || !CHECK_EQ(tensors->size(), 3U)) {
        return;
    }
    const TensorView& a = tensors->at(0).view;
    CHECK_EQ(a.name, "a");
    CHECK(a.type == DataType::kBf16 && a.bytes == 12 && a.shape == std::vector<std::int64_t>({2, 3}));
    CHECK_EQ(a.data - bytes_of_text(file).data(), std::ptrdiff_t(file.size() - 24));
    CHECK_EQ(tensors->at(1).foreign_type, "I64");
}

void safetensors_refused() {
    const auto entry = [](const std::string& members) { return safetensors("{\"w\":{" + members + "}}"); };
    struct Case {
        std::string file;
        const char* words;
    };
    const Case cases[] = {
        {"", "too short"},
        {"1234567", "too short"},
        {raw<std::uint64_t>(1000) + "{}", "its header would have 1000 bytes"},
        {raw<std::uint64_t>(~0ULL) + "{}", "its header would have"},
        {safetensors("{"), "not valid JSON"},
        {safetensors("[]"), "no JSON object"},
        {entry(""), "entry of tensor w"},
        {entry(R"("dtype":"F32","shape":[6],"data_offsets":[0])"), "entry of tensor w"},
        {entry(R"("dtype":"F32","shape":[-6],"data_offsets":[0,24])"), "entry of tensor w"},
        {entry(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,24])"), "entry of tensor w"},
        {entry(R"("dtype":"F32","shape":[6],"data_offsets":[0,25])"), "tensor w lies at bytes 0 to 25 of 24"},
        {entry(R"("dtype":"F32","shape":[6],"data_offsets":[24,0])"), "tensor w lies at bytes 24 to 0"},
        {entry(R"("dtype":"F32","shape":[5],"data_offsets":[0,24])"), "its shape [5] in F32 takes 20"},
        {entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,24])"), "cannot have the shape"},
        {entry(R"("dtype":"F32","shape":[9007199254740992,2,2],"data_offsets":[0,24])"), "cannot have the shape"},
    };
    for (const Case& c : cases) {
        const auto tensors = read_safetensors(bytes_of_text(c.file), "m.safetensors");
        CHECK_FAILS(tensors, c.words);
        CHECK_FAILS(tensors, "m.safetensors");
    }
}

// --- Hugging Face's shards
void index_refused() {
    const Folder folder;
    CHECK_FAILS(open_weights(folder.path()), "has no weights");
    const std::string index = folder / "model.safetensors.index.json";
    const auto with = [&](const std::string& map) {
        CHECK(write_file(index, "{\"weight_map\":" + map + "}"));
        return open_weights(folder.path());
    };
    CHECK_FAILS(with("{}"), "no weight_map");
    CHECK_FAILS(with(R"({"w":"../x.safetensors"})"), "which is no name of a file");
    CHECK_FAILS(with(R"({"w":"/etc/passwd"})"), "which is no name of a file");
    CHECK_FAILS(with(R"({"w":3})"), "which is no name of a file");
    CHECK_FAILS(with(R"({"w":"a.safetensors"})"), "/a.safetensors");
    CHECK(write_file(folder / "a.safetensors", safetensors("{}")));
    CHECK_FAILS(with(R"({"w":"a.safetensors"})"), "has no tensor w, which the index says is there");
}

// --- Pickles
using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
const std::string kStart = "\x80\x02"s;
const std::string kDictCall = "ccollections\nOrderedDict\n)R";

std::string text(const std::string& word) {
    return "X" + raw<std::uint32_t>(static_cast<std::uint32_t>(word.size())) + word;
}

std::string tensor(const std::string& kind = "HalfStorage", const std::string& sizes = "K\x02K\x03\x86"s,
                   const std::string& strides = "K\x03K\x01\x86"s) {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + kind + "\n" + text("0") +
           text("cpu") + "K\x06tQK\x00"s + sizes + strides + "\x89" + kDictCall + "tR";
}

void pickle_read() {
    const std::string state =
        kStart + kDictCall + "q\x01("s + text("w") + tensor() + "uh\x01" + "}" + text("_metadata") + kDictCall + "sb0.";
    CHECK_FAILS(read_state_dict(state, "p.bin"), "opcode 0x30");
    const auto tensors = read_state_dict(replaced(replaced(state, "b0.", "b."), "uh\x01", "u"), "p.bin");
    if (CHECK(tensors) && CHECK_EQ(tensors->size(), 1U)) {
        const PickledTensor& w = tensors->front();
        CHECK_EQ(w.name, "w");
        CHECK_EQ(w.storage_class, "HalfStorage");
        CHECK(w.shape == std::vector<std::int64_t>({2, 3}) && w.strides == std::vector<std::int64_t>({3, 1}));
        CHECK_EQ(w.elements, 6U);
    }
}

void pickle_refused() {
    struct Case {
        std::string pickle;
        const char* words;
    };
    const Case cases[] = {
        {"", "ends in the middle"},
        {kStart + "cos\nsystem\n" + text("id") + "\x85R.", "asks for os.system, which is never called"},
        {kStart + "cbuiltins\neval\n.", "builtins.eval"},
        {kStart + "ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"},
        {kStart + "ctorch\nload\n.", "asks for torch.load"},
        {kStart + "ccollections\nOrderedDict", "ends in the middle"},
        {"\x80\x04}.", "another protocol"},
        {kStart + "X" + raw<std::uint32_t>(0xffffffff) + "w.", "ends in the middle"},
        {kStart + "\x93.", "opcode 0x93"},
        {kStart + "R.", "taken where none is"},
        {kStart + "h\x05.", "never noted"},
        {kStart + "q\x05.", "noted where none is"},
        {kStart + "K\x01.", "builds no dict of tensors"},
        {kStart + ")K\x01K\x02s.", "no dict"},
        {kStart + "}(K\x01u.", "no dict"},
        {kStart + "K\x01Q.", "persistent id"},
        {kStart + "ccollections\nOrderedDict\nK\x01\x85R.", "called with other arguments"},
        {kStart + "ctorch._utils\n_rebuild_tensor_v2\n)R.", "out of too little"},
        {kStart + "K\x01)R.", "without callable"},
        {kStart + "\x8a\x09" + std::string(9, 'x') + ".", "more than 64 bits"},
        {kStart + tensor("HalfStorage", "J\xff\xff\xff\xffK\x03\x86"s) + ".",
         "a tensor is built out of something else"},
    };
    for (const Case& c : cases) {
        const auto tensors = read_state_dict(c.pickle, "p.bin");
        CHECK_FAILS(tensors, c.words);
        CHECK_FAILS(tensors, "p.bin");
    }
    // A dict that holds itself, and tuples in each other: nothing recurses, nothing is left.
    CHECK(read_state_dict(kStart + "}q\x01" + text("w") + "h\x01s.", "p.bin"));
    std::string deep = kStart + "}" + text("w") + ")";
    deep.append(100000, '\x85');
    CHECK(read_state_dict(deep + "s.", "p.bin"));
}

void torch_refused() {
    CHECK_FAILS(read_torch_file(bytes_of_text("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a"), "p.bin"), "before 1.6");
    CHECK_FAILS(read_torch_file(bytes_of_text("hello"), "p.bin"), "no file that torch.save wrote");
    CHECK_FAILS(read_torch_file(bytes_of_text("PK\x03\x04 and no more"), "p.bin"), "it is truncated");
}

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
    {"a config.json of OpenLLaMA, and one of newer versions", config_of_open_llama},
    {"a config.json that asks for something else, or makes no sense", config_refused},
    {"the header of a safetensors file", safetensors_read},
    {"a safetensors file that is wrong in one way", safetensors_refused},
    {"an index that names what is not there, or leads out of the directory", index_refused},
    {"a pickle of tensors", pickle_read},
    {"a pickle that asks for anything else, or is damaged", pickle_refused},
    {"a .bin that is no zip", torch_refused},
    {"a GGUF file", gguf_read},
    {"a GGUF file that is wrong in one way", gguf_refused},
    {"factors of the rotation are taken when they are ones", rotation_factors},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kModelFilesSuite = suite("model files", kTests);

}  // namespace inferstep::test
