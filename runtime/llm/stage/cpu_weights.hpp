// The weights of a stage on the CPUs: matrices that share their input lie in one, so that it is read and prepared once.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "core/result.hpp"
#include "llm/files/model_files.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm/kernels/pool.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

struct CpuLayer {
    std::vector<float> attention_norm;
    std::vector<float> ffn_norm;
    Matrix qkv;
    Matrix output;
    Matrix gate_up;
    Matrix down;
};

struct CpuWeights {
    std::vector<CpuLayer> layers;
    Matrix embedding;  // with a tied head: here when there is no head
    std::vector<float> norm;
    Matrix head;

    const Matrix& tokens() const { return embedding.rows > 0 ? embedding : head; }
    std::size_t bytes() const;       // of memory
    std::size_t read_bytes() const;  // by one forward of one row
    // Bytes/s at which the pool's threads read all of that and do nothing else; for about so many seconds.
    double read_limit(Pool& pool, double seconds) const;
};

// Reads the tensors in the order in which they lie on the disk, each once; their pages in the file are given back as
// soon as they are packed, so that nothing is there twice.
Result<CpuWeights> load_weights(const ModelFiles& files, const LayerRange& range, Format format, Pool& pool,
                                const std::function<void(const LoadProgress&)>& progress);

}  // namespace inferstep::llm
