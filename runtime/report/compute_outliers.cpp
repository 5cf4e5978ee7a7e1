#include "report/compute_outliers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/stats.hpp"
#include "report/compute_breakdown.hpp"
#include "report/compute_distributions.hpp"
#include "report/compute_grouping.hpp"
#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

constexpr double kMads = 3.5 * 1.4826;  // 1.4826 MAD is the deviation of a normal distribution
constexpr double kRankShare = 0.25;     // medians of few times scatter by more than a tenth
constexpr double kRepeatShare = 0.1;
constexpr std::size_t kFewestPeers = 3;
constexpr double kUnstable = 1.1;       // largest over smallest rate of the repeats
constexpr std::size_t kMostKept = 100;  // of one report: more are a matter of the whole machine

double median_of(const double* begin, const double* end) {
    std::vector<double> copy(begin, end);
    const std::size_t n = copy.size();
    const auto middle = copy.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(copy.begin(), middle, copy.end());
    return n % 2 == 1 ? *middle : (*std::max_element(copy.begin(), middle) + *middle) / 2;
}

double distance(double value, const Peers& peers) {
    const double off = std::fabs(value - peers.median);
    return peers.mad > 0 ? off / peers.mad : off > 0 ? std::numeric_limits<double>::max() : 0;
}

// A rank by its file; a node by the file of its first rank.
struct Candidate {
    std::size_t file;
    bool node;
    double value;
};

// What differs in one execution: of each rank and node the function in which it differs most, operations before loops.
class InOneExecution {
   public:
    InOneExecution(const Execution& e, std::size_t index) : e_(e), index_(index) {}

    void compare(const FunctionTimes& times) {
        std::vector<Candidate> ranks;
        std::vector<double> values;
        for (const RankTimes& rank : ranks_of(times)) {
            ranks.push_back({rank.file, false, median_of(rank.begin, rank.end)});
            values.push_back(ranks.back().value);
        }
        if (ranks.size() < kFewestPeers) {
            return;
        }
        const Peers peers = peers_of(std::move(values));
        for (const Candidate& c : differing(ranks, peers)) {
            const bool whole = category_of(times.function) == Category::kContainer;
            const double rank = whole ? 0 : distance(c.value, peers);
            const auto [at, inserted] = found_.try_emplace({!c.node, c.file}, Found{});
            if (inserted || rank > at->second.distance) {
                at->second = {rank,
                              {index_, sentence(times.function, c, peers, ranks.size()), {e_.files[c.file].path, 0}}};
            }
        }
    }

    void report(std::vector<Outlier>& outliers) const {
        std::set<std::string> nodes;
        for (const auto& [who, found] : found_) {  // nodes first
            const auto& [is_rank, file] = who;
            if (!is_rank) {
                nodes.insert(e_.files[file].node);
            }
            if (!is_rank || !nodes.contains(e_.files[file].node)) {
                outliers.push_back(found.outlier);
            }
        }
    }

   private:
    struct Found {
        double distance = 0;
        Outlier outlier;
    };

    // The outliers; a node in place of its ranks, at least two, where each of them is one.
    std::vector<Candidate> differing(const std::vector<Candidate>& ranks, const Peers& peers) const {
        struct OfNode {
            std::size_t file = 0, ranks = 0;
            std::vector<double> outliers;
        };
        std::map<std::string, OfNode> nodes;
        std::vector<Candidate> found;
        for (const Candidate& c : ranks) {
            OfNode& node = nodes[e_.files[c.file].node];
            node.file = node.ranks++ == 0 ? c.file : node.file;
            if (is_outlier(c.value, peers, kRankShare)) {
                node.outliers.push_back(c.value);
                found.push_back(c);
            }
        }
        for (const auto& [name, node] : nodes) {
            if (!name.empty() && node.ranks > 1 && node.outliers.size() == node.ranks) {
                found.push_back({node.file, true, percentile(node.outliers, 0.5)});
            }
        }
        return found;
    }

    std::string sentence(const std::string& function, const Candidate& c, const Peers& peers, std::size_t count) const {
        const RankFile& file = e_.files[c.file];
        std::string who = "all ranks of node " + file.node + " differ";
        if (!c.node) {
            who = (file.rank >= 0 ? fmt::format("rank {}", file.rank) : "a rank") +
                  (file.node.empty() ? "" : " on node " + file.node);
        }
        return fmt::format("{}, {}: {} takes {}, {} times the {} that is the median of {} ranks", name_of(e_), who,
                           function, duration(c.value), significant(c.value / peers.median, kDigits),
                           duration(peers.median), count);
    }

    const Execution& e_;
    std::size_t index_;
    std::map<std::pair<bool, std::size_t>, Found> found_;  // by: is it a rank, its file
};

void compare_repeats(const Collection& collection, const Row& row, Figures& figures) {
    std::vector<double> values;
    for (const std::size_t i : row.time.from) {
        values.push_back(figures.times[i]);
    }
    if (values.size() < kFewestPeers) {
        return;
    }
    const Peers peers = peers_of(values);
    for (const std::size_t i : row.time.from) {
        if (is_outlier(figures.times[i], peers, kRepeatShare)) {
            const Execution& e = collection.executions[i];
            figures.outliers.push_back({i,
                                        fmt::format("{}: {} is {}, {} times the {} that is the median of {} repeats",
                                                    name_of(e), figures.time_name, duration(figures.times[i]),
                                                    significant(figures.times[i] / peers.median, kDigits),
                                                    duration(peers.median), values.size()),
                                        e.files.empty() ? e.accounting.source : Source{e.files.front().path, 0}});
        }
    }
}

void check_stability(const Row& row, Figures& figures) {
    double low = kUnknown;
    double high = kUnknown;
    std::size_t slowest = 0;
    for (const std::size_t i : row.rate.from) {
        slowest = figures.rates[i] >= low ? slowest : i;
        low = figures.rates[i] >= low ? low : figures.rates[i];
        high = figures.rates[i] <= high ? high : figures.rates[i];
    }
    if (low > 0 && high / low > kUnstable) {
        figures.outliers.push_back({slowest,
                                    fmt::format("{}: the rate is not stable: its {} repeats lie between {} and {} {}",
                                                name_of(figures, row), row.rate.from.size(), significant(low, kDigits),
                                                significant(high, kDigits), figures.rate_unit),
                                    {}});
    }
}

}  // namespace

Peers peers_of(std::vector<double> values) {
    Peers peers{percentile(values, 0.5), 0};
    for (double& v : values) {
        v = std::fabs(v - peers.median);
    }
    peers.mad = percentile(std::move(values), 0.5);
    return peers;
}

bool is_outlier(double value, const Peers& peers, double share) {
    const double off = std::fabs(value - peers.median);
    return off > kMads * peers.mad && off > share * std::fabs(peers.median);
}

void find_outliers(const Collection& collection, Figures& figures) {
    for (const Row& row : figures.rows) {
        compare_repeats(collection, row, figures);
        check_stability(row, figures);
        for (const std::size_t i : row.executions) {
            if (collection.executions[i].stages) {
                continue;  // stages have different work
            }
            InOneExecution one(collection.executions[i], i);
            for (const FunctionTimes& times : collection.executions[i].functions) {
                if (!times.profiled) {
                    one.compare(times);
                }
            }
            one.report(figures.outliers);
        }
    }
    if (figures.outliers.size() > kMostKept) {
        figures.notes.push_back(
            {{}, fmt::format("{} more outliers are not listed", figures.outliers.size() - kMostKept)});
        figures.outliers.resize(kMostKept);
    }
}

}  // namespace inferstep::report
