#include "llm/stage/sampling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace inferstep::llm {

namespace {

// Four numbers at once: what every CPU has registers for.
constexpr int kLanes = 4;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

Floats all(float x) { return Floats{} + x; }

Floats load(const float* x) {
    Floats lanes;
    std::memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

// e to the power of x, for x ≤ 0, to within 2e-7 of it. Below -87 it is as good as nothing.
Floats exponential(Floats x) {
    constexpr float kLog2 = 1.44269504F;
    constexpr float kHigh = 0.693359375F;  // ln 2 in two parts, so that the remainder loses nothing
    constexpr float kLow = -2.12194440e-4F;
    constexpr float kRound = 12582912.0F;  // 1.5 · 2^23
    x = x < all(-87.0F) ? all(-87.0F) : x;
    const Floats shifted = x * kLog2 + kRound;
    const Floats whole = shifted - kRound;
    const Floats r = (x - whole * kHigh) - whole * kLow;
    Floats terms = all(1.0F / 720);
    for (const float factor : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
        terms = terms * r + factor;
    }
    Ints bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000;
    Floats power;
    std::memcpy(&power, &bits, sizeof power);
    return terms * power;
}

float largest(const float* x, int n) {
    float most = x[0];
    int i = 0;
    if (n >= kLanes) {
        Floats lanes = load(x);
        for (i = kLanes; i + kLanes <= n; i += kLanes) {
            const Floats next = load(x + i);
            lanes = next > lanes ? next : lanes;
        }
        for (int lane = 0; lane < kLanes; ++lane) {
            most = lanes[lane] > most ? lanes[lane] : most;
        }
    }
    for (; i < n; ++i) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

double sum_of(const Floats& lanes) {
    double sum = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
        sum += lanes[lane];
    }
    return sum;
}

// Sum of exp(x - most), in blocks whose sums are added as doubles.
double sum_of_exponentials(const float* x, int n, float most) {
    constexpr int kBlock = 1024;
    double sum = 0;
    int i = 0;
    while (i + kLanes <= n) {
        Floats lanes{};
        for (const int end = std::min(n, i + kBlock); i + kLanes <= end; i += kLanes) {
            lanes += exponential(load(x + i) - most);
        }
        sum += sum_of(lanes);
    }
    if (i < n) {
        Floats rest = all(most - 1000);
        std::memcpy(&rest, x + i, static_cast<std::size_t>(n - i) * sizeof(float));
        Floats lanes = exponential(rest - most);
        for (int lane = 0; lane < n - i; ++lane) {
            sum += lanes[lane];
        }
    }
    return sum;
}

// Philox4x32-10 (Salmon et al., 2011): a hash of a counter and a key whose every value serves as a random number.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t seed) {
    constexpr int kRounds = 10;
    auto key0 = static_cast<std::uint32_t>(seed);
    auto key1 = static_cast<std::uint32_t>(seed >> 32U);
    for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t a = std::uint64_t{0xd2511f53} * counter[0];
        const std::uint64_t b = std::uint64_t{0xcd9e8d57} * counter[2];
        counter = {static_cast<std::uint32_t>(b >> 32U) ^ counter[1] ^ key0, static_cast<std::uint32_t>(b),
                   static_cast<std::uint32_t>(a >> 32U) ^ counter[3] ^ key1, static_cast<std::uint32_t>(a)};
        key0 += 0x9e3779b9;
        key1 += 0xbb67ae85;
    }
    return counter;
}

// The first id at which the running sum of the weights, in the order of `ids`, passes the share.
int pick(const std::vector<int>& ids, std::size_t count, const std::vector<double>& weights, double share) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += weights[static_cast<std::size_t>(ids[i])];
        if (sum > share) {
            return ids[i];
        }
    }
    return ids[count - 1];
}

// The likeliest first, the smaller id among equals, sorted only as far as their share reaches `goal`. Returns how many
// that are and, in `share`, what they have together.
std::size_t sort_likeliest(std::vector<int>& ids, const std::vector<double>& weights, double goal, double& share) {
    const auto likelier = [&weights](int a, int b) {
        const double left = weights[static_cast<std::size_t>(a)];
        const double right = weights[static_cast<std::size_t>(b)];
        return left > right || (left == right && a < b);
    };
    share = 0;
    std::size_t sorted = 0;
    for (std::size_t count = 0; count < ids.size(); ++count) {
        if (count == sorted) {
            const std::size_t until = std::min(ids.size(), std::max<std::size_t>(64, sorted * 4));
            std::partial_sort(ids.begin() + static_cast<std::ptrdiff_t>(sorted),
                              ids.begin() + static_cast<std::ptrdiff_t>(until), ids.end(), likelier);
            sorted = until;
        }
        share += weights[static_cast<std::size_t>(ids[count])];
        if (share >= goal) {
            return count + 1;
        }
    }
    return ids.size();
}

int first_of(const float* x, int n, float value) {
    const float* found = std::find(x, x + n, value);
    return found == x + n ? 0 : static_cast<int>(found - x);  // nothing is equal to what is no number
}

int draw(const float* logits, int vocab, const SamplingOptions& options, double random) {
    const auto n = static_cast<std::size_t>(vocab);
    const double most = largest(logits, vocab);
    std::vector<double> weights(n);
    std::vector<int> ids(n);
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double weight = std::exp((logits[i] - most) / options.temperature);
        weights[i] = weight > 0 ? weight : 0;  // what is no number is not drawn
        ids[i] = static_cast<int>(i);
        total += weights[i];
    }
    std::size_t count = n;
    if (options.top_p < 1) {
        count = sort_likeliest(ids, weights, options.top_p * total, total);
    }
    return pick(ids, count, weights, random * total);
}

}  // namespace

double random_number(std::uint64_t seed, std::uint64_t prompt, int position) {
    const auto block = philox({static_cast<std::uint32_t>(position), 0, static_cast<std::uint32_t>(prompt),
                               static_cast<std::uint32_t>(prompt >> 32U)},
                              seed);
    const std::uint64_t bits = (std::uint64_t{block[0]} << 32U | block[1]) >> 11U;
    return static_cast<double>(bits) * 0x1p-53;
}

double log_probability(const float* logits, int vocab, int token) {
    const float most = largest(logits, vocab);
    return static_cast<double>(logits[token]) - most - std::log(sum_of_exponentials(logits, vocab, most));
}

Sample sample(const float* logits, int vocab, const SamplingOptions& options, std::uint64_t prompt, int position) {
    const int token = options.temperature > 0
                          ? draw(logits, vocab, options, random_number(options.seed, prompt, position))
                          : first_of(logits, vocab, largest(logits, vocab));
    return {token, log_probability(logits, vocab, token)};
}

void Score::add(const float* logits, int vocab, const int* next_tokens, int rows) {
    for (int row = 0; row < rows; ++row) {
        log_probability +=
            llm::log_probability(logits + static_cast<std::ptrdiff_t>(row) * vocab, vocab, next_tokens[row]);
    }
    tokens += rows;
}

double Score::perplexity() const { return tokens == 0 ? 1 : std::exp(-log_probability / tokens); }

}  // namespace inferstep::llm
