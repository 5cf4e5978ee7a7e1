#include "report/read.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "core/file.hpp"
#include "core/words.hpp"
#include "report/read_parts.hpp"
#include "sweep/tree.hpp"

namespace inferstep::report {
namespace {

constexpr const char* kNames[] = {sweep::kSweepSchema, "inferstep step", "SmartSim-Scaling", "itwinai"};

Status read_one(const Found& found, Tree& tree, std::vector<Execution>& executions, Notes& notes) {
    switch (found.format) {
        case Format::kSweep:
            return read_sweep(found.directory, tree, executions, notes);
        case Format::kSmartsim:
            return read_smartsim(found.directory, executions, notes);
        case Format::kItwinai:
            return read_itwinai(found.directory, executions, notes);
        case Format::kStep:
            break;
    }
    Execution step;
    step.id = found.directory.substr(found.directory.rfind('/') + 1);
    step.repeat = 0;
    Status s = read_step(found.directory, true, step, notes);
    if (s && step.functions.empty() && !step.stages) {
        step.state = State::kFailed;
        step.why = "the step left no times";
    }
    executions.push_back(std::move(step));
    return s;
}

std::string real_path(const std::string& path) {
    std::error_code code;
    const std::filesystem::path real = std::filesystem::canonical(path, code);
    return code ? path : real.string();
}

// Everything at or below one path: each run of a sweep is a tree, records of another format are one together.
Status read_path(const std::string& path, const ReadOptions& options, std::set<std::string>& seen, Collection& all,
                 Notes& notes) {
    const auto found = find_trees(path, options.run_ids, notes);
    if (!found) {
        return found.error();
    }
    std::map<Format, std::size_t> trees;
    for (const Found& one : *found) {
        if (!seen.insert(real_path(one.directory)).second) {
            notes.add("folders named twice", {one.directory, 0}, "it is named twice, and counts once");
            continue;
        }
        auto at = trees.find(one.format);
        if (one.format == Format::kSweep || at == trees.end()) {
            Tree tree;
            tree.path = one.format == Format::kSweep ? one.directory : path;
            tree.format = kNames[static_cast<std::size_t>(one.format)];
            if (one.format == Format::kItwinai) {
                tree.hint_time = "epoch";
                tree.hint_series = {"strategy"};
            }
            at = trees.insert_or_assign(one.format, all.trees.size()).first;
            all.trees.push_back(std::move(tree));
        }
        const std::size_t before = all.executions.size();
        if (Status s = read_one(one, all.trees[at->second], all.executions, notes); !s) {
            return s;
        }
        for (std::size_t i = before; i < all.executions.size(); ++i) {
            all.executions[i].tree = at->second;
        }
    }
    return Status::ok();
}

// The last parts of the paths, as many as it takes to tell them apart.
void name_trees(std::vector<Tree>& trees) {
    std::vector<std::vector<std::string>> parts;
    parts.reserve(trees.size());
    for (const Tree& tree : trees) {
        parts.push_back(split(absolute_path(tree.path), '/'));
    }
    for (std::size_t i = 0; i < trees.size(); ++i) {
        const auto tail = [&](std::size_t tree, std::size_t count) {
            const auto& p = parts[tree];
            return fmt::format(
                "{}", fmt::join(p.end() - static_cast<std::ptrdiff_t>(std::min(count, p.size())), p.end(), "/"));
        };
        std::size_t count = 1;
        const auto is_taken = [&] {
            for (std::size_t j = 0; j < trees.size(); ++j) {
                if (j != i && tail(j, count) == tail(i, count)) {
                    return true;
                }
            }
            return false;
        };
        while (count < parts[i].size() && is_taken()) {
            ++count;
        }
        trees[i].label = tail(i, count);
        if (is_taken()) {
            trees[i].label += fmt::format(" ({})", i + 1);  // the same path twice
        }
    }
}

// All trees as one: what had the same id is told apart by its tree's name.
void pool(Collection& all) {
    for (Execution& execution : all.executions) {
        execution.id = all.trees[execution.tree].label + "/" + execution.id;
        execution.tree = 0;
        execution.repeat = 0;
    }
    Tree& first = all.trees.front();
    for (std::size_t i = 1; i < all.trees.size(); ++i) {
        first.path += ", " + all.trees[i].path;
        first.label += ", " + all.trees[i].label;
        if (all.trees[i].format != first.format) {
            first.format = "several formats";
        }
    }
    all.trees.resize(1);
}

// Executions that differ in nothing are repeats of each other.
void number_repeats(std::vector<Execution>& executions) {
    std::map<std::tuple<std::size_t, std::vector<std::pair<std::string, std::string>>, int, int, int, bool>, int> last;
    for (Execution& e : executions) {
        int& repeat = last[{e.tree, e.parameters, e.nodes, e.tasks, e.gpus, e.warmup}];
        repeat = std::max(repeat + 1, e.repeat);
        e.repeat = e.repeat == 0 ? repeat : e.repeat;
    }
}

double longest(const Execution& execution, std::string_view function) {
    for (const FunctionTimes& times : execution.functions) {
        if (times.function == function && !times.seconds.empty()) {
            return *std::max_element(times.seconds.begin(), times.seconds.end());
        }
    }
    return kUnknown;
}

}  // namespace

Result<Collection> read_trees(const std::vector<std::string>& paths, const ReadOptions& options) {
    Collection all;
    Notes notes;
    std::set<std::string> seen;  // folders, whichever way they were named
    for (const std::string& path : paths) {
        if (Status s = read_path(path, options, seen, all, notes); !s) {
            return s.error();
        }
    }
    if (options.compare && all.trees.size() < 2) {
        return fail("--compare needs at least two trees; there is one, {}", all.trees.front().path);
    }
    name_trees(all.trees);
    if (!options.compare && !options.separate && all.trees.size() > 1) {
        pool(all);
    }
    for (Execution& execution : all.executions) {
        if (execution.warmup && options.include_warmups) {
            execution.warmup = false;
            execution.repeat = 0;
        }
        if (execution.seconds != execution.seconds) {
            execution.seconds = longest(execution, "main()");
        }
    }
    number_repeats(all.executions);
    all.notes = notes.all();
    return all;
}

}  // namespace inferstep::report
