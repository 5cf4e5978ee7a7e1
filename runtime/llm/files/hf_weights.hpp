// The weight files of a Hugging Face directory: one file, or shards that an index names.
#pragma once

#include <string>
#include <vector>

#include "core/mapped_file.hpp"
#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

struct WeightFiles {
    std::string format;  // "safetensors", "pytorch"
    std::vector<MappedFile> files;
    std::vector<FileTensor> tensors;  // views into the files; in sharded models those that the index names
};

// safetensors before pytorch_model.bin, one file before shards. Errors name the file: no weights there, a shard that is
// missing, a tensor that is not in the shard that the index says.
Result<WeightFiles> open_weights(const std::string& directory);

}  // namespace inferstep::llm
