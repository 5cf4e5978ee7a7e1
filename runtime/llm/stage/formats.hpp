// In what the matrices of a model lie: in its files, and in memory once they are loaded. A file's blocks stay as they
// are, whatever precision was asked for.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "llm/files/model_files.hpp"
#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {

struct WeightFormats {
    std::map<std::string, int> memory;  // "int4_min": so many matrices, of layers and the head
    Format layers = Format::kBf16;      // that most of the layers' matrices have
    std::set<std::string> blocks;       // types of the matrices that the files have quantized: "Q4_1"
    bool plain = false;                 // some of the layers' are plain numbers in the files: a precision has an effect
};
Json formats_json(const WeightFormats& formats);  // {"int4_min": 120, "int8": 1}
WeightFormats weight_formats(const ModelFiles& files, Format wanted);

// Of the one matrix that these tensors make: the most exact one decides. Error: a tensor is not there.
Result<Format> joint_format(const ModelFiles& files, const std::vector<std::string>& names, Format wanted);

// "--precision: int8 has no effect on matrices that are Q4_1 in model.gguf: they stay so (int4_min in memory)"; empty:
// the model has what was asked for, or can be made into it. `where` says who asked.
std::string stays_note(const WeightFormats& formats, const std::string& path, const std::string& where, Format wanted);

}  // namespace inferstep::llm
