// A state dict's pickle, read by an interpreter that can build tensors and nothing else: it knows the opcodes and the
// four callables that torch.save writes for a dict of tensors; any other is refused by its name, and nothing is ever
// called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

struct PickledTensor {
    std::string name;
    std::string storage;         // key of the zip's entry data/KEY
    std::string storage_class;   // "HalfStorage"
    std::uint64_t elements = 0;  // of the storage
    std::uint64_t offset = 0;    // elements before the first
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
};

// The tensors of the dict that the pickle builds; other members of the dict are passed over. `where` names the file.
Result<std::vector<PickledTensor>> read_state_dict(std::string_view pickle, const std::string& where);

}  // namespace inferstep::llm
