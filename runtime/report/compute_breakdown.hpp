// Where the time went: communication, compute, input and output, preprocessing, bubble and the rest, by the wall clock
// around each operation; and the databases' requests in their parts.
#pragma once

#include <string_view>
#include <vector>

#include "report/compute.hpp"

namespace inferstep::report {

enum class Category { kCommunication, kCompute, kIo, kPreprocess, kBubble, kContainer, kNone };

// The category of an operation, by its name in lower case without "()"; "nccl:all_reduce" is all_reduce. A container
// holds other operations (loop, epoch) and is no part of a sum. What no name is known for counts as other.
Category category_of(std::string_view function);

struct CategoryNames {
    Category category;
    const char* title;
    std::vector<std::string_view> functions;
};
const std::vector<CategoryNames>& category_names();  // the whole table, for the manual page and its test

void compute_breakdown(const Collection& collection, Figures& figures);

}  // namespace inferstep::report
