// Joining requests of models that did not ask for it: only what has been seen to make no difference.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "check.hpp"
#include "inferdb/trial.hpp"
#include "queue_bench.hpp"

namespace inferstep::test {
namespace {

using Rows = std::vector<Values>;

// What a function of all rows makes of them.
class OfRows final : public Model {
   public:
    explicit OfRows(std::function<Result<Rows>(const Rows&)> function) : function_(std::move(function)) {}
    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override {
        const TensorView& input = inputs.front();
        const auto width = static_cast<std::size_t>(input.shape[1]);
        const auto* data = static_cast<const float*>(input.data);
        Rows rows;
        for (std::int64_t i = 0; i < input.shape[0]; ++i, data += width) {
            rows.emplace_back(data, data + width);
        }
        const auto made = function_(rows);
        if (!made) {
            return made.error();
        }
        auto values = std::make_shared<Values>();
        for (const Values& row : *made) {
            values->insert(values->end(), row.begin(), row.end());
        }
        const auto count = static_cast<std::int64_t>(made->size());
        const auto each = count == 0 ? 0 : static_cast<std::int64_t>(values->size()) / count;
        return std::vector<TensorView>{
            {DType::float32, {count, each}, values->data(), values->size() * sizeof(float), values}};
    }
    std::vector<std::int64_t> example_shape() const override { return {}; }

