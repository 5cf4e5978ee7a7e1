#include "llm/stage/cpu_stage.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/text.hpp"
#include "llm/kernels/vector_math.hpp"
#include "llm/stage/cpu_weights.hpp"
#include "llm/stage/kv_cache.hpp"
#include "llm/stage/numa.hpp"
#include "llm/stage/stage_checks.hpp"

namespace inferstep::llm {

namespace {

// Rows of floats in one piece of memory with others; each row block begins on a cache line.
struct Rows {
    float* data = nullptr;
    int columns = 0;
    float* row(int r) const { return data + static_cast<std::ptrdiff_t>(r) * columns; }
};

struct Place {
    int slot = 0;
    int position = 0;
};

// Rows of one sequence that attend together: one for each token that is decoded, up to so many of a prompt.
constexpr int kTogether = 4 * kAttendTogether;

struct Run {
    int row = 0;
    int rows = 0;
};

class CpuStage final : public Stage {
   public:
    CpuStage(Shape shape, const StageOptions& options)
        : shape_(std::move(shape)),
          options_(options),
          domains_(thread_domains_here(options.threads, options.local_rank)),
          pool_(options.threads, cpus_of_threads(domains_)) {}

    Status load(const ModelFiles& files, const std::function<void(const LoadProgress&)>& progress);

    Status forward(const Batch& batch, std::span<const int> tokens) override;
    void* input() override { return hidden_.data; }
    const void* output() override { return hidden_.data; }
    Result<const float*> logits() override {
        return options_.range.head ? Result<const float*>(logits_.data) : fail("this stage does not end with the head");
    }

    std::size_t weight_bytes() const override { return weights_.bytes(); }
    std::size_t cache_bytes() const override { return cache_ ? cache_->bytes() : 0; }
    std::size_t read_bytes() const override { return weights_.read_bytes(); }
    double read_limit(double seconds) override { return weights_.read_limit(pool_, seconds); }
    std::string device_name() const override {
        return fmt::format("cpu {}, {}{}", name_of(current_isa()), counted(pool_.threads(), "thread"),
                           pool_.pinned() ? " on " + text_of(domains_) : "");
    }

   private:
    int query_size() const { return shape_.heads * shape_.head_dim; }
    int key_size() const { return shape_.kv_heads * shape_.head_dim; }

    Status make_room();
    void place_rows(const Batch& batch);
    void embed(std::span<const int> tokens);
    void attention(const CpuLayer& layer, int index);
    void rotate_and_keep(int row, int layer);
    void attend_head(Run run, int head, int layer, int thread);
    void feed_forward(const CpuLayer& layer);
    void head();

    // y = x · Wᵀ
    void apply(const Matrix& w, const Rows& x, int rows, const Rows& y) {
        activations_.set(w.format, x.data, rows, x.columns, pool_);
        multiply(w, activations_, y.data, y.columns, pool_);
    }
    // Without the pool where there is one row alone: that costs less than waking a thread.
    template <typename F>
    void each_row(F&& work) {
        if (rows_ == 1) {
            work(0, 0);
        } else {
            pool_.each(rows_, work);
        }
    }

    Shape shape_;
    StageOptions options_;
    std::vector<ThreadDomain> domains_;
    Pool pool_;
    CpuWeights weights_;
    std::unique_ptr<KvCache> cache_;
    Activations activations_;

    Memory memory_;  // of all that follows
    Rows rope_;      // one row for each position
    Rows hidden_;
    Rows normed_;
    Rows qkv_;
    Rows attended_;
    Rows projected_;
    Rows gate_up_;
    Rows activated_;
    Rows logits_;
    Rows scores_;  // one row for each thread

