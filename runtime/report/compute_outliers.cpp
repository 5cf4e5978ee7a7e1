#include "report/compute_outliers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/stats.hpp"
#include "report/compute_distributions.hpp"
#include "report/compute_grouping.hpp"
#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

constexpr double kMads = 3.5 * 1.4826;  // 1.4826 MAD is the deviation of a normal distribution
constexpr double kShare = 0.1;
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

// A rank, by its file, or a node, by its name and the first file of its ranks.
struct Candidate {
    std::size_t file;
    std::string node;  // empty: a rank
    double value;
};

// What differs in one execution: of each rank and node the function in which it differs most.
class InOneExecution {
   public:
    InOneExecution(const Execution& e, std::size_t index) : e_(e), index_(index) {}

    void compare(const FunctionTimes& times) {
        std::vector<Candidate> ranks;
        for (const RankTimes& rank : ranks_of(times)) {
            ranks.push_back({rank.file, "", median_of(rank.begin, rank.end)});
        }
        const std::vector<Candidate> nodes = nodes_of(ranks);
        if (nodes.size() != ranks.size()) {  // with one rank on each node the rank says it
            compare(times.function, nodes);
        }
        compare(times.function, ranks);
    }

    void report(std::vector<Outlier>& outliers) const {
        for (const auto& [who, found] : found_) {
            const auto& [node, file] = who;
            if (!node.empty() || !found_.contains({e_.files[file].node, 0})) {
                outliers.push_back(found.outlier);
            }
        }
    }

   private:
    struct Found {
        double distance = 0;
        Outlier outlier;
    };

    std::vector<Candidate> nodes_of(const std::vector<Candidate>& ranks) const {
        std::map<std::string, std::pair<std::size_t, std::vector<double>>> by_node;
        for (const Candidate& rank : ranks) {
            if (const std::string& node = e_.files[rank.file].node; !node.empty()) {
                auto& [file, values] = by_node.try_emplace(node, rank.file, std::vector<double>()).first->second;
                values.push_back(rank.value);
            }
        }
        std::vector<Candidate> nodes;
        for (const auto& [node, of_node] : by_node) {
            nodes.push_back({of_node.first, node, percentile(of_node.second, 0.5)});
        }
        return nodes;
    }

    void compare(const std::string& function, const std::vector<Candidate>& candidates) {
        if (candidates.size() < kFewestPeers) {
            return;
        }
        std::vector<double> values;
        for (const Candidate& c : candidates) {
            values.push_back(c.value);
        }
        const Peers peers = peers_of(std::move(values));
        for (const Candidate& c : candidates) {
            if (!is_outlier(c.value, peers)) {
                continue;
            }
            Found& best = found_[{c.node, c.node.empty() ? c.file : 0}];
            if (distance(c.value, peers) > best.distance) {
                best = {distance(c.value, peers),
                        {index_, sentence(function, c, peers, candidates.size()), {e_.files[c.file].path, 0}}};
            }
        }
    }

    std::string sentence(const std::string& function, const Candidate& c, const Peers& peers, std::size_t count) const {
        const RankFile& file = e_.files[c.file];
        std::string who = "node " + c.node;
        if (c.node.empty()) {
            who = (file.rank >= 0 ? fmt::format("rank {}", file.rank) : "a rank") +
                  (file.node.empty() ? "" : " on node " + file.node);
        }
        return fmt::format("{}, {}: {} takes {}, {} times the {} that is the median of {} {}", e_.id, who, function,
                           duration(c.value), significant(c.value / peers.median, kDigits), duration(peers.median),
                           count, c.node.empty() ? "ranks" : "nodes");
    }

    const Execution& e_;
    std::size_t index_;
    std::map<std::pair<std::string, std::size_t>, Found> found_;  // by node, or by file of a rank
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
        if (is_outlier(figures.times[i], peers)) {
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
        figures.outliers.push_back(
            {slowest,
             fmt::format("{}, {} {}: the rate is not stable: its {} repeats lie between {} and {} {}",
                         figures.series[row.series].name, figures.x_name, significant(row.x, kDigits),
                         row.rate.from.size(), significant(low, kDigits), significant(high, kDigits),
                         figures.rate_unit),
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

bool is_outlier(double value, const Peers& peers) {
    const double off = std::fabs(value - peers.median);
    return off > kMads * peers.mad && off > kShare * std::fabs(peers.median);
}

void find_outliers(const Collection& collection, Figures& figures) {
    for (const Row& row : figures.rows) {
        compare_repeats(collection, row, figures);
        check_stability(row, figures);
        for (const std::size_t i : row.executions) {
            InOneExecution one(collection.executions[i], i);
            for (const FunctionTimes& times : collection.executions[i].functions) {
                one.compare(times);
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
