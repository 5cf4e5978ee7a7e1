// config.json and safetensors files made here byte by byte, each wrong in one way: one sentence names what is wrong.
#include "check.hpp"
#include "core/file.hpp"
#include "folder.hpp"
#include "llm/files/hf_config.hpp"
#include "llm/files/hf_weights.hpp"
#include "llm/files/safetensors.hpp"
#include "llm_bytes.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

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

CU_TestInfo kTests[] = {
    {"a config.json of OpenLLaMA, and one of newer versions", config_of_open_llama},
    {"a config.json that asks for something else, or makes no sense", config_refused},
    {"the header of a safetensors file", safetensors_read},
    {"a safetensors file that is wrong in one way", safetensors_refused},
    {"an index that names what is not there, or leads out of the directory", index_refused},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kModelFilesSuite = suite("model files", kTests);

}  // namespace inferstep::test
