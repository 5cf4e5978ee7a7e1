// What differs from its peers: ranks, nodes, repeats, rates that do not hold still.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

// One value among its peers, at least three in all, is an outlier when it lies both
//   more than 3.5 · 1.4826 · MAD from their median (MAD: the median distance from the median; Iglewicz and Hoaglin),
//   and more than a tenth of the median from it.
// Ranks are compared by the median of each function's times, nodes by the median of their ranks', repeats by their
// time. A node that is named takes its ranks with it; of a rank the function that differs most is named.
void find_outliers(const Collection& collection, Figures& figures);

struct Peers {
    double median, mad;
};
Peers peers_of(std::vector<double> values);
bool is_outlier(double value, const Peers& peers);

}  // namespace inferstep::report
