// Numbers for the tests of the language model's kernels, and a walk over the ISAs that this CPU has.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "llm/kernels/matrix.hpp"

namespace inferstep::test {

// Normally distributed; the same for the same seed everywhere.
inline std::vector<float> gaussian(int count, std::uint64_t seed) {
    auto uniform = [state = seed * 0x9e3779b97f4a7c15U]() mutable {
        state += 0x9e3779b97f4a7c15U;
        std::uint64_t z = (state ^ (state >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return (static_cast<double>((z ^ (z >> 31U)) >> 11U) + 0.5) * 0x1p-53;
    };
    std::vector<float> numbers;
    for (int i = 0; i < count; ++i) {
        const double radius = std::sqrt(-2.0 * std::log(uniform()));
        numbers.push_back(static_cast<float>(radius * std::cos(6.283185307179586 * uniform())));
    }
    return numbers;
}

inline llm::TensorView plain_tensor(const std::vector<float>& numbers, int rows, int columns) {
    return {"w",
            llm::DataType::kF32,
            {rows, columns},
            reinterpret_cast<const std::byte*>(numbers.data()),
            numbers.size() * sizeof(float),
            "test"};
}

inline float bf16_value(float x) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffU + ((bits >> 16U) & 1U)) & 0xffff0000U;
    std::memcpy(&x, &bits, sizeof bits);
    return x;
}

// f(isa) for each that this CPU has, in use meanwhile; then the best one is in use again.
template <typename F>
void for_each_isa(F&& f) {
    for (const llm::Isa isa : {llm::Isa::kPortable, llm::Isa::kAvx2, llm::Isa::kAvx512}) {
        if (llm::use_isa(isa)) {
            f(isa);
        }
    }
    static_cast<void>(static_cast<bool>(llm::use_isa(llm::best_isa())));
}

}  // namespace inferstep::test
