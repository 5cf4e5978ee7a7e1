#include "report/plot_density.hpp"

#include <algorithm>
#include <cmath>

namespace inferstep::report {
namespace {

// Silverman's rule; not so narrow that single quantiles are seen.
double bandwidth(const std::vector<double>& q, std::int64_t count) {
    const auto n = static_cast<double>(q.size());
    double sum = 0;
    double squares = 0;
    for (const double v : q) {
        sum += v - q.front();
        squares += (v - q.front()) * (v - q.front());
    }
    const double spread = std::sqrt(std::max(0.0, squares / n - sum * sum / n / n));
    const double quarters = (q[q.size() * 3 / 4] - q[q.size() / 4]) / 1.34;
    const double scale = quarters > 0 ? std::min(spread, quarters) : spread;
    return std::max(0.9 * scale * std::pow(static_cast<double>(count), -0.2), (q.back() - q.front()) / 1000);
}

// Where the density is computed: evenly over the range, and closer where many values lie.
std::vector<double> places(const std::vector<double>& q) {
    constexpr int kEven = 40;
    constexpr std::size_t kEvery = 5;
    std::vector<double> at;
    for (int i = 0; i <= kEven; ++i) {
        at.push_back(q.front() + (q.back() - q.front()) * i / kEven);
    }
    for (std::size_t i = 0; i < q.size(); i += kEvery) {
        at.push_back(q[i]);
    }
    std::sort(at.begin(), at.end());
    return at;
}

}  // namespace

std::vector<Density> density(const Distribution& sample, bool log) {
    std::vector<double> q = sample.quantiles;
    if (log) {
        std::transform(q.begin(), q.end(), q.begin(), [](double v) { return std::log(v); });
    }
    if (q.size() < 3 || !(q.back() > q.front())) {
        return {};
    }
    const double width = bandwidth(q, sample.count);
    std::vector<Density> out;
    double highest = 0;
    for (const double at : places(q)) {
        double height = 0;
        for (const double v : q) {
            const double u = (at - v) / width;
            height += std::exp(-0.5 * u * u);
        }
        highest = std::max(highest, height);
        out.push_back({log ? std::exp(at) : at, height});
    }
    for (Density& d : out) {
        d.height /= highest;
    }
    return out;
}

}  // namespace inferstep::report
