// itwinai's CSVs of one run, each kind by itself, before they are put together: epoch-time tells nodes, the others
// GPUs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "report/collection.hpp"
#include "report/read_parts.hpp"

namespace inferstep::report {

// A strategy and its size: nodes of epoch times, GPUs of everything else.
using SizeKey = std::pair<std::string, int>;

struct Epochs {
    struct Time {
        double seconds;
        Source source;
    };
    std::vector<Time> times;  // in the order of the files' rows
    std::set<int> epochs;
};

struct GpuSamples {
    double energy_j = 0;         // sum of each sample's power times its interval
    double utilization_sum = 0;  // in percent
    std::int64_t count = 0;
    double interval_s = kUnknown;  // of all samples
    std::set<int> nodes;
    std::set<std::pair<int, int>> gpus;                // node and GPU on it
    std::set<std::tuple<std::string, int, int>> seen;  // sample, node and GPU
    Source source;
};

// A profiler's self times on one rank, in seconds.
struct SelfTimes {
    double computation = 0, communication = 0, other = 0;
    std::string path;
};
struct Profile {
    std::map<int, SelfTimes> ranks;
    std::set<int> nodes;  // empty: the columns do not tell
};

using EpochTable = std::map<SizeKey, Epochs>;
using GpuTable = std::map<SizeKey, GpuSamples>;
using ProfileTable = std::map<SizeKey, Profile>;

// Each reads all CSV files of a folder. Error: no file there, a file without its columns, no row at all.
Status read_epochs(const std::string& folder, EpochTable& table, Notes& notes);
Status read_gpus(const std::string& folder, GpuTable& table, Notes& notes);
Status read_profiles(const std::string& folder, ProfileTable& table, Notes& notes);

}  // namespace inferstep::report
