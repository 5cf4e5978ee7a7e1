// A matrix in panels, as the CPUs' kernels want it, brought into the order of the GPUs' (llm/cuda/layout.hpp). Both
// have the same numbers and scales, so that a GPU multiplies exactly what the CPUs would.
#pragma once

#include <cstdint>
#include <vector>

#include "llm/cuda/engine.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm/kernels/memory.hpp"
#include "llm/kernels/pool.hpp"

namespace inferstep::llm {

struct DeviceMatrix {
    cuda::Kind kind = cuda::Kind::kBf16;
    int rows = 0;
    int columns = 0;
    Memory numbers;
    std::vector<std::uint16_t> scales;
    std::vector<std::uint16_t> minima;

    cuda::PackedMatrix view() const { return {kind, rows, columns, numbers.data(), scales.data(), minima.data()}; }
};

Result<DeviceMatrix> pack_for_device(const Matrix& matrix, Pool& pool);

}  // namespace inferstep::llm
