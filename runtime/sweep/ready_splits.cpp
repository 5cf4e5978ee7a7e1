#include "sweep/ready_splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

using Split = std::vector<int>;
constexpr int kFew = 9;  // splits of two stages, by default

// Every partition with at least one layer for each stage, the first stage growing slowest.
class All {
   public:
    All(int layers, int stages) : now_(static_cast<std::size_t>(stages)) { fill(layers, 0, stages); }
    std::vector<Split> splits;
    bool too_many = false;

   private:
    void fill(int left, std::size_t stage, int stages) {
        if (splits.size() > kMostSplits) {
            too_many = true;
            return;
        }
        if (stages == 1) {
            now_[stage] = left;
            splits.push_back(now_);
            return;
        }
        for (int here = 1; here <= left - (stages - 1) && !too_many; ++here) {
            now_[stage] = here;
            fill(left - here, stage + 1, stages - 1);
        }
    }
    Split now_;
};

Split even(int layers, int stages) {
    Split split(static_cast<std::size_t>(stages), layers / stages);
    for (int i = 0; i < layers % stages; ++i) {
        ++split[static_cast<std::size_t>(i)];
    }
    return split;
}

std::vector<Split> few_of_two(int layers) {
    std::vector<Split> splits;
    const int choices = layers - 1;
    const int count = std::min(choices, kFew);
    for (int i = 0; i < count; ++i) {
        const int first = count == 1 ? 1 : 1 + (i * (choices - 1) + (count - 1) / 2) / (count - 1);
        splits.push_back({first, layers - first});
    }
    return splits;
}

// The even split, and those with one layer moved to the first or to the last stage.
std::vector<Split> around_even(int layers, int stages) {
    const Split middle = even(layers, stages);
    std::vector<Split> splits = {middle};
    for (std::size_t from = 0; from < middle.size(); ++from) {
        for (const std::size_t to : {std::size_t{0}, middle.size() - 1}) {
            Split moved = middle;
            --moved[from];
            ++moved[to];
            if (from != to && moved[from] > 0 && std::find(splits.begin(), splits.end(), moved) == splits.end()) {
                splits.push_back(std::move(moved));
            }
        }
    }
    return splits;
}

Result<Split> own_split(std::string word, int layers, int stages) {
    const std::string shown = word;
    std::replace_if(
        word.begin(), word.end(), [](char c) { return c == '+' || c == '-' || c == '/'; }, ',');
    Split split;
    for (const std::string& part : inferstep::split(word, ',')) {
        const Result<long> number = parse_number("--splits", part, 1, 100'000);
        if (!number) {
            return with_hint(fail("--splits: '{}' is no split", shown),
                             "layers of each stage are right, such as 13+13");
        }
        split.push_back(static_cast<int>(*number));
    }
    if (split.size() != static_cast<std::size_t>(stages)) {
        return fail("--splits: {} has {} parts, and there are {} stages", shown, split.size(), stages);
    }
    if (const int sum = std::accumulate(split.begin(), split.end(), 0); sum != layers) {
        return fail("--splits: {} has {} layers, and the model has {}", shown, sum, layers);
    }
    return split;
}

}  // namespace

Result<std::vector<std::string>> splits_of(const std::vector<std::string>& words, int layers, int stages) {
    if (stages > layers) {
        return fail("--stages={}: the model has {} layers, and a stage has at least one", stages, layers);
    }
    std::vector<Split> splits;
    if (words.size() == 1 && words[0] == "all") {
        All all(layers, stages);
        if (all.too_many) {
            return with_hint(fail("--splits=all: there are more than {} partitions of {} layers into {} stages",
                                  kMostSplits, layers, stages),
                             "name some, such as --splits=7+7+6+6, or --splits=auto");
        }
        splits = std::move(all.splits);
    } else if (words.size() == 1 && words[0] == "auto") {
        splits = stages == 2 ? few_of_two(layers) : around_even(layers, stages);
    } else {
        for (const std::string& word : words) {
            Result<Split> split = own_split(word, layers, stages);
            if (!split) {
                return split.error();
            }
            splits.push_back(std::move(*split));
        }
    }
    std::vector<std::string> texts;
    for (const Split& split : splits) {
        std::string text = fmt::format("{}", fmt::join(split, ","));
        if (std::find(texts.begin(), texts.end(), text) != texts.end()) {
            return fail("--splits: {} stands there twice", text);
        }
        texts.push_back(std::move(text));
    }
    return texts;
}

}  // namespace inferstep::sweep
