// The files of the ranks of one step.
#include <algorithm>
#include <set>

#include "core/log.hpp"
#include "report/read.hpp"
#include "report/read_parts.hpp"
#include "report/read_rows.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kMostFunctions = 256;  // more are no program's, but a file of something else
constexpr std::size_t kLongestName = 64;

// "3, 5-7 and 9": of sorted numbers.
std::string ranges(const std::vector<int>& numbers) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) {
            ++end;
        }
        parts.push_back(end - i == 1 ? fmt::format("{}", numbers[i])
                                     : fmt::format("{}-{}", numbers[i], numbers[end - 1]));
        i = end;
    }
    constexpr std::size_t kMostShown = 12;
    if (parts.size() > kMostShown) {
        parts.resize(kMostShown);
        parts.emplace_back("…");
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::size_t RankReader::index_of(std::string_view function) {
    std::vector<FunctionTimes>& all = execution_.functions;
    if (last_ < next_.size() && next_[last_] < all.size() && all[next_[last_]].function == function) {
        return next_[last_];
    }
    const std::string name = printable(function.substr(0, kLongestName));
    std::size_t at = 0;
    while (at < all.size() && all[at].function != name) {
        ++at;
    }
    if (at == all.size() && at < kMostFunctions) {
        all.push_back({name, {}, {}});
    }
    next_.resize(all.size());
    if (last_ < next_.size() && at < all.size()) {
        next_[last_] = at;
    }
    return at;
}

Status RankReader::read(const std::string& path, int rank, std::string_view skip) {
    const auto [before, is_new] = seen_.emplace(rank, path);
    if (!is_new) {
        notes_.add("files of a rank that has one already", {path, 0},
                   fmt::format("rank {} has a file already, {}: this one is left out", rank, before->second));
        return Status::ok();
    }
    const std::size_t file = execution_.files.size();
    RankFile& of = execution_.files.emplace_back(RankFile{path, rank, {}, 0});
    bool bad = false;
    RowUse use;
    use.skip = skip;
    use.row = [&](std::string_view function, double seconds, std::int64_t line) {
        const std::size_t at = index_of(function);
        if (at == kMostFunctions) {
            notes_.add("rows left out", {path, line}, fmt::format("more than {} functions: the row is left out", at));
            return;
        }
        FunctionTimes& times = execution_.functions[at];
        opened_.resize(execution_.functions.size());
        if (opened_[at] != file + 1) {
            opened_[at] = file + 1;
            times.parts.push_back({file, times.seconds.size()});
        }
        times.seconds.push_back(seconds);
        last_ = at;
        ++of.rows;
    };
    use.bad = [&](std::int64_t line, std::string why) {
        bad = true;
        notes_.add("rows left out", {path, line}, std::move(why));
    };
    if (Status s = scan_rows(path, rank, use); !s) {
        notes_.add("files that cannot be read", {path, 0}, s.error().message);
    } else if (of.rows == 0 && !bad) {
        notes_.add("empty files", {path, 0}, fmt::format("the file of rank {} has no times", rank));
    }
    return Status::ok();
}

void note_missing(const Execution& execution, int ranks, const std::string& directory, const Source& what,
                  Notes& notes) {
    std::set<int> there;
    for (const RankFile& file : execution.files) {
        there.insert(file.rank);
    }
    std::vector<int> missing;
    for (int rank = 0; rank < ranks; ++rank) {
        if (!there.contains(rank)) {
            missing.push_back(rank);
        }
    }
    if (!missing.empty()) {
        notes.add(
            "steps with missing ranks", what,
            fmt::format("{} of {} ranks left no times in {}: {}", missing.size(), ranks, directory, ranges(missing)));
    }
}

Source locate(const Execution& execution, const FunctionTimes& times, std::size_t index) {
    auto part = std::upper_bound(times.parts.begin(), times.parts.end(), index,
                                 [](std::size_t i, const FunctionTimes::Part& p) { return i < p.begin; });
    if (part == times.parts.begin() || index >= times.seconds.size()) {
        return {};
    }
    --part;
    const RankFile& file = execution.files[part->file];
    Source source{file.path, 0};
    const std::size_t wanted = index - part->begin;
    if (part->line > 0) {
        source.line = part->line + static_cast<std::int64_t>(wanted);
    } else if (file.rank >= 0) {
        std::size_t met = 0;
        RowUse use;
        use.row = [&](std::string_view function, double seconds, std::int64_t line) {
            if (function == times.function && met++ == wanted && seconds == times.seconds[index]) {
                source.line = line;
            }
        };
        use.bad = [](std::int64_t, const std::string&) {};
        if (Status s = scan_rows(file.path, file.rank, use); !s) {
            source.line = 0;
        }
    }
    return source;
}

}  // namespace inferstep::report
