#include "sweep/eta.hpp"

#include <algorithm>

namespace inferstep::sweep {
namespace {

std::string key_of(const Point& point) {
    std::string key;
    for (const auto& [name, value] : point.parameters) {
        key.append(name).append(1, '\0').append(value).append(1, '\0');
    }
    return key;
}

}  // namespace

void Estimate::learn(const Point& point, double seconds) {
    for (Mean* mean : {&by_parameters_[key_of(point)], &by_nodes_[point.all_nodes()], &all_}) {
        mean->sum += seconds;
        ++mean->count;
    }
}

std::optional<double> Estimate::of(const Point& point) const {
    const auto same = by_parameters_.find(key_of(point));
    const auto alike = by_nodes_.find(point.all_nodes());
    const Mean* mean = same != by_parameters_.end() ? &same->second : alike != by_nodes_.end() ? &alike->second : &all_;
    if (mean->count > 0) {
        return mean->sum / mean->count;
    }
    return point.estimate_s > 0 ? std::optional<double>(point.estimate_s) : std::nullopt;
}

void TimeLeft::add(const Point& point, double so_far, bool running) {
    const std::optional<double> whole = estimate_.of(point);
    known_ = known_ && whole;
    const double left = std::max(whole.value_or(0) - so_far, 0.0);
    sum_ += left;
    running_ += running ? 1 : 0;
    longest_ = running ? std::max(longest_, left) : longest_;
}

std::optional<double> TimeLeft::seconds() const {
    return known_ ? std::optional<double>(std::max(sum_ / std::max(running_, 1), longest_)) : std::nullopt;
}

}  // namespace inferstep::sweep
