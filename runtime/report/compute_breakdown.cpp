#include "report/compute_breakdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "report/compute_distributions.hpp"
#include "report/compute_stages.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kParts = 6;  // the members of Breakdown, in their order
constexpr std::size_t kOther = 4;
using Parts = std::array<double, kParts>;

std::size_t part_of(Category category) {
    switch (category) {
        case Category::kCommunication:
            return 0;
        case Category::kCompute:
            return 1;
        case Category::kIo:
            return 2;
        case Category::kPreprocess:
            return 3;
        case Category::kBubble:
            return 5;
        default:
            return kOther;
    }
}

// Seconds of the loop of each file, that is of each rank: loop_time, or the iterations one by one, or epochs.
// Unknown for a rank that did not come to the end of its loop; empty where no loop was timed at all.
std::vector<double> loop_seconds(const Execution& e) {
    for (const char* name : {"loop_time", "loop", "epoch_time", "epoch"}) {
        const FunctionTimes* times = find_function(e, name);
        if (times == nullptr || times->seconds.empty()) {
            continue;
        }
        std::vector<double> seconds(e.files.size(), kUnknown);
        for (const RankTimes& rank : ranks_of(*times)) {
            seconds[rank.file] = std::accumulate(rank.begin, rank.end, 0.0);
        }
        return seconds;
    }
    return {};
}

// What went wrong in an execution, or could not be told; each is said once for all executions.
struct Remarks {
    std::size_t overlapping = 0, without_loop = 0, without_parts = 0, cut_off = 0, executions = 0;
    bool round_trips = false;
    std::set<std::string> uncategorized;
};

// Seconds of each category, of the ranks whose loop is known; false where no operation of the loop was timed.
bool categorize(const Execution& e, const std::vector<double>& loops, Parts& seconds, Remarks& remarks) {
    bool any = false;
    for (const FunctionTimes& f : e.functions) {
        const Category category = category_of(f.function);
        if (category == Category::kContainer || f.profiled || f.seconds.empty()) {
            continue;
        }
        if (category == Category::kNone) {
            remarks.uncategorized.insert(f.function);
        } else {
            any = true;
        }
        remarks.round_trips = remarks.round_trips || f.function == "infer" || f.function == "dag";
        for (const RankTimes& rank : ranks_of(f)) {
            if (loops.empty() || std::isfinite(loops[rank.file])) {
                seconds[part_of(category)] += std::accumulate(rank.begin, rank.end, 0.0);
            }
        }
    }
    return any;
}

// Of the time of all stages together.
Parts fractions_of(const StageParts& p) {
    const double timed = p.communication + p.compute + p.bubble;
    const double whole = std::max(p.whole, timed);
    Parts parts = {p.communication, p.compute, 0, 0, whole - timed, p.bubble};
    for (double& part : parts) {
        part = whole > 0 ? part / whole : kUnknown;
    }
    return parts;
}

// Fractions of one execution's loop.
Parts fractions_of(const Execution& e, Remarks& remarks) {
    Parts unknown;
    unknown.fill(kUnknown);
    ++remarks.executions;
    if (e.stages) {
        return fractions_of(stage_parts(*e.stages));
    }
    const std::vector<double> loops = loop_seconds(e);
    Parts seconds{};
    if (!categorize(e, loops, seconds, remarks)) {
        ++remarks.without_parts;
        return unknown;
    }
    const double timed = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    double whole = std::accumulate(loops.begin(), loops.end(), 0.0,
                                   [](double sum, double s) { return std::isfinite(s) ? sum + s : sum; });
    remarks.without_loop += loops.empty() ? 1U : 0U;
    remarks.cut_off += std::any_of(loops.begin(), loops.end(), [](double s) { return std::isnan(s); }) ? 1U : 0U;
    if (timed > whole) {  // rounded figures may add up to a little more
        remarks.overlapping += !loops.empty() && timed > whole * 1.001 ? 1U : 0U;
        whole = timed;
    }
    seconds[kOther] += whole - timed;
    for (double& s : seconds) {
        s /= whole;
    }
    return whole > 0 ? seconds : unknown;
}

