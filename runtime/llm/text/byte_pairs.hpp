// Byte-pair encoding of one word: of the pairs that stand beside each other the one of the lowest rank, and of equal
// ones the leftmost, becomes one token, until no pair is left that has a rank.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace inferstep::llm {

class BytePairs {
   public:
    void reserve(std::size_t merges) { merges_.reserve(merges); }
    // The pair (left, right) makes `merged`. Of a pair that is given twice the first rank holds.
    void add(int left, int right, int merged, int rank) { merges_.try_emplace(key(left, right), Merge{rank, merged}); }

    // Replaces the tokens of the word's bytes by those they make. O(n log n).
    void merge(std::vector<int>& word) const;

   private:
    struct Merge {
        int rank = 0;
        int merged = 0;
    };
    static std::uint64_t key(int left, int right) {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U | static_cast<std::uint32_t>(right);
    }
    std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace inferstep::llm
