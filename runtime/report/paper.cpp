#include "report/paper.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "core/file.hpp"
#include "core/shell.hpp"
#include "core/text.hpp"
#include "report/compute.hpp"
#include "report/compute_experiment.hpp"
#include "report/output.hpp"
#include "report/page_parts.hpp"
#include "report/paper_parts.hpp"
#include "sweep/ready_pipeline.hpp"

namespace inferstep::report {
namespace {

constexpr const char* kKinds[] = {sweep::kStrongKind, sweep::kWeakKind, sweep::kBatchKind, sweep::kOptimizationKind,
                                  sweep::kPartitionsKind};

double begin_of(const Collection& collection) {
    double first = kUnknown;
    for (const Execution& e : collection.executions) {
        first = std::fmin(first, e.begin);
    }
    return first;
}

// Each tree as a collection of its own.
std::vector<Collection> apart(Collection all) {
    std::vector<Collection> trees(all.trees.size());
    for (std::size_t i = 0; i < trees.size(); ++i) {
        trees[i].trees.push_back(all.trees[i]);
        for (const Note& note : all.notes) {
            if (note.source.file.starts_with(all.trees[i].path)) {
                trees[i].notes.push_back(note);
            }
        }
    }
    for (std::size_t i = 0; i < all.executions.size(); ++i) {
        Collection& tree = trees[all.executions[i].tree];
        tree.executions.push_back(std::move(all.executions[i]));
        tree.executions.back().tree = 0;
        if (!all.reference) {
            continue;
        }
        if (!tree.reference) {
            tree.reference = Reference{all.reference->path, all.reference->prompts, {}};
        }
        for (const ReferenceRun& run : all.reference->runs) {
            if (run.execution == i) {
                tree.reference->runs.push_back(run);
                tree.reference->runs.back().execution = tree.executions.size() - 1;
            }
        }
    }
    return trees;
}

// The newest run of each experiment, in the order of the paper.
std::vector<Collection> chosen(std::vector<Collection> trees, std::vector<std::string>& left_out) {
    std::vector<Collection> kept;
    for (const char* kind : kKinds) {
        std::optional<std::size_t> newest;
        for (std::size_t i = 0; i < trees.size(); ++i) {
            if (trees[i].trees.front().kind != kind) {
                continue;
            }
            const bool newer = !newest || begin_of(trees[i]) > begin_of(trees[*newest]);
            if (newest) {
                left_out.push_back(fmt::format("{} is an older run of {}, and not in the paper",
                                               trees[newer ? *newest : i].trees.front().path, kind));
            }
            newest = newer ? i : newest;
        }
        if (newest) {
            kept.push_back(std::move(trees[*newest]));
            trees[*newest].trees.assign(1, Tree());
        }
    }
    return kept;
}

std::vector<std::string> drawn_in(const std::string& folder) {
    std::vector<std::string> stems;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/plots", code)) {
        if (entry.path().extension() == ".svg") {
            stems.push_back(entry.path().stem().string());
        }
    }
    return stems;
}

// What is said once for all: of the first run that tells.
struct Setup {
    std::string model;
    std::vector<std::pair<std::string, std::string>> settings;
    std::set<std::string> nodes, versions;
    double first = kUnknown, last = kUnknown;
};

Setup setup_of(const std::vector<PaperExperiment>& all) {
    Setup setup;
    for (const PaperExperiment& one : all) {
        for (const Execution& e : one.collection.executions) {
            setup.first = std::fmin(setup.first, e.begin);
            setup.last = std::fmax(setup.last, e.begin + (std::isfinite(e.seconds) ? e.seconds : 0));
            if (!e.stages) {
                continue;
            }
            setup.model = setup.model.empty() ? e.stages->model : setup.model;
            setup.settings = setup.settings.empty() ? e.stages->settings : setup.settings;
            for (const sweep::StageRank& rank : e.stages->ranks) {
                setup.nodes.insert(rank.node);
            }
        }
        for (const auto& [name, value] : one.collection.trees.front().about) {
            if (name == "versions") {
                setup.versions.insert(value);
            }
        }
    }
    return setup;
}

std::string how_measured(const std::vector<PaperExperiment>& all, const Setup& setup) {
    std::string text = "## How it was measured\n\n";
    for (const PaperExperiment& one : all) {
        const auto warmups =
            static_cast<std::size_t>(std::count_if(one.collection.executions.begin(), one.collection.executions.end(),
                                                   [](const Execution& e) { return e.warmup; }));
        std::string command;
        for (const auto& [name, value] : one.collection.trees.front().about) {
            command = name == "command" ? value : command;
        }
        text += fmt::format("- {}: {}, {} of them to warm up, which count in no figure; `{}`\n", title_of(one.kind),
                            counted(one.collection.executions.size(), "run"), warmups, command);
    }
    text += fmt::format("- Nodes: {}. Versions: {}.\n", markdown(fmt::format("{}", fmt::join(setup.nodes, ", "))),
                        markdown(fmt::format("{}", fmt::join(setup.versions, "; "))));
    std::string settings;
    for (const auto& [name, value] : setup.settings) {
        settings += (settings.empty() ? "" : ", ") + markdown(name) + " " + markdown(value);
    }
    text += settings.empty()
                ? ""
                : fmt::format("- Settings of the first run, where an experiment does not vary them: {}.\n", settings);
    return text +
           "- Times are by the wall clock of the ranks themselves, from the first work to the end, without loading. A "
           "value is the mean of its repeats; ± is half of "
           "the "
           "95 % confidence interval (Student's t over the repeats), where there are several.\n"
           "- Read bandwidth is measured by the same processes in the same minute; bubble is waiting for rows while "
           "other stages work; communication is sending and receiving without it.\n\n";
}

std::string missing_of(const std::vector<PaperExperiment>& all) {
    std::string text;
    for (const char* kind : kKinds) {
        if (std::none_of(all.begin(), all.end(), [&](const PaperExperiment& one) { return one.kind == kind; })) {
            text += fmt::format("- {}: not run. `inferstep sweep {}` runs it.\n", title_of(kind), kind);
        }
    }
    for (const PaperExperiment& one : all) {
        text += gaps_of(one);
    }
    return text.empty() ? "All five experiments ran, every point succeeded and was repeated.\n" : text;
}

std::string document(const std::vector<PaperExperiment>& all, const PaperOptions& options) {
    const Setup setup = setup_of(all);
    std::string text =
        fmt::format("# Pipeline inference of {}\n\n", setup.model.empty() ? "a language model" : markdown(setup.model));
    text += fmt::format(
        "Measured from {} to {} UTC, written by `{}`.\n\n## Summary\n\n| experiment | result |\n|---|---|\n",
        time_text(setup.first), time_text(setup.last), shell_words(options.command));
    for (const PaperExperiment& one : all) {
        text += fmt::format("| {} | {} |\n", title_of(one.kind), summary_of(one));
    }
    text += "\n" + how_measured(all, setup);
    for (const PaperExperiment& one : all) {
        text += fmt::format(
            "## {}\n\n{}\n\n{}\n{}\n### What bounds it\n\n{}\nAll numbers: [report]({}/index.html), "
            "[JSON]({}/report.json).\n\n",
            title_of(one.kind), question_of(one.kind), results_table(one), plots_of(one), limits_of(one), one.folder,
            one.folder);
    }
    text +=
        "## Correctness\n\nEvery run's completions against those of one process with the whole model.\n\n"
        "| experiment | point | completions |\n|---|---|---|\n";
    for (const PaperExperiment& one : all) {
        text += correctness_of(one);
    }
    return text + "\n## What was not measured\n\n" + missing_of(all);
}

}  // namespace

