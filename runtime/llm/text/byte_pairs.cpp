#include "llm/text/byte_pairs.hpp"

#include <algorithm>
#include <queue>

namespace inferstep::llm {
namespace {

struct Link {
    int before = -1;
    int after = -1;
};

// A pair that could be merged when it was noted; `left` and `right` tell whether it is still the same.
struct Candidate {
    int rank = 0;
    int at = 0;
    int left = 0;
    int right = 0;
    int merged = 0;
    bool operator<(const Candidate& other) const {  // the queue gives the largest first
        return rank != other.rank ? rank > other.rank : at > other.at;
    }
};

}  // namespace

void BytePairs::merge(std::vector<int>& word) const {
    constexpr int kGone = -1;
    const int n = static_cast<int>(word.size());
    std::vector<Link> links(word.size());
    const auto token = [&](int i) -> int& { return word[static_cast<std::size_t>(i)]; };
    const auto link = [&](int i) -> Link& { return links[static_cast<std::size_t>(i)]; };
    std::priority_queue<Candidate> queue;
    const auto note = [&](int at) {
        const int next = at < 0 ? -1 : link(at).after;
        const auto found = next < 0 ? merges_.end() : merges_.find(key(token(at), token(next)));
        if (found != merges_.end()) {
            queue.push({found->second.rank, at, token(at), token(next), found->second.merged});
        }
    };
    for (int i = 0; i < n; ++i) {
        link(i) = {i - 1, i + 1 < n ? i + 1 : -1};
    }
    for (int i = 0; i < n; ++i) {
        note(i);
    }
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        const int next = link(best.at).after;
        if (token(best.at) != best.left || next < 0 || token(next) != best.right) {
            continue;
        }
        token(best.at) = best.merged;
        token(next) = kGone;
        link(best.at).after = link(next).after;
        if (link(next).after >= 0) {
            link(link(next).after).before = best.at;
        }
        note(link(best.at).before);
        note(best.at);
    }
    word.erase(std::remove(word.begin(), word.end(), kGone), word.end());
}

}  // namespace inferstep::llm
