// Element types as the wire names them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "inferdb/backend.hpp"

namespace inferstep {

struct DTypeInfo {
    DType type;
    std::string_view name;
    std::size_t size;  // bytes of an element; 0 for strings, which differ in length and end in a NUL each
};

inline constexpr std::array<DTypeInfo, 10> kDTypes = {{
    {DType::float32, "FLOAT", 4},
    {DType::float64, "DOUBLE", 8},
    {DType::int8, "INT8", 1},
    {DType::int16, "INT16", 2},
    {DType::int32, "INT32", 4},
    {DType::int64, "INT64", 8},
    {DType::uint8, "UINT8", 1},
    {DType::uint16, "UINT16", 2},
    {DType::boolean, "BOOL", 1},
    {DType::string, "STRING", 0},
}};

inline const DTypeInfo& dtype_info(DType type) { return kDTypes[static_cast<std::size_t>(type)]; }

}  // namespace inferstep
