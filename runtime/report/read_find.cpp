// Recognizing trees by what is in them.
#include <algorithm>
#include <filesystem>

#include "core/file.hpp"
#include "core/words.hpp"
#include "report/read_parts.hpp"
#include "sweep/tree.hpp"

namespace inferstep::report {
namespace {

constexpr int kDeepest = 6;  // results/ of SmartSim-Scaling has its ranks' files three levels down

bool is_directory(const std::string& path) {
    std::error_code code;
    return std::filesystem::is_directory(path, code);
}

bool has(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_rank(const std::vector<std::string>& names, std::string_view suffix) {
    return std::any_of(names.begin(), names.end(), [&](const auto& n) { return rank_of(n, "rank_", suffix) >= 0; });
}

constexpr std::string_view kItwinaiFolders[] = {"epoch-time", "gpu-energy-data", "computation-data",
                                                "communication-data"};

class Finder {
   public:
    Finder(const std::vector<std::string>& ids, Notes& notes) : ids_(ids), notes_(notes) {}

    Status look(const std::string& directory, int depth) {
        const auto names = names_in(directory);
        if (!names) {
            if (depth == 0) {
                return names.error();
            }
            note(directory, names.error().message);
            return Status::ok();
        }
        if (take(directory, *names)) {
            return Status::ok();
        }
        if (has(*names, "report.json") && depth > 0) {
            return Status::ok();  // an earlier report
        }
        for (const std::string& name : *names) {
            const std::string path = fmt::format("{}/{}", directory, name);
            if (name.starts_with('.') || !is_directory(path)) {
                continue;
            }
            if (name == "stats") {
                note(path, "SmartSim-Scaling's own statistics are not read: they lack the first row of each rank");
            } else if (depth + 1 < kDeepest) {
                if (Status s = look(path, depth + 1); !s) {
                    return s;
                }
            }
        }
        return Status::ok();
    }

    std::vector<Found> found;
    std::vector<std::string> left_out;  // because of the ids

   private:
    void note(const std::string& path, std::string text) { notes_.add("folders left out", {path, 0}, std::move(text)); }

    // Is this directory a tree?
    bool take(const std::string& directory, const std::vector<std::string>& names) {
        const bool itwinai = std::any_of(std::begin(kItwinaiFolders), std::end(kItwinaiFolders),
                                         [&](std::string_view folder) { return has(names, folder); });
        if (has(names, sweep::kSweepFile)) {
            add(Format::kSweep, directory);
        } else if (has_rank(names, "_timing.csv")) {
            add(Format::kSmartsim, directory);
        } else if (has_rank(names, ".csv") || has_rank(names, ".log") || has(names, "step.json")) {
            add(Format::kStep, directory);
        } else if (itwinai) {
            add(Format::kItwinai, directory);
        } else {
            return false;
        }
        return true;
    }

    void add(Format format, const std::string& directory) {
        const std::vector<std::string> parts = split(absolute_path(directory), '/');
        const auto is_part = [&](const std::string& id) { return has(parts, id); };
        if (ids_.empty() || std::any_of(ids_.begin(), ids_.end(), is_part)) {
            found.push_back({format, directory});
        } else {
            left_out.push_back(parts.back());
        }
    }

    const std::vector<std::string>& ids_;
    Notes& notes_;
};

Error nothing_in(const std::string& path) {
    return with_hint(fail("{} holds nothing that a report can be made of", path),
                     "right are a run of inferstep sweep (with sweep.json), records of inferstep client (rank_0.csv), "
                     "SmartSim-Scaling's results (rank_0_timing.csv), itwinai's folders (epoch-time, …), or a folder "
                     "with any of these");
}

}  // namespace

Result<std::vector<Found>> find_trees(const std::string& path, const std::vector<std::string>& run_ids, Notes& notes) {
    if (!is_directory(path)) {
        std::error_code code;
        return std::filesystem::exists(path, code) ? nothing_in(path) : fail("{} does not exist", path);
    }
    Finder finder(run_ids, notes);
    std::string top = path;
    while (top.size() > 1 && top.back() == '/') {
        top.pop_back();
    }
    if (Status s = finder.look(top, 0); !s) {
        return s.error();
    }
    if (finder.found.empty() && finder.left_out.empty()) {
        return nothing_in(path);
    }
    if (finder.found.empty()) {
        return fail("--run-ids={}: nothing in {} is called so; there are {}", fmt::join(run_ids, ","), path,
                    fmt::join(finder.left_out, ", "));
    }
    return std::move(finder.found);
}

}  // namespace inferstep::report
