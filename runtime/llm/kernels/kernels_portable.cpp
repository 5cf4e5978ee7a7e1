// Kernels for any CPU: right, not fast.
#include "llm/kernels/attend_kernel.hpp"
#include "llm/kernels/half.hpp"
#include "llm/kernels/kernels.hpp"
#include "llm/kernels/panel.hpp"
#include "llm/kernels/vector_kernels.hpp"

namespace inferstep::llm {
namespace {

struct Lanes {
    static constexpr int kLanes = 8;
    float lane[kLanes];

    static Lanes all(float x) { return {{x, x, x, x, x, x, x, x}}; }
    static Lanes zero() { return all(0); }
    static Lanes load_part(const float* p, int n) {
        Lanes v = zero();
        for (int i = 0; i < n; ++i) {
            v.lane[i] = p[i];
        }
        return v;
    }
    static Lanes load(const float* p) { return load_part(p, kLanes); }
    static Lanes load_bf16_part(const std::uint16_t* p, int n) {
        Lanes v = zero();
        for (int i = 0; i < n; ++i) {
            v.lane[i] = from_bf16(p[i]);
        }
        return v;
    }
    static Lanes load_bf16(const std::uint16_t* p) { return load_bf16_part(p, kLanes); }
    void store_part(float* p, int n) const {
        for (int i = 0; i < n; ++i) {
            p[i] = lane[i];
        }
    }
    void store(float* p) const { store_part(p, kLanes); }

    template <typename F>
    static Lanes each(const Lanes& a, const Lanes& b, F&& f) {
        Lanes v{};
        for (int i = 0; i < kLanes; ++i) {
            v.lane[i] = f(a.lane[i], b.lane[i]);
        }
        return v;
    }
    friend Lanes operator+(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x + y; });
    }
    friend Lanes operator-(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x - y; });
    }
    friend Lanes operator*(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x * y; });
    }
    friend Lanes operator/(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x / y; });
    }
    static Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) { return a * b + c; }
    static Lanes min(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x < y ? x : y; });
    }
    static Lanes max(const Lanes& a, const Lanes& b) {
        return each(a, b, [](float x, float y) { return x > y ? x : y; });
    }
    static Lanes power(const Lanes& r) {
        return each(r, r, [](float x, float) { return float_of((bits_of(x) << 23U) + 0x3f800000U); });
    }
    Lanes first(int n) const { return load_part(lane, n); }
    float sum() const {
        return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
    float highest() const {
        float most = lane[0];
        for (const float x : lane) {
            most = x > most ? x : most;
        }
        return most;
    }
};

// The place of one row of x in y, for one panel; the last panel of a matrix may be a part.
void store_rows(const PanelWork& work, int panel, int row, const float* sums) {
    const int first = panel * kPanelRows;
    for (int i = 0; i < kPanelRows && first + i < work.matrix_rows; ++i) {
        work.y[row * work.stride + first + i] = sums[i];
    }
}

std::uint16_t half_at(const std::byte* p) {
    std::uint16_t x = 0;
    std::memcpy(&x, p, sizeof x);
    return x;
}

// The first of a group's numbers at a column, and of one of its rows.
const std::byte* numbers_at(const PanelWork& work, RowGroup group, int row) {
    const auto before = static_cast<std::size_t>(group.first) * static_cast<std::size_t>(work.x.row_bytes);
    return work.x.numbers + before + static_cast<std::size_t>(row) * 4;
}

template <typename F>
void each_row(const PanelWork& work, int first, int last, F&& f) {
    for (int panel = first; panel < last; ++panel) {
        for (int g = 0; g < groups_of(work.x.rows); ++g) {
            const RowGroup group = row_group(work.x.rows, g);
            for (int row = 0; row < group.rows; ++row) {
                float sums[kPanelRows] = {};
                f(work.panels + work.panel_bytes * static_cast<std::size_t>(panel), group, row, sums);
                store_rows(work, panel, group.first + row, sums);
            }
        }
    }
}

