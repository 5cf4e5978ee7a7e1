#include "llm/kernels/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "llm/kernels/half.hpp"

namespace inferstep::llm {
namespace {

constexpr float kLargestHalf = 65504.0F;

template <typename T>
T at(const std::byte* p) {
    T x{};
    std::memcpy(&x, p, sizeof x);
    return x;
}

// Bytes of a block of GGUF: a scale, for Q4_1 a minimum, and 32 numbers.
std::size_t file_block_bytes(DataType type) {
    switch (type) {
        case DataType::kQ8_0:
            return 34;
        case DataType::kQ4_0:
            return 18;
        default:
            return 20;
    }
}

// Of row i and column k in a block: where a byte holds a column, or two that are 4 apart (`columns` in 64 bytes: 4, 8).
std::ptrdiff_t place_of_byte(int i, int k, int columns) {
    return (std::ptrdiff_t{k / columns} * kPanelRows + i) * 4 + k % 4;
}
std::ptrdiff_t place_of_half(int i, int k) {
    return (std::ptrdiff_t{k / 2} * kPanelRows + i) * 4 + std::ptrdiff_t{k % 2} * 2;
}

bool is_plain(DataType type) { return type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBf16; }

float plain_at(const std::byte* row, DataType type, int i) {
    const auto index = static_cast<std::size_t>(i);
    switch (type) {
        case DataType::kF32:
            return at<float>(row + index * 4);
        case DataType::kF16:
            return from_half(at<std::uint16_t>(row + index * 2));
        default:
            return from_bf16(at<std::uint16_t>(row + index * 2));
    }
}

float value_of(const QuantizedBlock& block, Format format, int i) {
    const int bias = format == Format::kInt8 ? 128 : format == Format::kInt4 ? 8 : 0;
    const float product = static_cast<float>(static_cast<int>(block.numbers[i]) - bias) * from_half(block.scale);
    return format == Format::kInt4Min ? product + from_half(block.minimum) : product;
}

// In half precision, and never infinite.
std::uint16_t half_within(float x) { return to_half(std::clamp(x, -kLargestHalf, kLargestHalf)); }

// (x - minimum) / scale to the nearest, plus `bias`, within 0 … most.
void round_all(const float* x, float minimum, float bias, float most, QuantizedBlock* out) {
    const float scale = from_half(out->scale);
    for (int i = 0; i < kBlockColumns; ++i) {
        const float steps = scale != 0 ? std::nearbyint((x[i] - minimum) / scale) + bias : bias;
        out->numbers[i] = static_cast<std::uint8_t>(steps > 0 ? std::min(steps, most) : 0.0F);
    }
}

}  // namespace

std::size_t file_row_bytes(DataType type, int columns) {
    const auto count = static_cast<std::size_t>(columns);
    if (is_plain(type)) {
        return count * (type == DataType::kF32 ? 4 : 2);
    }
    return count / kBlockColumns * file_block_bytes(type);
}

void read_row(const std::byte* row, DataType type, int columns, float* out) {
    if (is_plain(type)) {
        for (int i = 0; i < columns; ++i) {
            out[i] = plain_at(row, type, i);
        }
        return;
    }
    const Format format = format_for(type, Format::kInt8);
    for (int first = 0; first < columns; first += kBlockColumns) {
        QuantizedBlock block;
        read_quantized(row, type, first / kBlockColumns, &block);
        for (int i = 0; i < kBlockColumns; ++i) {
            out[first + i] = value_of(block, format, i);
        }
    }
}

void read_quantized(const std::byte* row, DataType type, int block, QuantizedBlock* out) {
    const std::byte* from = row + file_block_bytes(type) * static_cast<std::size_t>(block);
    out->scale = at<std::uint16_t>(from);
    out->minimum = type == DataType::kQ4_1 ? at<std::uint16_t>(from + 2) : std::uint16_t{0};
    if (type == DataType::kQ8_0) {
        for (int i = 0; i < kBlockColumns; ++i) {
            out->numbers[i] = static_cast<std::uint8_t>(from[2 + i]) ^ 0x80U;
        }
        return;
    }
    from += type == DataType::kQ4_1 ? 4 : 2;
    for (int i = 0; i < kBlockColumns / 2; ++i) {  // the low halves are the first 16 numbers
        const auto pair = static_cast<unsigned>(from[i]);
        out->numbers[i] = static_cast<std::uint8_t>(pair & 15U);
        out->numbers[i + kBlockColumns / 2] = static_cast<std::uint8_t>(pair >> 4U);
    }
}

void quantize_block(const float* x, Format format, QuantizedBlock* out) {
    const auto [low, high] = std::minmax_element(x, x + kBlockColumns);
    out->minimum = 0;
    if (format == Format::kInt4Min) {
        out->minimum = half_within(*low);
        out->scale = half_within((*high - *low) / 15.0F);
        round_all(x, from_half(out->minimum), 0, 15, out);
        return;
    }
    const float extreme = std::fabs(*low) > std::fabs(*high) ? *low : *high;
    if (format == Format::kInt8) {
        out->scale = half_within(std::fabs(extreme) / 127.0F);
        round_all(x, 0, 128, 255, out);
    } else {
        out->scale = half_within(extreme / -8.0F);
        round_all(x, 0, 8, 15, out);
    }
}

void write_block(std::byte* block, Format format, int i, const QuantizedBlock& numbers) {
    for (int k = 0; k < kBlockColumns; ++k) {
        if (format == Format::kInt8) {
            block[place_of_byte(i, k, 4)] = static_cast<std::byte>(numbers.numbers[k]);
        } else if (k % 8 < 4) {
            const unsigned high = static_cast<unsigned>(numbers.numbers[k + 4]) << 4U;
            block[place_of_byte(i, k, 8)] = static_cast<std::byte>(numbers.numbers[k] | high);
        }
    }
    std::byte* scales = block + number_bytes(format);
    std::memcpy(scales + 2 * std::ptrdiff_t{i}, &numbers.scale, 2);
    if (format == Format::kInt4Min) {
        std::memcpy(scales + 2 * (std::ptrdiff_t{kPanelRows} + i), &numbers.minimum, 2);
    }
}

void write_block(std::byte* block, int i, const float* numbers) {
    for (int k = 0; k < kBlockColumns; ++k) {
        const std::uint16_t number = to_bf16(numbers[k]);
        std::memcpy(block + place_of_half(i, k), &number, 2);
    }
}

void read_block(const std::byte* block, Format format, int i, float* out) {
    if (format == Format::kBf16) {
        for (int k = 0; k < kBlockColumns; ++k) {
            out[k] = from_bf16(at<std::uint16_t>(block + place_of_half(i, k)));
        }
        return;
    }
    QuantizedBlock numbers;
    const std::byte* scales = block + number_bytes(format);
    numbers.scale = at<std::uint16_t>(scales + 2 * std::ptrdiff_t{i});
    numbers.minimum = format == Format::kInt4Min ? at<std::uint16_t>(scales + 2 * (std::ptrdiff_t{kPanelRows} + i))
                                                 : std::uint16_t{0};
    for (int k = 0; k < kBlockColumns; ++k) {
        if (format == Format::kInt8) {
            numbers.numbers[k] = static_cast<std::uint8_t>(block[place_of_byte(i, k, 4)]);
        } else {
            const auto pair = static_cast<unsigned>(block[place_of_byte(i, k, 8)]);
            numbers.numbers[k] = static_cast<std::uint8_t>(k % 8 < 4 ? pair & 15U : pair >> 4U);
        }
        out[k] = value_of(numbers, format, k);
    }
}

}  // namespace inferstep::llm
