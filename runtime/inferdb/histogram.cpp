#include "inferdb/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace inferstep {

std::size_t Histogram::bucket_of(std::uint64_t value) {
    value = std::min(value, (std::uint64_t{1} << (kLargest + 1)) - 1);
    if (value < (std::uint64_t{1} << kFine)) {
        return value;
    }
    const unsigned power = static_cast<unsigned>(std::bit_width(value)) - 1;
    const std::uint64_t within = (value >> (power - kFine)) - (std::uint64_t{1} << kFine);
    return ((power - kFine + std::size_t{1}) << kFine) + within;
}

std::uint64_t Histogram::middle_of(std::size_t bucket) {
    if (bucket < (std::size_t{1} << kFine)) {
        return bucket;
    }
    const std::size_t shift = (bucket >> kFine) - 1;
    const std::uint64_t low = ((std::uint64_t{1} << kFine) + (bucket & ((1U << kFine) - 1))) << shift;
    return low + ((std::uint64_t{1} << shift) - 1) / 2;
}

void Histogram::add(std::uint64_t value) {
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::reset() {
    for (auto& count : counts_) {
        count.store(0, std::memory_order_relaxed);
    }
    sum_.store(0, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
    std::uint64_t total = 0;
    for (const auto& count : counts_) {
        total += count.load(std::memory_order_relaxed);
    }
    return total;
}

std::uint64_t Histogram::quantile(double q) const {
    const std::uint64_t total = count();
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += counts_[i].load(std::memory_order_relaxed);
        if (seen >= rank) {
            return middle_of(i);
        }
    }
    return 0;
}

}  // namespace inferstep
