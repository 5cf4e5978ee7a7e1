// The next token out of logits.
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "llm/stage/sampling.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

constexpr int kVocab = 1500;

// Logits with a few likely words among many unlikely ones.
std::vector<float> logits() {
    std::vector<float> x(kVocab);
    for (int i = 0; i < kVocab; ++i) {
        x[static_cast<std::size_t>(i)] =
            static_cast<float>(6 * llm::random_number(7, 0, i) + (i % 100 == 0 ? 8 : 0) - 20);
    }
    return x;
}

double exact_log_probability(const std::vector<float>& x, int token) {
    double sum = 0;
    for (const float value : x) {
        sum += std::exp(static_cast<double>(value));
    }
    return x[static_cast<std::size_t>(token)] - std::log(sum);
}

void numbers_are_those_of_philox() {
    // The first two words of the generator's published answer for a counter and key of zeros.
    const std::uint64_t bits = 0x6627e8d5e169c58dU;
    CHECK_EQ(llm::random_number(0, 0, 0), static_cast<double>(bits >> 11U) * 0x1p-53);
    double sum = 0;
    for (int i = 0; i < 10000; ++i) {
        sum += llm::random_number(42, 3, i);
    }
    CHECK(std::abs(sum / 10000 - 0.5) < 0.02);
    CHECK(llm::random_number(42, 1, 2) != llm::random_number(42, 2, 1));
    CHECK(llm::random_number(42, 1, 2) != llm::random_number(43, 1, 2));
    CHECK(llm::random_number(42, std::uint64_t{1} << 32U, 0) != llm::random_number(42, 0, 0));
}

void greedy_takes_the_first_of_the_largest() {
    std::vector<float> x = logits();
    x[77] = 30;
    x[400] = 30;
    const llm::Sample found = llm::sample(x.data(), kVocab, {}, 5, 6);
    CHECK_EQ(found.token, 77);
    CHECK(std::abs(found.log_probability - std::log(0.5)) < 1e-6);
}

void probabilities_are_right() {
    const std::vector<float> x = logits();
    for (const int token : {0, 1, 100, 1499}) {
        CHECK(std::abs(llm::log_probability(x.data(), kVocab, token) - exact_log_probability(x, token)) < 1e-6);
    }
    const std::vector<float> far = {0, -1000, -std::numeric_limits<float>::infinity(), 88};
    CHECK(std::abs(llm::log_probability(far.data(), 4, 3)) < 1e-6);
    CHECK(std::abs(llm::log_probability(far.data(), 4, 1) + 1088) < 1e-3);
}

void draws_follow_the_probabilities() {
    const std::vector<float> x = logits();
    llm::SamplingOptions options;
    options.temperature = 1;
    constexpr int kDraws = 4000;
    std::vector<int> drawn(kVocab);
    for (int i = 0; i < kDraws; ++i) {
        ++drawn[static_cast<std::size_t>(llm::sample(x.data(), kVocab, options, 1, i).token)];
    }
    for (int token = 0; token < kVocab; token += 100) {
        const double share = std::exp(exact_log_probability(x, token));
        const double deviation = std::sqrt(share * (1 - share) * kDraws);
        CHECK_IN(fmt::format("token {}", token),
                 std::abs(drawn[static_cast<std::size_t>(token)] - share * kDraws) < 5 * deviation + 1);
    }
}

void the_unlikely_are_left_out() {
    const std::vector<float> x = {1, 3, 2, 3, 0};  // at temperature 1: 0.05, 0.39, 0.14, 0.39, 0.02
    llm::SamplingOptions options;
    options.temperature = 1;
    const struct {
        double top_p;
        std::array<bool, 5> possible;
    } table[] = {{0.3, {false, true, false, false, false}},
                 {0.7, {false, true, false, true, false}},
                 {0.9, {false, true, true, true, false}},
                 {1.0, {true, true, true, true, true}}};
    for (const auto& row : table) {
        options.top_p = row.top_p;
        std::array<bool, 5> seen{};
        for (int i = 0; i < 2000; ++i) {
            seen[static_cast<std::size_t>(llm::sample(x.data(), 5, options, 9, i).token)] = true;
        }
        CHECK_IN(fmt::format("top_p {}", row.top_p), seen == row.possible);
    }
    const std::vector<float> wide = logits();
    options.top_p = 0.999;  // more words than are sorted at once
    options.temperature = 5;
    bool far = false;
    for (int i = 0; i < 500; ++i) {
        far = far || wide[static_cast<std::size_t>(llm::sample(wide.data(), kVocab, options, 9, i).token)] < -17;
    }
    CHECK(far);
}

void strange_logits_do_no_harm() {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    llm::SamplingOptions options;
    for (const double temperature : {0.0, 1e-300, 1.0, 1e300}) {
        for (const double top_p : {0.0, 0.5, 1.0}) {
            options.temperature = temperature;
            options.top_p = top_p;
            for (const std::vector<float>& x :
                 {std::vector<float>{nan, nan, nan}, {1, nan, 2}, {-inf, -inf, -inf}, {inf, 1, 2}, {inf, inf, nan}}) {
                const int token = llm::sample(x.data(), 3, options, 0, 0).token;
                CHECK(token >= 0 && token < 3);
            }
        }
    }
}

void a_text_has_a_perplexity() {
    const std::vector<float> x(std::size_t{3} * 64);  // three rows of 64 equal logits
    const std::array<int, 3> next = {1, 2, 63};
    llm::Score score;
    CHECK_EQ(score.perplexity(), 1.0);
    score.add(x.data(), 64, next.data(), 3);
    CHECK_EQ(score.tokens, 3);
    CHECK(std::abs(score.perplexity() - 64) < 1e-4);
}

CU_TestInfo kTests[] = {{"random numbers are Philox's", numbers_are_those_of_philox},
                        {"greedy takes the first of the largest", greedy_takes_the_first_of_the_largest},
                        {"log-probabilities are right", probabilities_are_right},
                        {"draws follow the probabilities", draws_follow_the_probabilities},
                        {"top-p leaves out the unlikely", the_unlikely_are_left_out},
                        {"logits that are no numbers do no harm", strange_logits_do_no_harm},
                        {"a text has a perplexity", a_text_has_a_perplexity},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kSamplingSuite = suite("sampling", kTests);

}  // namespace inferstep::test