   private:
    std::function<Result<Rows>(const Rows&)> function_;
};

float sum(const Values& row) { return std::accumulate(row.begin(), row.end(), 0.0F); }

Rows each_value(const Rows& rows, const std::function<float(float)>& change) {
    Rows made = rows;
    for (Values& row : made) {
        std::transform(row.begin(), row.end(), row.begin(), change);
    }
    return made;
}

float largest(const Rows& rows) {
    float value = rows[0][0];
    for (const Values& row : rows) {
        value = std::max(value, *std::max_element(row.begin(), row.end()));
    }
    return value;
}

Rows minus_column_means(const Rows& rows) {
    Rows made = rows;
    for (std::size_t column = 0; column < rows[0].size(); ++column) {
        float mean = 0;
        for (const Values& row : rows) {
            mean += row[column] / static_cast<float>(rows.size());
        }
        for (Values& row : made) {
            row[column] -= mean;
        }
    }
    return made;
}

Rows times_itself_transposed(const Rows& rows) {
    Rows made;
    for (const Values& a : rows) {
        Values& row = made.emplace_back();
        for (const Values& b : rows) {
            row.push_back(std::inner_product(a.begin(), a.end(), b.begin(), 0.0F));
        }
    }
    return made;
}

Rows running_sums(const Rows& rows) {
    Rows made = rows;
    for (std::size_t i = 1; i < made.size(); ++i) {
        std::transform(made[i].begin(), made[i].end(), made[i - 1].begin(), made[i].begin(), std::plus<>());
    }
    return made;
}

DeviceQueue::Options adaptive(std::int64_t max_batch = 16) {
    DeviceQueue::Options options;
    options.max_batch = max_batch;
    return options;
}

Values alone(Model& model, const Values& row) {
    const auto input = tensor(row, {1, static_cast<std::int64_t>(row.size())});
    const auto made = model.run({*input});
    const auto* data = static_cast<const float*>((*made)[0].data);
    return {data, data + (*made)[0].bytes / sizeof(float)};
}

// Let the requests wait together and be answered, once.
std::vector<Values> together(Bench& bench, const Rows& rows, int& answered) {
    bench.hold();
    std::vector<RequestRef> requests;
    for (const Values& row : rows) {
        requests.push_back(bench.send(row, {1, static_cast<std::int64_t>(row.size())}));
    }
    bench.release();
    bench.wait(answered += static_cast<int>(rows.size()) + 1);
    std::vector<Values> results;
    std::transform(requests.begin(), requests.end(), std::back_inserter(results), result);
    return results;
}

struct Outcome {
    std::int64_t joint;
    bool right = true;
};
// `rounds` times the same rows; whether all got what they get alone.
Outcome play(const std::shared_ptr<Model>& model, const Rows& rows, int rounds) {
    Bench bench(adaptive(), model);
    int answered = 0;
    Outcome outcome{};
    for (int i = 0; i < rounds; ++i) {
        const std::vector<Values> results = together(bench, rows, answered);
        for (std::size_t r = 0; r < rows.size(); ++r) {
            outcome.right = outcome.right && results[r] == alone(*model, rows[r]);
        }
    }
    bench.queue->stop();
    outcome.joint = bench.target->joint;
    return outcome;
}

void joins_what_it_has_tried() {
    const auto twice =
        std::make_shared<OfRows>([](const Rows& rows) { return each_value(rows, [](float x) { return 2 * x; }); });
    Bench bench(adaptive(), twice);
    int answered = 0;
    for (int i = 0; i < Trials::kRepeats; ++i) {
        CHECK(together(bench, {{1, 2}, {3, 4}}, answered) == std::vector<Values>({{2, 4}, {6, 8}}));
    }
    CHECK_EQ(bench.target->stats.batches.load(), 2U * Trials::kRepeats);
    CHECK(together(bench, {{1, 2}, {3, 4}}, answered) == std::vector<Values>({{2, 4}, {6, 8}}));
    CHECK_EQ(bench.target->stats.batches.load(), 2U * Trials::kRepeats + 1);
    CHECK_EQ(bench.target->stats.trials.load(), static_cast<std::uint64_t>(Trials::kRepeats));
    CHECK_EQ(bench.target->stats.sizes_text(), "1x6/2x1");
}

void grows_by_trials_only() {
    const auto twice =
        std::make_shared<OfRows>([](const Rows& rows) { return each_value(rows, [](float x) { return 2 * x; }); });
    Rows rows;
    for (int i = 0; i < 16; ++i) {
        rows.push_back({static_cast<float>(i), 1});
    }
    const Outcome outcome = play(twice, rows, 12);
    CHECK(outcome.right);
    CHECK_EQ(outcome.joint, 16);
}

void never_joins_what_looks_across() {
    const std::map<std::string, std::function<Result<Rows>(const Rows&)>> models = {
        {"minus the mean over the batch", minus_column_means},
        {"over the largest of all",
         [](const Rows& r) { return each_value(r, [m = largest(r)](float x) { return x / m; }); }},
        {"x times x transposed", times_itself_transposed},
        {"running sums", running_sums},
        {"rows in reverse order", [](const Rows& r) { return Rows(r.rbegin(), r.rend()); }},
        {"plus the number of rows",
         [](const Rows& r) { return each_value(r, [n = r.size()](float x) { return x + static_cast<float>(n); }); }},
        {"minus the first row",
         [](const Rows& r) { return each_value(r, [first = r[0][0]](float x) { return x - first; }); }},
        {"one sum for all",
         [](const Rows& r) {
             return Rows{
                 {std::accumulate(r.begin(), r.end(), 0.0F, [](float s, const Values& v) { return s + sum(v); })}};
         }},
        {"one row only", [](const Rows& r) { return r.size() == 1 ? Result<Rows>(r) : fail("one row, please"); }},
    };
    const Rows cases[] = {{{1, 2}, {3, 4}}, {{1, 2}, {1, 2}}, {{0, 0}, {0, 0}}, {{5, 9}, {9, 5}, {9, 9}}};
    for (const auto& [name, function] : models) {
        for (const Rows& rows : cases) {
            if (name == "over the largest of all" && rows[0][0] == 0) {
                continue;  // NaN is not equal to itself
            }
            const Outcome outcome = play(std::make_shared<OfRows>(function), rows, 2 * Trials::kRepeats);
            CHECK_IN(name, outcome.right);
            CHECK_IN(name, outcome.joint == 1);
        }
    }
}

void never_joins_what_varies() {
    auto random = std::make_shared<std::mt19937>(1);
    const auto noisy = std::make_shared<OfRows>([random](const Rows& rows) {
        return each_value(rows, [&](float x) { return x * static_cast<float>((*random)() % 2); });
    });
    Bench bench(adaptive(), noisy);
    int answered = 0;
    for (int i = 0; i < 4 * Trials::kRepeats; ++i) {
        together(bench, {{1, 2, 3, 4}, {5, 6, 7, 8}}, answered);
    }
    bench.queue->stop();
    CHECK_EQ(bench.target->joint.load(), 1);
}

void learns_nothing_from_a_constant() {
    const auto constant = std::make_shared<OfRows>([](const Rows& rows) { return Rows(rows.size(), Values{7}); });
    const Outcome outcome = play(constant, {{1, 2}, {3, 4}}, 4 * Trials::kRepeats);
    CHECK(outcome.right);
    CHECK_EQ(outcome.joint, 1);
}

void tells_one_signature_from_another() {
    // Wide rows are looked at across the batch, narrow ones are not.
    const auto model =
        std::make_shared<OfRows>([](const Rows& rows) { return rows[0].size() > 2 ? minus_column_means(rows) : rows; });
    Bench bench(adaptive(), model);
    int answered = 0;
    for (int i = 0; i < 2 * Trials::kRepeats; ++i) {
        CHECK(together(bench, {{1, 2}, {3, 4}}, answered) == std::vector<Values>({{1, 2}, {3, 4}}));
        CHECK(together(bench, {{1, 2, 3}, {4, 5, 6}}, answered) == std::vector<Values>({{0, 0, 0}, {0, 0, 0}}));
    }
    CHECK(bench.target->joint > 1);
}

void tries_again_seldom() {
    Trials trials;
    for (int i = 0; i < 20; ++i) {  // up to the limit
        if (trials.plan("s", 16, 16).trial) {
            trials.begin("s");
            trials.record("s", 16, Verdict::same);
        }
    }
    int again = 0;
    constexpr int kMany = 100'000;
    for (int i = 0; i < kMany; ++i) {
        if (trials.plan("s", 16, 16).trial) {
            ++again;
            trials.record("s", 16, Verdict::same);
        }
    }
    CHECK(again > 0 && again < kMany / 100);
    while (!trials.plan("s", 16, 16).trial) {
    }
    trials.record("s", 16, Verdict::different);
    CHECK_EQ(trials.plan("s", 16, 16).samples, 1);
    CHECK_EQ(trials.largest(), 1);
}

void is_bounded_in_memory() {
    Trials trials;
    for (std::size_t i = 0; i < Trials::kSignatures; ++i) {
        CHECK(trials.plan(std::to_string(i), 2, 16).trial);
    }
    CHECK(!trials.plan("one more", 2, 16).trial);
    CHECK(trials.plan("0", 2, 16).trial);
}

void compares_within_rounding() {
    const auto a = tensor({1000, 0, -3}, {3});
    CHECK(agrees(*a, *tensor({1000.05F, 0.05F, -3.05F}, {3}), 0, 1e-4));
    CHECK(!agrees(*a, *tensor({1000, 0.2F, -3}, {3}), 0, 1e-4));
    const float nan = std::nanf("");
    const float infinite = INFINITY;
    CHECK(agrees(*tensor({nan, infinite, 1}, {3}), *tensor({9, nan, infinite, 1}, {4}), 4, 1e-4));
    CHECK(!agrees(*tensor({nan, 1}, {2}), *tensor({1, 1}, {2}), 0, 1e-4));
    CHECK(!agrees(*tensor({infinite, 1}, {2}), *tensor({1, 1}, {2}), 0, 1e-4));
    CHECK(!agrees(*a, *tensor({1000, 0, -3}, {3}), 4, 1e-4));  // not all there
    const TensorView whole{DType::int64, {1}, "12345678", 8, nullptr};
    const TensorView other{DType::int64, {1}, "12345679", 8, nullptr};
    CHECK(agrees(whole, whole, 0, 1) && !agrees(whole, other, 0, 1));
}

CU_TestInfo kTests[] = {
    {"requests are joined after as many trials as it takes, and get what they get alone", joins_what_it_has_tried},
    {"as many are joined as have been tried", grows_by_trials_only},
    {"a model that looks across its batch is never joined", never_joins_what_looks_across},
    {"a model with chance in it is never joined", never_joins_what_varies},
    {"equal outputs prove nothing", learns_nothing_from_a_constant},
    {"each signature is tried by itself", tells_one_signature_from_another},
    {"what is joined is tried again, less than once in a hundred times", tries_again_seldom},
    {"signatures without end are not remembered", is_bounded_in_memory},
    {"results are compared within rounding, NaN and infinity exactly", compares_within_rounding},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kAdaptiveSuite = suite("adaptive", kTests);

}  // namespace inferstep::test
