// A stage: some layers of a model on one device, with the keys and values of the sequences in flight. The CPU's and the
// GPU's are two classes behind this interface; what runs the pipeline knows neither.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "llm/files/model_files.hpp"
#include "llm/files/shape.hpp"
#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {

// Consecutive positions of one sequence. Its keys and values are in `slot`, those before `position` are there already.
struct Span {
    int slot = 0;
    int position = 0;
    int rows = 0;
    bool all_logits = false;  // logits of every row (scoring), not of the last one alone
    bool no_logits = false;   // of none (a part of a prompt)
};
using Batch = std::vector<Span>;

int rows_of(const Batch& batch);
int logit_rows_of(const Batch& batch);

struct StageOptions {
    LayerRange range;
    Format format = Format::kBf16;  // of the matrices, where the file has plain numbers
    int threads = 1;
    int slots = 1;           // sequences in flight
    int context = 2048;      // positions of a slot
    int max_rows = 64;       // of one batch
    int max_logit_rows = 1;  // of one batch
    int device = -1;         // GPU; -1: the CPUs
    int local_rank = 0;      // among the ranks of this machine, which may share their CPUs
};

struct LoadProgress {
    std::size_t bytes = 0;  // read so far
    std::size_t total = 0;
};

class Stage {
   public:
    virtual ~Stage() = default;

    // forward() for rows_of(batch) rows. `tokens` when the range has the embedding, else input() holds the hidden
    // states (rows × hidden, float32); output() holds them afterwards, or logits() those of logit_rows_of(batch) rows.
    virtual Status forward(const Batch& batch, std::span<const int> tokens) = 0;
    virtual void* input() = 0;  // may be where output() is
    virtual const void* output() = 0;
    virtual Result<const float*> logits() = 0;  // in host memory, rows of `vocab` floats

    // Where input() and output() are, and the stream on which forward() works there.
    virtual bool on_device() const { return false; }
    virtual void* stream() const { return nullptr; }
    // Where on_device(): rows of output() to host memory, and rows in host memory to input(), for links between hosts.
    // Both have ended when they return.
    virtual Status copy_out(void* host, std::size_t bytes);
    virtual Status copy_in(const void* host, std::size_t bytes);

    virtual std::size_t weight_bytes() const = 0;  // of memory
    virtual std::size_t cache_bytes() const = 0;
    virtual std::size_t read_bytes() const = 0;  // weights that one forward of one row reads
    // Bytes/s at which memory can be read, now, by what this stage computes with, over the stage's own weights, for
    // about so many seconds; 0: unknown.
    virtual double read_limit(double /*seconds*/) { return 0; }
    virtual std::string device_name() const = 0;  // "cpu avx512, 2 threads", "NVIDIA H100"
};

// Error: what the files lack, no memory, no such device. `progress` is called now and then from the loading thread.
Result<std::unique_ptr<Stage>> load_stage(const ModelFiles& files, const StageOptions& options,
                                          const std::function<void(const LoadProgress&)>& progress);

}  // namespace inferstep::llm