void multiply_bf16(const PanelWork& work, int first, int last) {
    each_row(work, first, last, [&](const std::byte* panel, RowGroup group, int row, float* sums) {
        const std::byte* x = numbers_at(work, group, row);
        for (int k = 0; k < work.x.columns; k += 2, x += std::ptrdiff_t{group.rows} * 4) {
            const float x0 = from_bf16(half_at(x));
            const float x1 = from_bf16(half_at(x + 2));
            for (int i = 0; i < kPanelRows; ++i, panel += 4) {
                sums[i] += from_bf16(half_at(panel + 2)) * x1;
                sums[i] += from_bf16(half_at(panel)) * x0;
            }
        }
    });
}

// The number of row i and column k of a block, without what was added to it in memory.
template <Format kFormat>
int number_at(const std::byte* block, std::ptrdiff_t i, std::ptrdiff_t k) {
    if constexpr (kFormat == Format::kInt8) {
        return static_cast<int>(block[(k / 4 * kPanelRows + i) * 4 + k % 4]) - 128;
    } else {
        const auto pair = static_cast<unsigned>(block[(k / 8 * kPanelRows + i) * 4 + k % 4]);
        const auto number = static_cast<int>(k % 8 < 4 ? pair & 15U : pair >> 4U);
        return kFormat == Format::kInt4 ? number - 8 : number;
    }
}

template <Format kFormat>
void add_block(const std::byte* block, const std::byte* x, std::ptrdiff_t step, float scale, std::int32_t sum,
               float* sums) {
    const std::byte* scales = block + number_bytes(kFormat);
    for (std::ptrdiff_t i = 0; i < kPanelRows; ++i) {
        std::int32_t product = 0;
        for (std::ptrdiff_t k = 0; k < kBlockColumns; ++k) {
            product += number_at<kFormat>(block, i, k) * static_cast<std::int8_t>(x[k / 4 * step + k % 4]);
        }
        sums[i] += static_cast<float>(product) * (from_half(half_at(scales + i * 2)) * scale);
        if constexpr (kFormat == Format::kInt4Min) {
            sums[i] += from_half(half_at(scales + 32 + i * 2)) * (scale * static_cast<float>(sum));
        }
    }
}

template <Format kFormat>
void multiply_int(const PanelWork& work, int first, int last) {
    each_row(work, first, last, [&](const std::byte* panel, RowGroup group, int row, float* sums) {
        const int blocks = work.x.columns / kBlockColumns;
        const std::byte* x = numbers_at(work, group, row);
        auto at = static_cast<std::ptrdiff_t>(group.first) * blocks + row;
        for (int b = 0; b < blocks; ++b, at += group.rows) {
            add_block<kFormat>(panel, x, std::ptrdiff_t{group.rows} * 4, work.x.scales[at], work.x.sums[at], sums);
            panel += block_bytes(kFormat);
            x += std::ptrdiff_t{group.rows} * kBlockColumns;
        }
    });
}

constexpr MultiplyPanels kMultiply[] = {multiply_bf16, multiply_int<Format::kInt8>, multiply_int<Format::kInt4>,
                                        multiply_int<Format::kInt4Min>};

void quantize(const float* x, int n, std::int8_t* out, float* scales, std::int32_t* sums) {
    for (int first = 0; first < n; first += kBlockColumns, ++scales, ++sums, out += kBlockColumns) {
        const int count = n - first < kBlockColumns ? n - first : kBlockColumns;
        float most = 0;
        for (int i = 0; i < count; ++i) {
            const float size = __builtin_fabsf(x[first + i]);
            most = size > most ? size : most;
        }
        const float inverse = most > 0 ? 127.0F / most : 0.0F;
        *scales = most * (1.0F / 127.0F);
        *sums = 0;
        for (int i = 0; i < kBlockColumns; ++i) {
            const float scaled = i < count ? x[first + i] * inverse : 0.0F;
            out[i] =
                static_cast<std::int8_t>(bits_of(scaled + 12582912.0F));  // rounds to the nearest, as exp_of() does
            *sums += out[i];
        }
    }
}

void to_bf16_row(const float* x, std::uint16_t* out, int n) {
    for (int i = 0; i < n; ++i) {
        out[i] = to_bf16(x[i]);
    }
}

}  // namespace

const Kernels portable_kernels = {
    kMultiply,          quantize,
    to_bf16_row,        rms_norm_with<Lanes>,
    rotate_with<Lanes>, silu_times_with<Lanes>,
    add_with<Lanes>,    attend_with<Lanes, 1>,
    sum_with<Lanes>,
};

}  // namespace inferstep::llm
