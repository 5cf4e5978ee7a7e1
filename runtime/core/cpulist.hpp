// The Linux list form of a CpuSet as a string: "0-3,8".
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "core/cpuset.hpp"

namespace inferstep {

inline std::string cpu_list(const CpuSet& set) {
    std::array<char, std::size_t{kMaxCpus} * 4> text;  // long enough for every other CPU of kMaxCpus
    return format_cpus(set, text.data(), text.size());
}

}  // namespace inferstep
