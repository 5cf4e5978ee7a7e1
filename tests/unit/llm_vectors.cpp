// What a layer does between its matrices, against float64; and the pool's threads.
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "llm/kernels/memory.hpp"
#include "llm/kernels/pool.hpp"
#include "llm/kernels/vector_math.hpp"
#include "llm_numbers.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::llm;

bool is_near(float found, double exact, double bound) {
    return std::fabs(static_cast<double>(found) - exact) <= bound * (1 + std::fabs(exact));
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// Exactly as long as asked for, so that the sanitizer sees what is read beyond.
std::vector<std::uint16_t> halves_of(const std::vector<float>& numbers) {
    std::vector<std::uint16_t> out(numbers.size());
    to_bf16(numbers.data(), out.data(), static_cast<int>(numbers.size()));
    return out;
}

void norm_of(Isa isa, int n) {
    const std::vector<float> x = gaussian(n, 1);
    const std::vector<float> weight = gaussian(n, 2);
    std::vector<float> out(at(n));
    rms_norm(x.data(), weight.data(), n, 1e-6F, out.data());
    double square = 0;
    for (const float value : x) {
        square += static_cast<double>(value) * static_cast<double>(value);
    }
    const double scale = 1 / std::sqrt(square / n + 1e-6);
    for (int i = 0; i < n; ++i) {
        const double exact = static_cast<double>(x[at(i)]) * scale * static_cast<double>(weight[at(i)]);
        CHECK_IN(fmt::format("{} {} of {}", name_of(isa), i, n), is_near(out[at(i)], exact, 1e-6));
    }
}

void gate_of(Isa isa, int n) {
    std::vector<float> gate = gaussian(n, 3);
    const std::vector<float> up = gaussian(n, 4);
    for (int i = 0; i < n; ++i) {
        gate[at(i)] *= i % 5 == 0 ? 40.0F : 3.0F;
    }
    std::vector<float> out = gate;
    silu_times(out.data(), up.data(), n);
    std::vector<float> sum = gate;
    add(sum.data(), up.data(), n);
    for (int i = 0; i < n; ++i) {
        const double x = static_cast<double>(gate[at(i)]);
        const double exact = x / (1 + std::exp(-x)) * static_cast<double>(up[at(i)]);
        CHECK_IN(fmt::format("{} silu({}) {} of {}", name_of(isa), x, i, n), is_near(out[at(i)], exact, 1e-6));
        CHECK(sum[at(i)] == gate[at(i)] + up[at(i)]);
    }
}

void elementwise_functions_are_right() {
    for_each_isa([](Isa isa) {
        for (const int n : {1, 7, 16, 31, 100, 200, 540, 3200}) {
            norm_of(isa, n);
            gate_of(isa, n);
        }
    });
}

void halves_round_to_even() {
    for_each_isa([](Isa isa) {
        for (const int n : {1, 5, 8, 17, 100}) {
            std::vector<float> numbers = gaussian(n, 5);
            numbers[0] = 1.00390625F;  // half way between two: to the even one
            const std::vector<std::uint16_t> out = halves_of(numbers);
            CHECK_EQ(out[0], 0x3f80);
            for (int i = 0; i < n; ++i) {
                const std::uint32_t bits = std::uint32_t{out[at(i)]} << 16U;
                float value = 0;
                std::memcpy(&value, &bits, sizeof value);
                CHECK_IN(fmt::format("{} {} of {}", name_of(isa), i, n), value == bf16_value(numbers[at(i)]));
            }
        }
        const float odd[] = {std::nanf(""), 1e-40F, -INFINITY};
        std::uint16_t out[3];
        to_bf16(odd, out, 3);
        CHECK((out[0] & 0x7fff) > 0x7f80);
        CHECK_EQ(out[1], 1);
        CHECK_EQ(out[2], 0xff80);
    });
}

void rotation_turns_pairs() {
    for_each_isa([](Isa isa) {
        for (const int head_dim : {2, 64, 100, 128}) {
            constexpr int kPositions = 9;
            std::vector<float> table(at(kPositions * head_dim));
            make_rope_table(table.data(), kPositions, head_dim, 10000);
            const std::vector<float> before = gaussian(3 * head_dim, 6);
            std::vector<float> after = before;
            rotate(after.data(), 3, head_dim, table.data(), kPositions - 1);
            const int half = head_dim / 2;
            for (int i = 0; i < 3 * half; ++i) {
                const int a = i / half * head_dim + i % half;
                const double angle = (kPositions - 1) * std::pow(10000, -2.0 * (i % half) / head_dim);
                const double x = static_cast<double>(before[at(a)]);
                const double y = static_cast<double>(before[at(a + half)]);
                const std::string where = fmt::format("{} {} of {}", name_of(isa), i, head_dim);
                CHECK_IN(where, is_near(after[at(a)], x * std::cos(angle) - y * std::sin(angle), 1e-6));
                CHECK_IN(where, is_near(after[at(a + half)], y * std::cos(angle) + x * std::sin(angle), 1e-6));
            }
        }
    });
}

struct Head {
    int count;
    int head_dim;
    int stride;
};

float value_of(std::uint16_t half) {
    const std::uint32_t bits = std::uint32_t{half} << 16U;
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

void attend_to(Isa isa, Head head) {
    const int room = (head.count - 1) * head.stride + head.head_dim;
    const std::vector<std::uint16_t> keys = halves_of(gaussian(room, 7));
    const std::vector<std::uint16_t> values = halves_of(gaussian(room, 8));
    const std::vector<float> query = gaussian(head.head_dim, 9);
    std::vector<float> scores(at((head.count + 63) / 64 * 64));
    std::vector<float> out(at(head.head_dim));
    attend(query.data(), keys.data(), values.data(), head.count, head.stride, head.head_dim, scores.data(), out.data());

    std::vector<double> exact(at(head.head_dim), 0.0);
    double total = 0;
    for (int i = 0; i < head.count; ++i) {
        double score = 0;
        for (int d = 0; d < head.head_dim; ++d) {
            score += static_cast<double>(query[at(d)]) * static_cast<double>(value_of(keys[at(i * head.stride + d)]));
        }
        const double weight = std::exp(score / std::sqrt(head.head_dim));
        total += weight;
        for (int d = 0; d < head.head_dim; ++d) {
            exact[at(d)] += weight * static_cast<double>(value_of(values[at(i * head.stride + d)]));
        }
    }
    for (int d = 0; d < head.head_dim; ++d) {
        CHECK_IN(fmt::format("{} {} keys of {}, {}", name_of(isa), head.count, head.head_dim, d),
                 is_near(out[at(d)], exact[at(d)] / total, 3e-6));
    }
}

void attention_is_right() {
    for_each_isa([](Isa isa) {
        for (const Head head : {Head{1, 100, 100}, Head{3, 100, 300}, Head{64, 100, 100}, Head{65, 64, 64},
                                Head{333, 128, 128}, Head{1000, 100, 100}, Head{17, 22, 30}, Head{70, 300, 301}}) {
            attend_to(isa, head);
        }
    });
}

// Rows together against each alone.
void attend_rows_of(Isa isa, Head head, int rows) {
    const int room = (head.count - 1) * head.stride + head.head_dim;
    const std::vector<std::uint16_t> keys = halves_of(gaussian(room, 7));
    const std::vector<std::uint16_t> values = halves_of(gaussian(room, 8));
    const int step = head.head_dim + 5;
    const std::vector<float> queries = gaussian((rows - 1) * step + head.head_dim, 9);
    std::vector<float> scores(at((head.count + 63) / 64 * 64 * kAttendTogether));
    std::vector<float> out(queries.size(), 77.0F);
    attend_rows({queries.data(), step}, rows, keys.data(), values.data(), head.count, head.stride, head.head_dim,
                scores.data(), {out.data(), step});
    std::vector<float> alone(at(head.head_dim));
    for (int r = 0; r < rows; ++r) {
        attend(queries.data() + r * step, keys.data(), values.data(), head.count - rows + 1 + r, head.stride,
               head.head_dim, scores.data(), alone.data());
        CHECK_IN(fmt::format("{} row {} of {}, {} keys of {}", name_of(isa), r, rows, head.count, head.head_dim),
                 std::memcmp(alone.data(), out.data() + r * step, alone.size() * sizeof(float)) == 0);
    }
    CHECK(rows == 1 || out[at(head.head_dim)] == 77.0F);
}

void rows_attend_as_if_alone() {
    for_each_isa([](Isa isa) {
        for (int rows = 1; rows <= 13; ++rows) {
            for (const Head head :
                 {Head{13, 100, 100}, Head{50, 100, 100}, Head{131, 64, 70}, Head{40, 22, 22}, Head{33, 300, 300}}) {
                attend_rows_of(isa, head, rows);
            }
        }
    });
}

void pool_does_every_chunk_once() {
    for (const int threads : {1, 2, 3, 5}) {
        Pool pool(threads);
        CHECK_EQ(pool.threads(), threads);
        for (int round = 0; round < 300; ++round) {
            const int chunks = round % 37;
            std::vector<std::atomic<int>> seen(at(chunks));
            std::atomic<bool> good{true};
            pool.each(chunks, [&](int chunk, int thread) {
                seen[at(chunk)].fetch_add(1);
                if (thread < 0 || thread >= threads) {
                    good = false;
                }
            });
            for (const std::atomic<int>& times : seen) {
                good = good && times == 1;
            }
            CHECK_IN(fmt::format("{} threads, {} chunks", threads, chunks), good.load());
        }
    }
}

void pool_sleeps_and_wakes() {
    Pool pool(3);
    std::atomic<int> done{0};
    for (int round = 0; round < 20; ++round) {
        timespec pause{0, 1000000};  // far longer than threads spin
        nanosleep(&pause, nullptr);
        pool.each(6, [&](int chunk, int) {
            timespec work{0, chunk == 5 ? 300000 : 0};  // the caller has to sleep for the last
            nanosleep(&work, nullptr);
            ++done;
        });
        CHECK_EQ(done.load(), (round + 1) * 6);
    }
}

void memory_is_zero_and_large() {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, std::size_t{3} << 20U}) {
        Result<Memory> memory = Memory::create(bytes);
        if (!CHECK(memory)) {
            return;
        }
        CHECK_EQ(memory->size(), bytes);
        CHECK(memory->data()[0] == std::byte{0} && memory->data()[bytes - 1] == std::byte{0});
        memory->data()[bytes - 1] = std::byte{1};
        const Memory moved = std::move(*memory);
        CHECK(moved.data()[bytes - 1] == std::byte{1});
    }
    CHECK_FAILS(Memory::create(std::size_t{1} << 60U), "not to be had");
    CHECK_FAILS(Memory::create(SIZE_MAX), "more than any machine has");
}

void bandwidth_is_a_number() {
    Pool pool(2);
    const std::vector<std::byte> data(std::size_t{4} << 20U);
    CHECK(read_bandwidth(pool, data.data(), data.size(), 0.01) > 1e6);
    CHECK(read_bandwidth(pool, data.data(), 1000, 0.01) == 0);  // too little to say anything
}

CU_TestInfo kTests[] = {
    {"the norm, the gate and the sum are those of float64", elementwise_functions_are_right},
    {"bfloat16 rounds to even and keeps what is no number", halves_round_to_even},
    {"a rotation turns the halves of a head against each other", rotation_turns_pairs},
    {"attention is that of float64, for any head and any number of keys", attention_is_right},
    {"rows that attend together have the bits that each has alone", rows_attend_as_if_alone},
    {"the pool does every chunk once", pool_does_every_chunk_once},
    {"the pool's threads sleep and wake", pool_sleeps_and_wakes},
    {"memory is zero, or an error", memory_is_zero_and_large},
    {"the read bandwidth is a number", bandwidth_is_a_number},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kLlmVectorSuite = suite("llm_vectors", kTests);

}  // namespace inferstep::test
