// itwinai's scalability metrics: epoch-time, gpu-energy-data, computation-data or the older communication-data.
#include <sys/stat.h>

#include <algorithm>

#include "core/log.hpp"
#include "report/itwinai.hpp"
#include "report/read_parts.hpp"

namespace inferstep::report {
namespace {

struct Run {
    EpochTable epochs;
    GpuTable gpus;
    ProfileTable profiles;
};

// "torch-ddp", "ddp-bl" and "ddp" are one strategy: its parts write different names.
std::string plain(std::string_view strategy) {
    if (strategy.starts_with("torch-")) {
        strategy.remove_prefix(6);
    }
    for (const std::string_view end : {"-bl", "-it"}) {
        if (strategy.ends_with(end)) {
            strategy.remove_suffix(end.size());
        }
    }
    return std::string(strategy);
}

// How many GPUs a run on so many nodes had: what the samples and the profiles of the strategy say, nothing else.
// 0: nobody says.
int gpus_of(const SizeKey& epochs, const Run& run) {
    const auto fits = [&](const SizeKey& key, const std::set<int>& nodes) {
        return plain(key.first) == plain(epochs.first) && static_cast<int>(nodes.size()) == epochs.second;
    };
    for (const auto& [key, samples] : run.gpus) {
        if (fits(key, samples.nodes)) {
            return key.second;
        }
    }
    for (const auto& [key, profile] : run.profiles) {
        if (fits(key, profile.nodes)) {
            return key.second;
        }
    }
    return 0;
}

template <typename Table>
typename Table::const_iterator find(const Table& table, const SizeKey& key) {
    return std::find_if(table.begin(), table.end(), [&](const auto& entry) {
        return entry.first.second == key.second && plain(entry.first.first) == plain(key.first);
    });
}

void take_epochs(const Epochs& epochs, Execution& execution) {
    FunctionTimes times{"epoch", {}, {}};
    for (const Epochs::Time& time : epochs.times) {
        if (execution.files.empty() || execution.files.back().path != time.source.file) {
            execution.files.push_back({time.source.file, -1, {}, 0});
        }
        ++execution.files.back().rows;
        const std::size_t file = execution.files.size() - 1;
        const auto follows = [&](const FunctionTimes::Part& part) {
            const auto rows = static_cast<std::int64_t>(times.seconds.size() - part.begin);
            return part.file == file && part.line + rows == time.source.line;
        };
        if (times.parts.empty() || !follows(times.parts.back())) {
            times.parts.push_back({file, times.seconds.size(), time.source.line});
        }
        times.seconds.push_back(time.seconds);
    }
    execution.functions.push_back(std::move(times));
}

void take_samples(const GpuSamples& samples, Execution& execution, Notes& notes) {
    Accounting& accounting = execution.accounting;
    accounting.energy_j = samples.energy_j;
    accounting.gpu_utilization = samples.utilization_sum / 100 / static_cast<double>(samples.count);
    accounting.gpu = samples.source;
    if (static_cast<int>(samples.gpus.size()) != execution.gpus) {
        notes.add("runs with GPUs without samples", samples.source,
                  fmt::format("{} of {} GPUs have samples: energy is of those", samples.gpus.size(), execution.gpus));
    }
}

// Self times of a profiler are no wall-clock times: they are kept apart.
void take_profile(const Profile& profile, Execution& execution, Notes& notes) {
    FunctionTimes computation{"computation (self)", {}, {}, true};
    FunctionTimes communication{"communication (self)", {}, {}, true};
    FunctionTimes other{"other (self)", {}, {}, true};
    SelfTimes sum;
    for (const auto& [rank, times] : profile.ranks) {
        execution.files.push_back({times.path, rank, {}, 0});
        for (const auto& [function, seconds] :
             {std::pair(&computation, times.computation), std::pair(&communication, times.communication),
              std::pair(&other, times.other)}) {
            function->parts.push_back({execution.files.size() - 1, function->seconds.size(), 0});
            function->seconds.push_back(seconds);
        }
        sum.computation += times.computation;
        sum.communication += times.communication;
        sum.other += times.other;
    }
    const Source source{profile.ranks.begin()->second.path, 0};
    const double all = sum.computation + sum.communication + sum.other;
    if (all > 0) {
        execution.metrics.push_back({"computation_vs_other", "of self time", true, sum.computation / all, source});
    }
    if (const double both = sum.computation + sum.communication; both > 0) {
        execution.metrics.push_back(
            {"computation_vs_communication", "of self time", true, sum.computation / both, source});
    }
    if (static_cast<int>(profile.ranks.size()) < execution.gpus) {
        notes.add("profiles with missing ranks", source,
                  fmt::format("{} of {} ranks left no profile", execution.gpus - static_cast<int>(profile.ranks.size()),
                              execution.gpus));
    }
    for (FunctionTimes* times : {&computation, &communication, &other}) {
        execution.functions.push_back(std::move(*times));
    }
}

Status read_folders(const std::string& directory, Run& run, Notes& notes) {
    const auto is_there = [&](const char* folder) {
        struct stat st {};
        return stat((directory + "/" + folder).c_str(), &st) == 0;
    };
    if (is_there("epoch-time")) {
        if (Status s = read_epochs(directory + "/epoch-time", run.epochs, notes); !s) {
            return s;
        }
    } else {
        notes.add("runs without epoch times", {directory, 0}, "there is no folder epoch-time: no times of epochs");
    }
    if (is_there("gpu-energy-data")) {
        if (Status s = read_gpus(directory + "/gpu-energy-data", run.gpus, notes); !s) {
            return s;
        }
    }
    for (const char* folder : {"computation-data", "communication-data"}) {
        if (!is_there(folder)) {
            continue;
        }
        const std::string path = directory + "/" + folder;
        if (!run.profiles.empty()) {
            notes.add("folders left out", {path, 0}, "computation-data is there as well: this folder is left out");
        } else if (Status s = read_profiles(path, run.profiles, notes); !s) {
            return s;
        } else {
            notes.add("profiles", {path, 0},
                      "these are self times of a profiler, not wall-clock times: they are in no other figure");
        }
    }
    return Status::ok();
}

// One strategy at one size; what has been taken is no longer in `run`.
Execution put_together(const std::string& strategy, int nodes, int gpus, Run& run, Notes& notes) {
    Execution execution;
    execution.repeat = 0;
    execution.parameters = {{"strategy", strategy}};
    execution.nodes = nodes;
    execution.gpus = gpus;
    execution.tasks = std::max(nodes, gpus);
    if (const auto epochs = run.epochs.find({strategy, nodes}); epochs != run.epochs.end()) {
        take_epochs(epochs->second, execution);
        run.epochs.erase(epochs);
    }
    if (const auto samples = find(run.gpus, {strategy, gpus}); samples != run.gpus.end()) {
        take_samples(samples->second, execution, notes);
        run.gpus.erase(samples);
    }
    if (const auto profile = find(run.profiles, {strategy, gpus}); profile != run.profiles.end()) {
        take_profile(profile->second, execution, notes);
        run.profiles.erase(profile);
    }
    return execution;
}

}  // namespace

Status read_itwinai(const std::string& directory, std::vector<Execution>& executions, Notes& notes) {
    Run run;
    if (Status s = read_folders(directory, run, notes); !s) {
        return s;
    }
    const std::string name = directory.substr(directory.rfind('/') + 1);
    const auto add = [&](const std::string& strategy, int nodes, int gpus) {
        executions.push_back(put_together(strategy, nodes, gpus, run, notes));
        executions.back().id = gpus > 0 ? fmt::format("{}/{}-{}gpu", name, strategy, gpus)
                                        : fmt::format("{}/{}-{}nodes", name, strategy, nodes);
    };
    std::vector<std::pair<SizeKey, int>> sizes;  // what tells them goes with the first that it belongs to
    for (const auto& [key, epochs] : run.epochs) {
        sizes.emplace_back(key, gpus_of(key, run));
        if (sizes.back().second == 0) {
            notes.add("sizes without a count of GPUs", epochs.times.front().source,
                      fmt::format("how many GPUs {} had on {} nodes stands nowhere", key.first, key.second));
        }
    }
    for (const auto& [key, gpus] : sizes) {
        add(key.first, key.second, gpus);
    }
    while (!run.gpus.empty()) {
        const auto& [key, samples] = *run.gpus.begin();
        notes.add("samples without epoch times", samples.source,
                  fmt::format("no epoch times are of {} on {} GPUs", key.first, key.second));
        add(std::string(key.first), static_cast<int>(samples.nodes.size()), key.second);
    }
    while (!run.profiles.empty()) {
        const auto& [key, profile] = *run.profiles.begin();
        notes.add("profiles without epoch times", {profile.ranks.begin()->second.path, 0},
                  fmt::format("no epoch times are of {} on {} GPUs", key.first, key.second));
        add(std::string(key.first), std::max(1, static_cast<int>(profile.nodes.size())), key.second);
    }
    return Status::ok();
}

}  // namespace inferstep::report
