// A stage on a GPU, seen from the program: reads the files, packs, and turns batches of spans into rows.
#include <algorithm>
#include <utility>

#include "llm/kernels/vector_math.hpp"
#include "llm/stage/cpu_weights.hpp"
#include "llm/stage/device.hpp"
#include "llm/stage/device_library.hpp"
#include "llm/stage/device_pack.hpp"
#include "llm/stage/stage_checks.hpp"

namespace inferstep::llm {

namespace {

Status told(const std::string& problem) { return problem.empty() ? Status::ok() : Status(fail("{}", problem)); }

class DeviceStage final : public Stage {
   public:
    DeviceStage(Shape shape, const StageOptions& options, std::string name)
        : shape_(std::move(shape)), options_(options), name_(std::move(name)) {}

    Status load(const DeviceLibrary& library, const ModelFiles& files,
                const std::function<void(const LoadProgress&)>& progress);

    Status forward(const Batch& batch, std::span<const int> tokens) override;
    void* input() override { return engine_->hidden(); }
    const void* output() override { return engine_->hidden(); }
    Result<const float*> logits() override {
        return options_.range.head ? Result<const float*>(engine_->logits())
                                   : fail("this stage does not end with the head");
    }
    bool on_device() const override { return true; }
    void* stream() const override { return engine_->stream(); }
    Status copy_out(void* host, std::size_t bytes) override { return told(engine_->copy_out(host, bytes)); }
    Status copy_in(const void* host, std::size_t bytes) override { return told(engine_->copy_in(host, bytes)); }

    std::size_t weight_bytes() const override { return engine_->weight_bytes(); }
    std::size_t cache_bytes() const override { return engine_->cache_bytes(); }
    std::size_t read_bytes() const override { return read_bytes_; }
    double read_limit(double /*seconds*/) override {
        const auto limit = gpu_read_bandwidth(options_.device);
        return limit ? *limit : 0;
    }
    std::string device_name() const override { return name_; }

   private:
    Status load_layer(const ModelFiles& files, int layer, Pool& pool,
                      const std::function<void(const LoadProgress&)>& progress);
    Status load_ends(const ModelFiles& files, Pool& pool, const std::function<void(const LoadProgress&)>& progress);
    Status set(cuda::Part part, int layer, const Matrix& matrix, Pool& pool, bool also_head = false);

