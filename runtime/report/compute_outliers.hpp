// What differs from its peers: ranks, nodes, repeats, rates that do not hold still.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

// A value among its peers, at least three in all, is an outlier when it is further from their median than both
//   3.5 · 1.4826 · MAD (the median distance from the median; Iglewicz and Hoaglin), and
//   a share of the median: a quarter for ranks, a tenth for repeats.
// Ranks are compared by the median of each function's times, repeats by their time. A node all of whose ranks are
// outliers is named in place of them; of a rank the function that differs most is named. A rate is not stable when the
// largest of its repeats is more than a tenth above the smallest.
void find_outliers(const Collection& collection, Figures& figures);

struct Peers {
    double median, mad;
};
Peers peers_of(std::vector<double> values);
bool is_outlier(double value, const Peers& peers, double share);

}  // namespace inferstep::report
