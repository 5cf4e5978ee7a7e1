// Pickles and zips of torch.save's kind, made here byte by byte, and others that only look like them.
#include "check.hpp"
#include "llm/files/pickle.hpp"
#include "llm/files/torch_file.hpp"
#include "llm/files/zip.hpp"
#include "llm_bytes.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

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

// --- Zips
// A zip of stored entries whose sizes and places stand in the extra fields of 64 bits, as in files of more than 4 GB.
std::string zip64(const std::string& name, const std::string& data) {
    const std::string local = "PK\x03\x04" + std::string(22, '\0') +
                              raw<std::uint16_t>(static_cast<std::uint16_t>(name.size())) + raw<std::uint16_t>(0) +
                              name + data;
    const std::string extra = raw<std::uint16_t>(1) + raw<std::uint16_t>(24) + raw<std::uint64_t>(data.size()) +
                              raw<std::uint64_t>(data.size()) + raw<std::uint64_t>(0);
    const std::string entry = "PK\x01\x02" + std::string(16, '\0') + std::string(8, '\xff') +
                              raw<std::uint16_t>(static_cast<std::uint16_t>(name.size())) + raw<std::uint16_t>(28) +
                              std::string(10, '\0') + std::string(4, '\xff') + name + extra;
    const std::string end64 =
        "PK\x06\x06" + std::string(36, '\0') + raw<std::uint64_t>(entry.size()) + raw<std::uint64_t>(local.size());
    const std::string locator =
        "PK\x06\x07" + raw<std::uint32_t>(0) + raw<std::uint64_t>(local.size() + entry.size()) + raw<std::uint32_t>(1);
    return local + entry + end64 + locator + "PK\x05\x06" + std::string(8, '\xff') + std::string(10, '\0');
}

void zip_of_64_bits() {
    const std::string file = zip64("archive/data/0", "weights");
    const auto entries = read_zip(bytes_of_text(file), "z.bin");
    if (CHECK(entries) && CHECK_EQ(entries->size(), 1U)) {
        CHECK_EQ(as_text(entries->at("archive/data/0")), "weights");
    }
    // One byte less anywhere at the end, and there is no directory; one byte less inside, and it leads elsewhere.
    for (std::size_t size = 0; size < file.size(); ++size) {
        const auto cut = read_zip(bytes_of_text(std::string_view(file).substr(0, size)), "z.bin");
        CHECK_FAILS(cut, "z.bin");
    }
    CHECK_FAILS(read_zip(bytes_of_text(file.substr(1)), "z.bin"), "z.bin");
}

CU_TestInfo kTests[] = {
    {"a pickle of tensors", pickle_read},
    {"a pickle that asks for anything else, or is damaged", pickle_refused},
    {"a .bin that is no zip", torch_refused},
    {"a zip with numbers of 64 bits, whole and cut", zip_of_64_bits},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kTorchFilesSuite = suite("torch files", kTests);

}  // namespace inferstep::test
