// Which executions make a row: what stands on the horizontal axis, what makes a line each, what is a repeat.
#pragma once

#include <string>

#include "report/compute.hpp"

namespace inferstep::report {

// The options, and where they are empty the hints of the first tree that has some.
FigureOptions meaning_of(const Collection& collection, const FigureOptions& options);

constexpr const char* kScales[] = {"nodes", "tasks", "gpus"};  // of every execution, beside its parameters

// x_name, x_rule, series, rows with their executions, failures, and the names of the functions.
//
// x is what `meaning` says; else nodes; else, where nodes do not vary, tasks, then gpus, then the first parameter that
// varies and is a number everywhere. Every other parameter that varies makes series, and so do trees; but a number that
// is a function of x (client_nodes beside nodes) makes none. What is equal in all of these is a repeat; warm-ups and
// failures are in no row.
void group(const Collection& collection, const FigureOptions& meaning, Figures& figures);

// The value of x or of a parameter in an execution; unknown where it has none or one that is no number.
double number_of(const Execution& execution, const std::string& name);
// "p0007 (nodes 4, language cpp, repeat 2)".
std::string name_of(const Execution& execution);
std::string name_of(const Figures& figures, const Row& row);  // "ddp, nodes 4"; "nodes 4" where there is one series
std::vector<std::string> parameter_names(const Collection& collection);  // in the order of their first appearance
const std::string* parameter(const Execution& execution, const std::string& name);  // null: it has none

}  // namespace inferstep::report
