#include "llm/stage/cpu_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/clock.hpp"
#include "llm/kernels/quantize.hpp"
#include "llm/kernels/vector_math.hpp"
#include "llm/stage/formats.hpp"
#include "llm/stage/partition.hpp"

namespace inferstep::llm {

namespace {

// A matrix, or the weights of a norm, and the tensors that it is made of.
struct Part {
    std::vector<std::string> names;
    Matrix* matrix = nullptr;
    std::vector<float>* norm = nullptr;
    Format format = Format::kBf16;
    bool rotated = false;  // the first two tensors are q and k
    bool loaded = false;
};

class Loader {
   public:
    Loader(const ModelFiles& files, Pool& pool, const std::function<void(const LoadProgress&)>& progress)
        : files_(files), pool_(pool), progress_(progress) {}

    Status load(CpuWeights& weights, const LayerRange& range, Format format) {
        list_layers(weights, range, format);
        list_ends(weights, range, format);
        std::map<std::string, Part*> owner;
        for (Part& part : parts_) {
            for (const std::string& name : part.names) {
                const Result<TensorView> tensor = files_.tensor(name);
                if (!tensor) {
                    return tensor.error();
                }
                done_.total += tensor->bytes;
                owner[name] = &part;
            }
        }
        for (const std::string& name : files_.names(range)) {
            const auto found = owner.find(name);
            if (found != owner.end() && !found->second->loaded) {
                if (Status status = load(*found->second); !status) {
                    return status;
                }
            }
        }
        const auto missed = std::find_if(parts_.begin(), parts_.end(), [](const Part& part) { return !part.loaded; });
        return missed == parts_.end() ? Status::ok()
                                      : fail("{}: {} is not among its tensors", files_.path(), missed->names.front());
    }

   private:
    void list_layers(CpuWeights& weights, const LayerRange& range, Format format) {
        weights.layers.resize(static_cast<std::size_t>(range.last - range.first));
        for (int i = range.first; i < range.last; ++i) {
            CpuLayer& layer = weights.layers[static_cast<std::size_t>(i - range.first)];
            const auto name = [i](const char* what) { return fmt::format("model.layers.{}.{}.weight", i, what); };
            parts_.push_back({{name("input_layernorm")}, nullptr, &layer.attention_norm});
            parts_.push_back({{name("post_attention_layernorm")}, nullptr, &layer.ffn_norm});
            parts_.push_back({{name("self_attn.q_proj"), name("self_attn.k_proj"), name("self_attn.v_proj")},
                              &layer.qkv,
                              nullptr,
                              format,
                              true});
            parts_.push_back({{name("self_attn.o_proj")}, &layer.output, nullptr, format});
            parts_.push_back({{name("mlp.gate_proj"), name("mlp.up_proj")}, &layer.gate_up, nullptr, format});
            parts_.push_back({{name("mlp.down_proj")}, &layer.down, nullptr, format});
        }
    }

    // What a tied matrix is made into does not depend on the stage that has it: both ends have the same numbers.
    void list_ends(CpuWeights& weights, const LayerRange& range, Format format) {
        const bool tied = files_.shape().tied_head;
        const std::string embedding = "model.embed_tokens.weight";
        if (range.head) {
            parts_.push_back({{"model.norm.weight"}, nullptr, &weights.norm});
            parts_.push_back(
                {{tied ? embedding : "lm_head.weight"}, &weights.head, nullptr, tied ? tied_format(format) : format});
        }
        if (range.embedding && !(tied && range.head)) {
            parts_.push_back({{embedding}, &weights.embedding, nullptr, tied ? tied_format(format) : Format::kBf16});
        }
    }

    Status load(Part& part) {
        std::vector<MatrixSource> sources;
        for (const std::string& name : part.names) {
            Result<TensorView> tensor = files_.tensor(name);
            if (!tensor) {
                return tensor.error();
            }
            const bool interleaved = part.rotated && sources.size() < 2 && files_.shape().rope_interleaved;
            sources.push_back({std::move(*tensor), interleaved ? files_.shape().head_dim : 0, true});
        }
        if (part.norm != nullptr) {
            const TensorView& tensor = sources[0].tensor;
            const auto count = static_cast<int>(tensor.shape[0]);
            part.norm->resize(static_cast<std::size_t>(count));
            read_row(tensor.data, tensor.type, count, part.norm->data());
        } else {
            const Result<Format> format = joint_format(files_, part.names, part.format);
            if (!format) {
                return format.error();
            }
            Result<Matrix> matrix = pack_matrix(sources.data(), static_cast<int>(sources.size()), *format, pool_);
            if (!matrix) {
                return matrix.error();
            }
            *part.matrix = std::move(*matrix);
        }
        part.loaded = true;
        for (const MatrixSource& source : sources) {
            files_.release(source.tensor);
            done_.bytes += source.tensor.bytes;
        }
        if (progress_) {
            progress_(done_);
        }
        return Status::ok();
    }

    const ModelFiles& files_;
    Pool& pool_;
    const std::function<void(const LoadProgress&)>& progress_;
    std::vector<Part> parts_;
    LoadProgress done_;
};

}  // namespace

namespace {

template <typename F>
void each_matrix(const CpuWeights& weights, F&& work) {
    for (const CpuLayer& layer : weights.layers) {
        for (const Matrix* matrix : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
            work(*matrix);
        }
    }
    work(weights.head);
}

}  // namespace

std::size_t CpuWeights::read_bytes() const {
    std::size_t sum = norm.size() * sizeof(float);
    for (const CpuLayer& layer : layers) {
        sum += (layer.attention_norm.size() + layer.ffn_norm.size()) * sizeof(float);
    }
    each_matrix(*this, [&sum](const Matrix& matrix) { sum += matrix.bytes(); });
    return sum;
}

double CpuWeights::read_limit(Pool& pool, double seconds) const {
    double best = 0;
    for (const std::int64_t start = now_ns(); best == 0 || seconds_since(start) < seconds;) {
        double bytes = 0;
        double spent = 0;
        each_matrix(*this, [&](const Matrix& matrix) {
            const double rate = read_bandwidth(pool, matrix.memory.data(), matrix.bytes(), 0);
            bytes += rate > 0 ? static_cast<double>(matrix.bytes()) : 0;
            spent += rate > 0 ? static_cast<double>(matrix.bytes()) / rate : 0;
        });
        if (spent == 0) {
            return 0;  // nothing large enough to be measured
        }
        best = std::max(best, bytes / spent);
    }
    return best;
}

std::size_t CpuWeights::bytes() const { return read_bytes() + embedding.bytes(); }

Result<CpuWeights> load_weights(const ModelFiles& files, const LayerRange& range, Format format, Pool& pool,
                                const std::function<void(const LoadProgress&)>& progress) {
    CpuWeights weights;
    if (Status status = Loader(files, pool, progress).load(weights, range, format); !status) {
        return status.error();
    }
    return weights;
}

}  // namespace inferstep::llm
