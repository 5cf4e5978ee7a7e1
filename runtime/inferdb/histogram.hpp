// How values are distributed: counted in buckets whose width grows with the value, 16 for each power of two, so that a
// quantile is at most 3.2 % off. Numbers below 16 are exact; those from 2^43 on (two and a half hours, in nanoseconds)
// count as the largest. Adding is lock-free and costs two increments; what is read meanwhile may lack the newest.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace inferstep {

class Histogram {
   public:
    void add(std::uint64_t value);
    void reset();

    std::uint64_t count() const;
    std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }  // of the values themselves, exact
    // The value that a part `q` (0 … 1) of all do not exceed: that of rank ceil(q * count). 0 when there is none.
    std::uint64_t quantile(double q) const;

   private:
    static constexpr unsigned kFine = 4;      // 2^4 buckets for each power of two
    static constexpr unsigned kLargest = 42;  // of the powers
    static constexpr std::size_t kBuckets = (kLargest - kFine + 2) << kFine;
    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t middle_of(std::size_t bucket);

    std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
    std::atomic<std::uint64_t> sum_{0};
};

}  // namespace inferstep
