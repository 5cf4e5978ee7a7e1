// Completions of a reference beside those of the runs: `inferstep report --reference`.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "report/collection.hpp"

namespace inferstep::report {

// Reads the reference and what every execution completed, and compares: by token ids where both have them, else by the
// bytes of the texts. Error: the reference cannot be read, or no execution has completions.
Status compare_with_reference(const std::string& path, Collection& collection);

// "20/20", "17/20, first at prompt 3, token 12", "no prompt in common".
std::string in_words(const ReferenceRun& run);

}  // namespace inferstep::report