Result<std::vector<std::string>> write_paper(const std::string& path, Collection collection,
                                             const PaperOptions& options) {
    std::vector<std::string> left_out;
    std::vector<Collection> trees = chosen(apart(std::move(collection)), left_out);
    if (trees.empty()) {
        return with_hint(fail("--paper: there is no run of the experiments in what was read"),
                         fmt::format("inferstep sweep {} makes them", fmt::join(kKinds, ", ")));
    }
    const std::string whole = absolute_path(path);
    const std::string stem = whole.substr(0, whole.size() - 3);
    const std::string name = stem.substr(stem.rfind('/') + 1) + "_files";
    std::vector<PaperExperiment> all;
    for (Collection& tree : trees) {
        PaperExperiment one;
        one.kind = tree.trees.front().kind;
        one.folder = name + "/" + one.kind;
        one.figures = compute(tree, {});
        one.collection = std::move(tree);
        const std::string folder = fmt::format("{}_files/{}", stem, one.kind);
        const auto written = write_report(folder, one.collection, one.figures, {options.plots, false, options.command});
        if (!written) {
            return written.error();
        }
        left_out.insert(left_out.end(), written->begin(), written->end());
        one.plots = drawn_in(folder);
        all.push_back(std::move(one));
    }
    if (Status s = write_file(whole, document(all, options)); !s) {
        return s.error();
    }
    return left_out;
}

}  // namespace inferstep::report
