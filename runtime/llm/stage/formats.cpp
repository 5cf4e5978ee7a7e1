#include "llm/stage/formats.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "llm/files/shape_tensors.hpp"
#include "llm/stage/partition.hpp"

namespace inferstep::llm {
namespace {

// As a stage puts them together.
std::vector<std::vector<std::string>> matrices_of(int layer) {
    const auto name = [layer](const char* what) { return fmt::format("model.layers.{}.{}.weight", layer, what); };
    return {{name("self_attn.q_proj"), name("self_attn.k_proj"), name("self_attn.v_proj")},
            {name("self_attn.o_proj")},
            {name("mlp.gate_proj"), name("mlp.up_proj")},
            {name("mlp.down_proj")}};
}

void note_types(const ModelFiles& files, const std::vector<std::string>& names, WeightFormats& formats) {
    for (const std::string& name : names) {
        const Result<TensorView> tensor = files.tensor(name);
        if (tensor && tensor->type > DataType::kBf16) {
            formats.blocks.emplace(name_of(tensor->type));
        } else {
            formats.plain = true;
        }
    }
}

}  // namespace

Result<Format> joint_format(const ModelFiles& files, const std::vector<std::string>& names, Format wanted) {
    Result<Format> format = Format::kInt4Min;
    for (const std::string& name : names) {
        const Result<TensorView> tensor = files.tensor(name);
        if (!tensor) {
            return tensor.error();
        }
        format = std::min(*format, format_for(tensor->type, wanted));
    }
    return format;
}

WeightFormats weight_formats(const ModelFiles& files, Format wanted) {
    WeightFormats formats;
    const Shape& shape = files.shape();
    std::map<Format, int> layers;
    for (int layer = 0; layer < shape.layers; ++layer) {
        for (const std::vector<std::string>& names : matrices_of(layer)) {
            note_types(files, names, formats);
            if (const Result<Format> format = joint_format(files, names, wanted); format) {
                ++layers[*format];
            }
        }
    }
    for (const auto& [format, count] : layers) {
        formats.memory[std::string(name_of(format))] = count;
        formats.layers = count > layers[formats.layers] ? format : formats.layers;
    }
    const Format head = shape.tied_head ? tied_format(wanted) : wanted;
    if (const Result<Format> format = joint_format(files, {kHeadName}, head); format) {
        ++formats.memory[std::string(name_of(*format))];
    }
    return formats;
}

Json formats_json(const WeightFormats& formats) {
    Json json = Json::object();
    for (const auto& [name, count] : formats.memory) {
        json.set(name.c_str(), count);
    }
    return json;
}

std::string stays_note(const WeightFormats& formats, const std::string& path, const std::string& where, Format wanted) {
    if (formats.blocks.empty() || (formats.layers == wanted && !formats.plain)) {
        return "";
    }
    std::string memory;
    for (const auto& [name, count] : formats.memory) {
        memory += (memory.empty() ? "" : ", ") + name;
    }
    return fmt::format("{}: {} has no effect on matrices that are {} in {}: they stay so (in memory: {})", where,
                       name_of(wanted), fmt::join(formats.blocks, " and "), path, memory);
}

}  // namespace inferstep::llm
