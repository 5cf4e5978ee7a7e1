// Collections made by hand, for the tests of what is computed from them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/collection.hpp"

namespace inferstep::test {

inline report::Execution execution(int nodes, const std::string& strategy, int repeat) {
    report::Execution e;
    e.id = strategy + std::to_string(nodes) + "." + std::to_string(repeat);
    e.parameters = {{"nodes", std::to_string(nodes)}, {"strategy", strategy}};
    e.nodes = nodes;
    e.tasks = nodes;
    e.repeat = repeat;
    return e;
}

// Times of a function, one list for each rank.
inline void add_times(report::Execution& e, const std::string& function,
                      const std::vector<std::vector<double>>& ranks) {
    report::FunctionTimes times;
    times.function = function;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        if (rank >= e.files.size()) {
            e.files.push_back({"rank_" + std::to_string(rank) + ".csv", static_cast<int>(rank), "", 0});
        }
        times.parts.push_back({rank, times.seconds.size()});
        times.seconds.insert(times.seconds.end(), ranks[rank].begin(), ranks[rank].end());
    }
    e.functions.push_back(std::move(times));
}

inline report::Collection collection_of(std::vector<report::Execution> executions) {
    report::Collection c;
    report::Tree tree;
    tree.path = tree.label = "results";
    c.trees = {std::move(tree)};
    c.executions = std::move(executions);
    return c;
}

}  // namespace inferstep::test
