#include "llm/files/gguf.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "core/text.hpp"
#include "llm/files/gguf_shape.hpp"
#include "llm/files/gguf_values.hpp"
#include "llm/files/shape_tensors.hpp"

namespace inferstep::llm {
namespace {

struct TypeName {
    std::uint32_t number;
    const char* name;
};
constexpr auto kForeignTypes = std::to_array<TypeName>(
    {{6, "Q5_0"},   {7, "Q5_1"},   {9, "Q8_1"},     {10, "Q2_K"},   {11, "Q3_K"},    {12, "Q4_K"},  {13, "Q5_K"},
     {14, "Q6_K"},  {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"},
     {21, "IQ3_S"}, {22, "IQ2_S"}, {23, "IQ4_XS"},  {24, "I8"},     {25, "I16"},     {26, "I32"},   {27, "I64"},
     {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"}});

std::optional<DataType> type_of(std::uint32_t number) {
    switch (number) {
        case 0:
            return DataType::kF32;
        case 1:
            return DataType::kF16;
        case 2:
            return DataType::kQ4_0;
        case 3:
            return DataType::kQ4_1;
        case 8:
            return DataType::kQ8_0;
        case 30:
            return DataType::kBf16;
        default:
            return std::nullopt;
    }
}

std::string foreign_name(std::uint32_t number) {
    const auto* const found = std::ranges::find(kForeignTypes, number, &TypeName::number);
    return found != kForeignTypes.end() ? found->name : fmt::format("number {}", number);
}

// "blk.3.attn_q.weight" is "model.layers.3.self_attn.q_proj.weight".
std::string usual_name(std::string_view name) {
    static const std::map<std::string_view, std::string_view> ends = {{"token_embd.weight", kEmbeddingName},
                                                                      {"output_norm.weight", "model.norm.weight"},
                                                                      {"output.weight", kHeadName}};
    static const std::map<std::string_view, std::string_view> parts = {
        {"attn_q", "self_attn.q_proj"},          {"attn_k", "self_attn.k_proj"},
        {"attn_v", "self_attn.v_proj"},          {"attn_output", "self_attn.o_proj"},
        {"ffn_gate", "mlp.gate_proj"},           {"ffn_up", "mlp.up_proj"},
        {"ffn_down", "mlp.down_proj"},           {"attn_norm", "input_layernorm"},
        {"ffn_norm", "post_attention_layernorm"}};
    if (const auto found = ends.find(name); found != ends.end()) {
        return std::string(found->second);
    }
    constexpr std::string_view kLayer = "blk.";
    const std::size_t dot = name.find('.', kLayer.size());
    const std::size_t last = name.rfind('.');
    if (!name.starts_with(kLayer) || dot == std::string_view::npos || last <= dot) {
        return as_utf8(name);
    }
    const auto part = parts.find(name.substr(dot + 1, last - dot - 1));
    if (part == parts.end()) {
        return as_utf8(name);
    }
    return fmt::format("model.layers.{}.{}{}", as_utf8(name.substr(kLayer.size(), dot - kLayer.size())), part->second,
                       as_utf8(name.substr(last)));
}

struct Entry {
    std::string name;
    std::uint32_t type = 0;
    std::vector<std::int64_t> shape;
    std::uint64_t offset = 0;  // from where the data begin
};

Entry read_entry(GgufCursor& cursor) {
    Entry entry;
    entry.name = usual_name(cursor.text());
    const auto dimensions = cursor.number<std::uint32_t>();
    if (dimensions < 1 || dimensions > 4) {
        cursor.note(fail("{}: tensor {} has {} dimensions", cursor.path(), entry.name, dimensions));
        return entry;
    }
    entry.shape.resize(dimensions);
    for (std::uint32_t i = dimensions; i-- > 0;) {  // the row's length comes first
        const auto size = cursor.number<std::uint64_t>();
        entry.shape[i] = size >> 62U == 0 ? static_cast<std::int64_t>(size) : -1;
    }
    entry.type = cursor.number<std::uint32_t>();
    entry.offset = cursor.number<std::uint64_t>();
    return entry;
}

Result<FileTensor> tensor_of(const Entry& entry, FileBytes file, const std::string& path, std::size_t data) {
    const auto type = type_of(entry.type);
    if (!type) {
        FileTensor foreign;
        foreign.view.name = entry.name;
        foreign.view.file = path;
        foreign.foreign_type = foreign_name(entry.type);
        return foreign;
    }
    std::uint64_t offset = 0;
    if (__builtin_add_overflow(entry.offset, data, &offset)) {
        return fail("{}: tensor {} begins at byte {} of the data, which is beyond any file", path, entry.name,
                    entry.offset);
    }
    Result<TensorView> view = view_in(file, path, entry.name, *type, entry.shape, offset);
    return view ? Result<FileTensor>(FileTensor{std::move(*view), {}}) : Result<FileTensor>(view.error());
}

// Longer contexts are taught to a model by factors on its rotation, which we do not have; ones say nothing.
Status check_rotation(const TensorView& factors) {
    for (std::size_t i = 0; factors.type == DataType::kF32 && i < factors.bytes / sizeof(float); ++i) {
        if (number_at<float>({factors.data, factors.bytes}, i * sizeof(float)) != 1.0F) {
            return fail("{}: {} scales the rotation, and only the unscaled one is understood", factors.file,
                        factors.name);
        }
    }
    return Status::ok();
}

Result<std::vector<FileTensor>> read_tensors(GgufCursor& cursor, const GgufValues& values, std::uint64_t count,
                                             FileBytes file) {
    std::vector<Entry> entries;
    for (std::uint64_t i = 0; i < count && cursor.status(); ++i) {
        entries.push_back(read_entry(cursor));
    }
    if (!cursor.status()) {
        return cursor.status().error();
    }
    const Result<int> alignment = values.integer("general.alignment", 32);
    if (!alignment || *alignment < 1 || *alignment > 1 << 20) {
        return alignment ? fail("{}: its alignment is {}", cursor.path(), *alignment) : alignment.error();
    }
    const auto step = static_cast<std::size_t>(*alignment);
    const std::size_t data = (cursor.at() + step - 1) / step * step;
    std::vector<FileTensor> tensors;
    for (const Entry& entry : entries) {
        Result<FileTensor> tensor = tensor_of(entry, file, cursor.path(), data);
        if (!tensor) {
            return tensor.error();
        }
        if (entry.name == "rope_freqs.weight") {
            if (Status s = check_rotation(tensor->view); !s) {
                return s.error();
            }
        }
        tensors.push_back(std::move(*tensor));
    }
    return tensors;
}

}  // namespace

bool is_gguf(FileBytes file) { return file.size() >= 4 && as_text(file.first(4)) == "GGUF"; }

Result<GgufFile> read_gguf(FileBytes file, const std::string& path) {
    if (!is_gguf(file)) {
        return fail("{} is no GGUF file", path);
    }
    GgufCursor cursor(file, path);
    cursor.number<std::uint32_t>();
    const auto version = cursor.number<std::uint32_t>();
    if (cursor.status() && version != 2 && version != 3) {
        return fail("{}: it is a GGUF file of version {}, and versions 2 and 3 are understood", path, version);
    }
    constexpr std::uint64_t kSmallestTensor = 32;  // bytes of an entry of the header
    const std::uint64_t tensor_count = cursor.count(kSmallestTensor);
    const std::uint64_t value_count = cursor.count(13);
    const Result<GgufValues> values = GgufValues::read(cursor, value_count);
    if (!values) {
        return values.error();
    }
    Result<std::vector<FileTensor>> tensors = read_tensors(cursor, *values, tensor_count, file);
    if (!tensors) {
        return tensors.error();
    }
    GgufFile all;
    all.tensors = std::move(*tensors);
    const auto named = [&](const char* name) {
        return std::ranges::find(all.tensors, name, [](const FileTensor& t) { return std::string_view(t.view.name); });
    };
    const auto embedding = named(kEmbeddingName);
    const bool known = embedding != all.tensors.end() && embedding->view.shape.size() == 2;
    const std::int64_t rows = known ? embedding->view.shape.front() : 0;
    Result<Shape> shape = shape_of(*values, path, static_cast<int>(std::min<std::int64_t>(rows, 1 << 30)));
    if (!shape) {
        return shape.error();
    }
    Result<Vocabulary> vocabulary = vocabulary_of(*values);
    if (!vocabulary) {
        return vocabulary.error();
    }
    all.shape = std::move(*shape);
    all.shape.tied_head = named(kHeadName) == all.tensors.end();
    all.vocabulary = std::move(*vocabulary);
    return all;
}

}  // namespace inferstep::llm
