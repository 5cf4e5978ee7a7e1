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
    const double at = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(sample.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, sample.size() - 1);
    std::sort(sample.begin(), sample.end());
    return std::lerp(sample[low], sample[high], at - static_cast<double>(low));
}

double mean(const std::vector<double>& sample) {
    return sample.empty() ? 0 : std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}

}  // namespace inferstep
