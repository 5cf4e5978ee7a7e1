#include "core/stats.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace inferstep {

double percentile(std::vector<double> sample, double fraction) {
    if (sample.empty()) {
        return 0;
    }
    std::sort(sample.begin(), sample.end());
    return percentile_of_sorted(sample.data(), sample.size(), fraction);
}

double percentile_of_sorted(const double* sorted, std::size_t count, double fraction) {
    const double at = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, count - 1);
    return std::lerp(sorted[low], sorted[high], at - static_cast<double>(low));
}

double mean(const std::vector<double>& sample) {
    return sample.empty() ? 0 : std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}

}  // namespace inferstep