    Shape shape_;
    StageOptions options_;
    std::string name_;
    std::unique_ptr<cuda::Engine> engine_;
    std::size_t read_bytes_ = 0;
    std::vector<cuda::Row> rows_;
    std::vector<int> asked_;  // rows whose logits are wanted
};

cuda::EngineShape engine_shape(const Shape& shape, const StageOptions& options) {
    return {.hidden = shape.hidden,
            .ffn = shape.ffn,
            .heads = shape.heads,
            .kv_heads = shape.kv_heads,
            .head_dim = shape.head_dim,
            .vocab = shape.vocab,
            .rms_eps = shape.rms_eps,
            .layers = options.range.last - options.range.first,
            .embedding = options.range.embedding,
            .head = options.range.head,
            .slots = options.slots,
            .context = options.context,
            .max_rows = options.max_rows,
            .max_logit_rows = options.max_logit_rows};
}

Status DeviceStage::set(cuda::Part part, int layer, const Matrix& matrix, Pool& pool, bool also_head) {
    const Result<DeviceMatrix> packed = pack_for_device(matrix, pool);
    if (!packed) {
        return packed.error();
    }
    if (part != cuda::Part::kEmbedding || also_head) {
        read_bytes_ += packed->numbers.size() + (packed->scales.size() + packed->minima.size()) * sizeof(std::uint16_t);
    }
    return told(engine_->set_matrix(part, layer, packed->view(), also_head));
}

Status DeviceStage::load_layer(const ModelFiles& files, int layer, Pool& pool,
                               const std::function<void(const LoadProgress&)>& progress) {
    const LayerRange range = {layer, layer + 1, false, false};
    const Result<CpuWeights> weights = load_weights(files, range, options_.format, pool, progress);
    if (!weights) {
        return weights.error();
    }
    const CpuLayer& from = weights->layers[0];
    const int index = layer - options_.range.first;
    const std::pair<cuda::Part, const Matrix*> matrices[] = {{cuda::Part::kQkv, &from.qkv},
                                                             {cuda::Part::kAttentionOut, &from.output},
                                                             {cuda::Part::kGateUp, &from.gate_up},
                                                             {cuda::Part::kDown, &from.down}};
    for (const auto& [part, matrix] : matrices) {
        if (Status status = set(part, index, *matrix, pool); !status) {
            return status;
        }
    }
    if (Status status = told(engine_->set_norm(cuda::Norm::kAttention, index, from.attention_norm.data())); !status) {
        return status;
    }
    return told(engine_->set_norm(cuda::Norm::kFfn, index, from.ffn_norm.data()));
}

Status DeviceStage::load_ends(const ModelFiles& files, Pool& pool,
                              const std::function<void(const LoadProgress&)>& progress) {
    const LayerRange& all = options_.range;
    const LayerRange ends = {all.first, all.first, all.embedding, all.head};
    if (!all.embedding && !all.head) {
        return Status::ok();
    }
    const Result<CpuWeights> weights = load_weights(files, ends, options_.format, pool, progress);
    if (!weights) {
        return weights.error();
    }
    const bool one = all.embedding && all.head && weights->embedding.rows == 0;
    if (all.embedding) {
        if (Status status = set(cuda::Part::kEmbedding, 0, weights->tokens(), pool, one); !status) {
            return status;
        }
    }
    if (!all.head) {
        return Status::ok();
    }
    if (!one) {
        if (Status status = set(cuda::Part::kHead, 0, weights->head, pool); !status) {
            return status;
        }
    }
    return told(engine_->set_norm(cuda::Norm::kFinal, 0, weights->norm.data()));
}

// A layer at a time: of the weights no more than that is in the host's memory.
Status DeviceStage::load(const DeviceLibrary& library, const ModelFiles& files,
                         const std::function<void(const LoadProgress&)>& progress) {
    std::string problem;
    engine_.reset(library.engine(options_.device, engine_shape(shape_, options_), &problem));
    if (!engine_) {
        return fail("{}", problem);
    }
    LoadProgress done;
    for (const std::string& name : files.names(options_.range)) {
        const auto tensor = files.tensor(name);
        done.total += tensor ? tensor->bytes : 0;
    }
    std::size_t before = 0;
    const auto tell = [&](const LoadProgress& part) {
        done.bytes = before + part.bytes;
        if (progress) {
            progress(done);
        }
    };
    Pool pool(options_.threads);
    for (int layer = options_.range.first; layer < options_.range.last; layer++) {
        if (Status status = load_layer(files, layer, pool, tell); !status) {
            return status;
        }
        before = done.bytes;
    }
    if (Status status = load_ends(files, pool, tell); !status) {
        return status;
    }
    std::vector<float> rope(static_cast<std::size_t>(options_.context) * static_cast<std::size_t>(shape_.head_dim));
    make_rope_table(rope.data(), options_.context, shape_.head_dim, shape_.rope_theta);
    if (Status status = told(engine_->set_rope(rope.data())); !status) {
        return status;
    }
    return told(engine_->ready());
}

Status DeviceStage::forward(const Batch& batch, std::span<const int> tokens) {
    if (Status status = check_batch(batch, tokens, shape_, options_); !status) {
        return status;
    }
    rows_.clear();
    asked_.clear();
    for (const Span& span : batch) {
        for (int i = 0; i < span.rows; i++) {
            if (!span.no_logits && (span.all_logits || i + 1 == span.rows)) {
                asked_.push_back(static_cast<int>(rows_.size()));
            }
            const int token = options_.range.embedding ? tokens[rows_.size()] : 0;
            rows_.push_back({span.slot, span.position + i, token});
        }
    }
    if (rows_.empty()) {
        return Status::ok();
    }
    const int logits = options_.range.head ? static_cast<int>(asked_.size()) : 0;
    return told(engine_->forward(rows_.data(), static_cast<int>(rows_.size()), asked_.data(), logits));
}

}  // namespace

Result<std::unique_ptr<Stage>> open_device_stage(const ModelFiles& files, const StageOptions& options,
                                                 const std::function<void(const LoadProgress&)>& progress) {
    const Shape& shape = files.shape();
    if (Status status = check_options(shape, options); !status) {
        return status.error();
    }
    const auto usage = gpu_usage(options.device);
    if (!usage) {
        return usage.error();
    }
    const auto library = device_library();
    if (!library) {
        return library.error();
    }
    auto stage = std::make_unique<DeviceStage>(shape, options, usage->name);
    if (Status status = stage->load(*library, files, progress); !status) {
        return status.error();
    }
    return std::unique_ptr<Stage>(std::move(stage));
}

}  // namespace inferstep::llm