void note_remarks(const Remarks& remarks, Figures& figures) {
    const auto say = [&](std::size_t count, const char* what) {
        if (count > 0) {
            figures.notes.push_back(
                {{}, fmt::format("breakdown: in {} of {} executions {}", count, remarks.executions, what)});
        }
    };
    say(remarks.without_parts, "no operation of the loop was timed: there is none");
    say(remarks.without_loop,
        "the loop as a whole was not timed: the fractions are of the sum of the timed operations");
    say(remarks.cut_off, "ranks have no time of their whole loop: they are left out");
    say(remarks.overlapping,
        "the timed operations overlap, their sum is more than the loop: the fractions are of that sum");
    if (remarks.round_trips) {
        figures.notes.push_back(
            {{}, "breakdown: infer and dag are one round trip each: their communication is in compute"});
    }
    if (!remarks.uncategorized.empty() && remarks.without_parts < remarks.executions) {
        std::string names;
        for (const std::string& name : remarks.uncategorized) {
            names += (names.empty() ? "" : ", ") + name;
        }
        figures.notes.push_back({{}, fmt::format("breakdown: of no known kind, and so in other: {}", names)});
    }
}

// 1 - mean / max of the ranks' loops.
double imbalance_of(const Execution& e) {
    for (const char* name : {"loop_time", "loop"}) {
        const FunctionTimes* times = find_function(e, name);
        if (times == nullptr) {
            continue;
        }
        double most = 0;
        double sum = 0;
        const std::vector<RankTimes> ranks = ranks_of(*times);
        for (const RankTimes& rank : ranks) {
            const double total = std::accumulate(rank.begin, rank.end, 0.0);
            most = std::max(most, total);
            sum += total;
        }
        return most > 0 && ranks.size() > 1 ? 1 - sum / static_cast<double>(ranks.size()) / most : kUnknown;
    }
    return kUnknown;
}

void split_databases(const Collection& collection, Row& row) {
    std::array<std::vector<double>, 4> parts;
    for (const std::size_t i : row.executions) {
        const Accounting& a = collection.executions[i].accounting;
        const double whole = a.queue_s + a.input_s + a.inference_s + a.output_s;
        const double seconds[] = {a.queue_s, a.input_s, a.inference_s, a.output_s};
        for (std::size_t k = 0; k < parts.size(); ++k) {
            parts[k].push_back(whole > 0 ? seconds[k] / whole : kUnknown);
        }
    }
    row.database = {of_repeats(parts[0], row.executions), of_repeats(parts[1], row.executions),
                    of_repeats(parts[2], row.executions), of_repeats(parts[3], row.executions)};
}

}  // namespace

void compute_breakdown(const Collection& collection, Figures& figures) {
    Remarks remarks;
    for (Row& row : figures.rows) {
        std::array<std::vector<double>, kParts> parts;
        std::vector<double> imbalance;
        for (const std::size_t i : row.executions) {
            const Parts fractions = fractions_of(collection.executions[i], remarks);
            for (std::size_t k = 0; k < kParts; ++k) {
                parts[k].push_back(fractions[k]);
            }
            imbalance.push_back(imbalance_of(collection.executions[i]));
        }
        Breakdown& b = row.breakdown;
        Value* members[kParts] = {&b.communication, &b.compute, &b.io, &b.preprocess, &b.other, &b.bubble};
        for (std::size_t k = 0; k < kParts; ++k) {
            *members[k] = of_repeats(parts[k], row.executions);
        }
        row.imbalance = of_repeats(imbalance, row.executions);
        split_databases(collection, row);
    }
    note_remarks(remarks, figures);
}

}  // namespace inferstep::report
