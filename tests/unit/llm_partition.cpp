// How layers are divided among stages.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "llm/stage/partition.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using llm::LayerRange;

llm::Shape open_llama_3b() {
    llm::Shape shape;
    shape.vocab = 32000;
    shape.hidden = 3200;
    shape.ffn = 8640;
    shape.layers = 26;
    shape.heads = 32;
    shape.kv_heads = 32;
    shape.head_dim = 100;
    return shape;
}

std::string counts(const std::vector<LayerRange>& ranges) {
    std::string text;
    for (const LayerRange& range : ranges) {
        text += fmt::format("{}{}", text.empty() ? "" : ",", range.last - range.first);
    }
    return text;
}

double slowest(const llm::Shape& shape, const std::vector<int>& layers) {
    const llm::StageCosts costs = llm::costs_of(shape);
    double most = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        most = std::max(most, layers[i] + (i == 0 ? costs.embedding : 0) + (i + 1 == layers.size() ? costs.head : 0));
    }
    return most;
}

// Every division there is, for the few layers that the test has.
double best_of_all(const llm::Shape& shape, int stages, std::vector<int>& layers, int left) {
    if (stages == 1) {
        layers.push_back(left);
        const double cost = slowest(shape, layers);
        layers.pop_back();
        return cost;
    }
    double best = std::numeric_limits<double>::infinity();
    for (int count = 1; count <= left - (stages - 1); ++count) {
        layers.push_back(count);
        best = std::min(best, best_of_all(shape, stages - 1, layers, left - count));
        layers.pop_back();
    }
    return best;
}

void the_known_model_is_divided_as_expected() {
    const struct {
        int stages;
        const char* layers;
    } table[] = {{1, "26"}, {2, "13,13"}, {3, "9,9,8"}, {4, "7,7,6,6"}, {13, "2,2,2,2,2,2,2,2,2,2,2,2,2"}};
    for (const auto& row : table) {
        const auto ranges = llm::divide(open_llama_3b(), row.stages);
        if (CHECK_IN(row.layers, ranges)) {
            CHECK_EQ(counts(*ranges), row.layers);
        }
    }
}

void ranges_cover_the_model() {
    for (int stages = 1; stages <= 26; ++stages) {
        const auto ranges = llm::divide(open_llama_3b(), stages);
        if (!CHECK(ranges) || !CHECK_EQ(ranges->size(), static_cast<std::size_t>(stages))) {
            return;
        }
        int next = 0;
        for (std::size_t i = 0; i < ranges->size(); ++i) {
            const LayerRange& range = (*ranges)[i];
            CHECK_EQ(range.first, next);
            CHECK(range.last > range.first);
            CHECK_EQ(range.embedding, i == 0);
            CHECK_EQ(range.head, i + 1 == ranges->size());
            next = range.last;
        }
        CHECK_EQ(next, 26);
    }
}

void no_division_is_better() {
    for (const int vocab : {100, 32000, 200000}) {
        for (int stages = 1; stages <= 5; ++stages) {
            llm::Shape shape = open_llama_3b();
            shape.layers = 11;
            shape.vocab = vocab;
            const auto ranges = llm::divide(shape, stages);
            if (!CHECK(ranges)) {
                return;
            }
            std::vector<int> layers;
            for (const LayerRange& range : *ranges) {
                layers.push_back(range.last - range.first);
            }
            std::vector<int> none;
            CHECK_IN(fmt::format("{} stages, {} words", stages, vocab),
                     slowest(shape, layers) <= best_of_all(shape, stages, none, shape.layers) * 1.0001);
        }
    }
}

void what_cannot_be_divided_is_said() {
    CHECK_FAILS(llm::divide(open_llama_3b(), 27), "26 layers, which is fewer than the 27 stages");
    CHECK_FAILS(llm::divide(open_llama_3b(), 0), "0 stages");
    CHECK_FAILS(llm::divide_as(open_llama_3b(), {13, 12}), "13,12 has 25 layers, and the model has 26");
    CHECK_FAILS(llm::divide_as(open_llama_3b(), {26, 1}), "27 layers");
    CHECK_FAILS(llm::divide_as(open_llama_3b(), {2147483647, 2147483647}), "4294967294 layers");
    CHECK_FAILS(llm::divide_as(open_llama_3b(), {26, 0}), "at least one");
    CHECK_FAILS(llm::divide_as(open_llama_3b(), {}), "0 layers");
    const auto own = llm::divide_as(open_llama_3b(), {20, 6});
    if (CHECK(own)) {
        CHECK_EQ(counts(*own), "20,6");
        CHECK((*own)[1].head && !(*own)[0].head);
    }
}

void the_division_is_described() {
    const auto ranges = llm::divide(open_llama_3b(), 2);
    if (CHECK(ranges)) {
        CHECK_EQ(llm::describe(open_llama_3b(), *ranges),
                 "stage 0: embedding, layers 0-12 (3.43 GB), cost 13.00\n"
                 "stage 1: layers 13-25, norm and head (3.43 GB), cost 13.83\n");
    }
    llm::Shape tied = open_llama_3b();
    tied.tied_head = true;
    const LayerRange all{0, 26, true, true};
    CHECK_EQ(llm::weight_bytes(tied, all, llm::Format::kBf16) + 2 * tied.head_parameters(),
             llm::weight_bytes(open_llama_3b(), all, llm::Format::kBf16));
}

CU_TestInfo kTests[] = {{"the 3B model is divided as expected", the_known_model_is_divided_as_expected},
                        {"ranges cover the model", ranges_cover_the_model},
                        {"no division is better", no_division_is_better},
                        {"what cannot be divided is said", what_cannot_be_divided_is_said},
                        {"a division is described", the_division_is_described},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kPartitionSuite = suite("partition", kTests);

}  // namespace inferstep::test
