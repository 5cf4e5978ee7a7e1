// What the loop feeds to the model: a few different batches, taken in turn.
//
// A few, because every one of them needs a reference output from an in-process forward; several, so that an answer that
// belongs to another request is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/client_options.hpp"
#include "core/result.hpp"

namespace inferstep {

struct ClientInputs {
    std::vector<std::int64_t> shape;  // of a batch: (batch, …)
    int count = 0;                    // different batches
    std::int64_t elements = 0;        // of a batch
    std::vector<float> data;          // (count, elements)
    int damaged = 0;                  // images that were skipped

    const float* batch(int i) const { return data.data() + i * elements; }
};

// Up to eight different batches for `rank` of `ranks`, fewer where they would need more than 64 MiB, at least two.
// `sample`: the shape of one sample. Synthetic ones depend on seed, rank and index alone; images are dealt out to the
// ranks in turn, and those that cannot be read are warned of and left out.
Result<ClientInputs> make_inputs(const ClientOptions& options, const std::vector<std::int64_t>& sample, int rank,
                                 int ranks);

}  // namespace inferstep
