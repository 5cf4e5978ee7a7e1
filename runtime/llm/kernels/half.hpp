// Numbers of 16 bits: bfloat16 and IEEE half precision, from and to float32, rounded to the nearest (ties to even).
#pragma once

#include <cstdint>
#include <cstring>

namespace inferstep::llm {

inline std::uint32_t bits_of(float x) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

inline float float_of(std::uint32_t bits) {
    float x = 0;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline float from_bf16(std::uint16_t x) { return float_of(std::uint32_t{x} << 16U); }

inline std::uint16_t to_bf16(float x) {
    const std::uint32_t bits = bits_of(x);
    if ((bits & 0x7fffffffU) > 0x7f800000U) {  // NaN stays one
        return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
    }
    return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

inline float from_half(std::uint16_t x) {
    const std::uint32_t sign = (std::uint32_t{x} & 0x8000U) << 16U;
    const std::uint32_t rest = x & 0x7fffU;
    if (rest >= 0x7c00U) {  // infinite or NaN
        return float_of(sign | 0x7f800000U | (rest & 0x3ffU) << 13U);
    }
    if (rest >= 0x400U) {
        return float_of(sign | ((rest << 13U) + (112U << 23U)));
    }
    const float tiny = static_cast<float>(rest) * 0x1p-24F;  // exact
    return float_of(sign | bits_of(tiny));
}

inline std::uint16_t to_half(float x) {
    const std::uint32_t bits = bits_of(x);
    const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
    const std::uint32_t rest = bits & 0x7fffffffU;
    if (rest > 0x7f800000U) {
        return static_cast<std::uint16_t>(sign | 0x7e00U);
    }
    if (rest >= 0x477ff000U) {  // 65520 and more
        return static_cast<std::uint16_t>(sign | 0x7c00U);
    }
    if (rest < 0x38800000U) {  // less than 2^-14: the sum's own rounding leaves multiples of 2^-24
        const std::uint32_t sum = bits_of(float_of(rest) + 0.5F);
        return static_cast<std::uint16_t>(sign | (sum - 0x3f000000U));
    }
    const std::uint32_t rounded = rest + 0xfffU + ((rest >> 13U) & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23U)) >> 13U));
}

}  // namespace inferstep::llm