    int rows_ = 0;               // of the batch at work
    std::vector<Place> places_;  // of its rows
    std::vector<Run> runs_;
    std::vector<int> asked_;  // rows whose logits are wanted
};

Status CpuStage::load(const ModelFiles& files, const std::function<void(const LoadProgress&)>& progress) {
    Result<CpuWeights> weights = load_weights(files, options_.range, options_.format, pool_, progress);
    if (!weights) {
        return weights.error();
    }
    weights_ = std::move(*weights);
    Result<KvCache> cache = KvCache::create({options_.range.last - options_.range.first, options_.slots,
                                             shape_.kv_heads, options_.context, shape_.head_dim},
                                            pool_);
    if (!cache) {
        return cache.error();
    }
    cache_ = std::make_unique<KvCache>(std::move(*cache));
    return make_room();
}

Status CpuStage::make_room() {
    constexpr std::size_t kLine = 16;  // floats
    const int threads = pool_.threads();
    const struct {
        Rows& rows;
        int count;
        int columns;
    } table[] = {{rope_, options_.context, shape_.head_dim},
                 {hidden_, options_.max_rows, shape_.hidden},
                 {normed_, std::max(options_.max_rows, options_.max_logit_rows), shape_.hidden},
                 {qkv_, options_.max_rows, query_size() + 2 * key_size()},
                 {attended_, options_.max_rows, query_size()},
                 {projected_, options_.max_rows, shape_.hidden},
                 {gate_up_, options_.max_rows, 2 * shape_.ffn},
                 {activated_, options_.max_rows, shape_.ffn},
                 {logits_, options_.range.head ? options_.max_logit_rows : 0, shape_.vocab},
                 {scores_, threads, (options_.context + 63) / 64 * 64 * kAttendTogether}};
    std::size_t floats = 0;
    for (const auto& entry : table) {
        floats += (static_cast<std::size_t>(entry.count) * static_cast<std::size_t>(entry.columns) + kLine - 1) /
                  kLine * kLine;
    }
    Result<Memory> memory = Memory::create(floats * sizeof(float));
    if (!memory) {
        return memory.error();
    }
    memory_ = std::move(*memory);
    auto* at = reinterpret_cast<float*>(memory_.data());
    for (const auto& entry : table) {
        entry.rows = {at, entry.columns};
        at += (static_cast<std::size_t>(entry.count) * static_cast<std::size_t>(entry.columns) + kLine - 1) / kLine *
              kLine;
    }
    make_rope_table(rope_.data, options_.context, shape_.head_dim, shape_.rope_theta);
    const int widest = std::max({shape_.hidden, query_size(), shape_.ffn});
    if (Status status = activations_.reserve(std::max(options_.max_rows, options_.max_logit_rows), widest); !status) {
        return status;
    }
    runs_.reserve(static_cast<std::size_t>(options_.max_rows));
    places_.reserve(static_cast<std::size_t>(options_.max_rows));
    asked_.reserve(static_cast<std::size_t>(options_.max_logit_rows));
    return Status::ok();
}

Status CpuStage::forward(const Batch& batch, std::span<const int> tokens) {
    if (Status status = check_batch(batch, tokens, shape_, options_); !status) {
        return status;
    }
    place_rows(batch);
    if (rows_ == 0) {
        return Status::ok();
    }
    if (options_.range.embedding) {
        embed(tokens);
    }
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
        attention(weights_.layers[i], static_cast<int>(i));
        feed_forward(weights_.layers[i]);
    }
    if (options_.range.head && !asked_.empty()) {
        head();
    }
    return Status::ok();
}

void CpuStage::place_rows(const Batch& batch) {
    places_.clear();
    asked_.clear();
    runs_.clear();
    for (const Span& span : batch) {
        for (int i = 0; i < span.rows; i += kTogether) {
            runs_.push_back({static_cast<int>(places_.size()) + i, std::min(kTogether, span.rows - i)});
        }
        for (int i = 0; i < span.rows; ++i) {
            if (!span.no_logits && (span.all_logits || i + 1 == span.rows)) {
                asked_.push_back(static_cast<int>(places_.size()));
            }
            places_.push_back({span.slot, span.position + i});
        }
    }
    rows_ = static_cast<int>(places_.size());
}

void CpuStage::embed(std::span<const int> tokens) {
    each_row([&](int row, int /*thread*/) {
        copy_row(weights_.tokens(), tokens[static_cast<std::size_t>(row)], hidden_.row(row));
    });
}

void CpuStage::attention(const CpuLayer& layer, int index) {
    each_row([&](int row, int /*thread*/) {
        rms_norm(hidden_.row(row), layer.attention_norm.data(), shape_.hidden, shape_.rms_eps, normed_.row(row));
    });
    apply(layer.qkv, normed_, rows_, qkv_);
    each_row([&](int row, int /*thread*/) { rotate_and_keep(row, index); });
    pool_.each(static_cast<int>(runs_.size()) * shape_.heads, [&](int chunk, int thread) {
        attend_head(runs_[static_cast<std::size_t>(chunk / shape_.heads)], chunk % shape_.heads, index, thread);
    });
    apply(layer.output, attended_, rows_, projected_);
    each_row([&](int row, int /*thread*/) { add(hidden_.row(row), projected_.row(row), shape_.hidden); });
}

void CpuStage::rotate_and_keep(int row, int layer) {
    const Place& place = places_[static_cast<std::size_t>(row)];
    float* query = qkv_.row(row);
    float* key = query + query_size();
    const float* value = key + key_size();
    rotate(query, shape_.heads, shape_.head_dim, rope_.data, place.position);
    rotate(key, shape_.kv_heads, shape_.head_dim, rope_.data, place.position);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(place.position) * shape_.head_dim;
    for (int head = 0; head < shape_.kv_heads; ++head) {
        const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(head) * shape_.head_dim;
        to_bf16(key + from, cache_->keys(layer, place.slot, head) + at, shape_.head_dim);
        to_bf16(value + from, cache_->values(layer, place.slot, head) + at, shape_.head_dim);
    }
}

void CpuStage::attend_head(Run run, int head, int layer, int thread) {
    const Place& place = places_[static_cast<std::size_t>(run.row)];
    const int shared = head / (shape_.heads / shape_.kv_heads);
    const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(head) * shape_.head_dim;
    attend_rows({qkv_.row(run.row) + from, qkv_.columns}, run.rows, cache_->keys(layer, place.slot, shared),
                cache_->values(layer, place.slot, shared), place.position + run.rows, shape_.head_dim, shape_.head_dim,
                scores_.row(thread), {attended_.row(run.row) + from, attended_.columns});
}

void CpuStage::feed_forward(const CpuLayer& layer) {
    each_row([&](int row, int /*thread*/) {
        rms_norm(hidden_.row(row), layer.ffn_norm.data(), shape_.hidden, shape_.rms_eps, normed_.row(row));
    });
    apply(layer.gate_up, normed_, rows_, gate_up_);
    constexpr int kPiece = 2048;
    const int pieces = (shape_.ffn + kPiece - 1) / kPiece;
    pool_.each(rows_ * pieces, [&](int chunk, int /*thread*/) {
        const int row = chunk / pieces;
        const int begin = chunk % pieces * kPiece;
        const int count = std::min(kPiece, shape_.ffn - begin);
        const float* gate = gate_up_.row(row) + begin;
        float* out = activated_.row(row) + begin;
        std::memcpy(out, gate, static_cast<std::size_t>(count) * sizeof(float));
        silu_times(out, gate + shape_.ffn, count);
    });
    apply(layer.down, activated_, rows_, projected_);
    each_row([&](int row, int /*thread*/) { add(hidden_.row(row), projected_.row(row), shape_.hidden); });
}

void CpuStage::head() {
    const int count = static_cast<int>(asked_.size());
    for (int i = 0; i < count; ++i) {
        rms_norm(hidden_.row(asked_[static_cast<std::size_t>(i)]), weights_.norm.data(), shape_.hidden, shape_.rms_eps,
                 normed_.row(i));
    }
    apply(weights_.head, normed_, count, logits_);
}

}  // namespace

Result<std::unique_ptr<Stage>> load_cpu_stage(const ModelFiles& files, const StageOptions& options,
                                              const std::function<void(const LoadProgress&)>& progress) {
    if (Status status = check_options(files.shape(), options); !status) {
        return status.error();
    }
    auto stage = std::make_unique<CpuStage>(files.shape(), options);
    if (Status status = stage->load(files, progress); !status) {
        return status.error();
    }
    return std::unique_ptr<Stage>(std::move(stage));
}

}  // namespace inferstep::llm
