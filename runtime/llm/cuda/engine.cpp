// The stage's batches on a stream: one CUDA graph for each number of rows (rounded up) and of rows with logits, which
// reads rows, positions and tokens from memory, so that it serves every step. The entry points of the library.
#include "llm/cuda/engine.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "llm/cuda/model.hpp"

namespace inferstep::llm::cuda {

namespace {

// Batches are filled up to a power of two, above kRowsAtOnce to a multiple of that, so that few graphs are made.
int filled_up(int rows, int most) {
    int to = 1;
    while (to < rows && to < kRowsAtOnce) {
        to *= 2;
    }
    if (to < rows) {
        to = (rows + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
    }
    return std::min(to, most);
}

class StreamEngine final : public Engine {
   public:
    StreamEngine(int gpu, const EngineShape& shape) : gpu_(gpu), model_(shape) {}
    ~StreamEngine() override;

    std::string start();
    std::string set_matrix(Part part, int layer, const PackedMatrix& matrix, bool also_head) override;
    std::string set_norm(Norm norm, int layer, const float* weight) override;
    std::string set_rope(const float* table) override;
    std::string ready() override;
    std::string forward(const Row* rows, int count, const int* logit_rows, int logits) override;
    std::string wait() { return told("a forward", cudaStreamSynchronize(stream_)); }
    float* hidden() override { return model_.hidden.as<float>(); }
    const float* logits() override { return logits_.as<float>(); }
    std::string copy_out(void* host, std::size_t bytes) override;
    std::string copy_in(const void* host, std::size_t bytes) override;
    void* stream() override { return stream_; }
    std::size_t weight_bytes() const override { return model_.weight_bytes(); }
    std::size_t cache_bytes() const override { return model_.cache_bytes(); }

   private:
    std::string put_on_stream(int count, int logit_rows);
    std::string capture(int count, int logit_rows, cudaGraphExec_t& graph);
    void fill_rows(const Row* rows, int count, const int* logit_rows, int logits, int filled, int filled_logits);

    int gpu_;
    Model model_;
    PinnedBuffer rows_, logits_;
    cudaStream_t stream_ = nullptr;
    std::map<std::pair<int, int>, cudaGraphExec_t> graphs_;
};

StreamEngine::~StreamEngine() {
    cudaSetDevice(gpu_);
    if (stream_ != nullptr) {
        cudaStreamSynchronize(stream_);
    }
    for (const auto& [key, graph] : graphs_) {
        cudaGraphExecDestroy(graph);
    }
    if (stream_ != nullptr) {
        cudaStreamDestroy(stream_);
    }
}

std::string StreamEngine::start() {
    std::string problem = told("cannot be used", cudaSetDevice(gpu_));
    if (problem.empty()) {
        problem = told("no stream", cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    }
    return problem;
}

std::string StreamEngine::set_matrix(Part part, int layer, const PackedMatrix& matrix, bool also_head) {
    cudaSetDevice(gpu_);
    if (part == Part::kEmbedding || part == Part::kHead) {
        model_.head_is_embedding = model_.head_is_embedding || also_head;
        return (part == Part::kHead ? model_.head : model_.embedding).upload(matrix);
    }
    Layer& to = model_.layers[static_cast<std::size_t>(layer)];
    return (part == Part::kQkv            ? to.qkv
            : part == Part::kAttentionOut ? to.attention_out
            : part == Part::kGateUp       ? to.gate_up
                                          : to.down)
        .upload(matrix);
}

std::string StreamEngine::set_norm(Norm norm, int layer, const float* weight) {
    cudaSetDevice(gpu_);
    DeviceBuffer* to = &model_.final_norm;
    if (norm != Norm::kFinal) {
        Layer& of = model_.layers[static_cast<std::size_t>(layer)];
        to = norm == Norm::kAttention ? &of.attention_norm : &of.ffn_norm;
    }
    const std::size_t bytes = static_cast<std::size_t>(model_.shape.hidden) * sizeof(float);
    std::string problem = to->create(bytes);
    return problem.empty() ? told("copying weights", cudaMemcpy(to->as<void>(), weight, bytes, cudaMemcpyHostToDevice))
                           : problem;
}

std::string StreamEngine::set_rope(const float* table) {
    cudaSetDevice(gpu_);
    const std::size_t bytes = static_cast<std::size_t>(model_.shape.context) *
                              static_cast<std::size_t>(model_.shape.head_dim) * sizeof(float);
    std::string problem = model_.rope.create(bytes);
    return problem.empty()
               ? told("copying weights", cudaMemcpy(model_.rope.as<void>(), table, bytes, cudaMemcpyHostToDevice))
               : problem;
}

std::string StreamEngine::ready() {
    cudaSetDevice(gpu_);
    std::string problem = model_.create_buffers();
    if (problem.empty()) {
        problem = rows_.create(model_.rows_bytes());
    }
    if (problem.empty()) {
        problem = logits_.create(model_.logits.size());
    }
    // What was cleared and copied went to another stream than the one that is used from now on.
    return problem.empty() ? told("loading", cudaDeviceSynchronize()) : problem;
}

std::string StreamEngine::put_on_stream(int count, int logit_rows) {
    std::string problem = told("copying rows", cudaMemcpyAsync(model_.rows.as<void>(), rows_.as<void>(), rows_.size(),
                                                               cudaMemcpyHostToDevice, stream_));
    model_.forward(stream_, count, logit_rows);
    if (problem.empty()) {
        problem = told("a kernel", cudaGetLastError());
    }
    if (problem.empty() && logit_rows > 0 && model_.shape.head) {
        const std::size_t bytes =
            static_cast<std::size_t>(logit_rows) * static_cast<std::size_t>(model_.shape.vocab) * sizeof(float);
        problem = told("copying logits", cudaMemcpyAsync(logits_.as<void>(), model_.logits.as<void>(), bytes,
                                                         cudaMemcpyDeviceToHost, stream_));
    }
    return problem;
}

std::string StreamEngine::capture(int count, int logit_rows, cudaGraphExec_t& graph) {
    std::string problem = told("a graph", cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    if (!problem.empty()) {
        return problem;
    }
    problem = put_on_stream(count, logit_rows);
    cudaGraph_t captured = nullptr;
    const cudaError_t code = cudaStreamEndCapture(stream_, &captured);
    if (problem.empty()) {
        problem = told("a graph", code);
    }
    if (problem.empty()) {
        problem = told("a graph", cudaGraphInstantiate(&graph, captured, 0));
    }
    if (captured != nullptr) {
        cudaGraphDestroy(captured);
    }
    return problem;
}

// The rows where the graph's first copy takes them, filled up with rows that are none and picks of the first row.
void StreamEngine::fill_rows(const Row* rows, int count, const int* logit_rows, int logits, int filled,
                             int filled_logits) {
    Row* to = rows_.as<Row>();
    std::copy(rows, rows + count, to);
    std::fill(to + count, to + filled, Row{});
    int* picks = reinterpret_cast<int*>(to + model_.shape.max_rows);
    std::copy(logit_rows, logit_rows + logits, picks);
    std::fill(picks + logits, picks + filled_logits, 0);
}

std::string StreamEngine::forward(const Row* rows, int count, const int* logit_rows, int logits) {
    if (count < 1 || count > model_.shape.max_rows || logits > model_.shape.max_logit_rows) {
        return "a batch of " + std::to_string(count) + " rows does not fit the stage";
    }
    cudaSetDevice(gpu_);
    const int filled = filled_up(count, model_.shape.max_rows);
    const int filled_logits = logits == 0 ? 0 : filled_up(logits, model_.shape.max_logit_rows);
    fill_rows(rows, count, logit_rows, logits, filled, filled_logits);
    std::string problem;
    const auto found = graphs_.find({filled, filled_logits});
    if (found != graphs_.end()) {
        problem = told("a graph", cudaGraphLaunch(found->second, stream_));
    } else {
        // The first time without a graph, which loads the kernels, as a capture must not.
        problem = put_on_stream(filled, filled_logits);
        cudaGraphExec_t graph = nullptr;
        if (problem.empty()) {
            problem = capture(filled, filled_logits, graph);
        }
        if (problem.empty()) {
            graphs_[{filled, filled_logits}] = graph;
        }
    }
    return problem.empty() ? wait() : problem;
}

std::string StreamEngine::copy_out(void* host, std::size_t bytes) {
    cudaSetDevice(gpu_);
    std::string problem =
        told("copying rows", cudaMemcpyAsync(host, model_.hidden.as<void>(), bytes, cudaMemcpyDeviceToHost, stream_));
    return problem.empty() ? wait() : problem;
}

std::string StreamEngine::copy_in(const void* host, std::size_t bytes) {
    cudaSetDevice(gpu_);
    std::string problem =
        told("copying rows", cudaMemcpyAsync(model_.hidden.as<void>(), host, bytes, cudaMemcpyHostToDevice, stream_));
    return problem.empty() ? wait() : problem;
}

}  // namespace

}  // namespace inferstep::llm::cuda

using inferstep::llm::cuda::EngineShape;

extern "C" {

__attribute__((visibility("default"))) const char* inferstep_cuda_version() { return INFERSTEP_VERSION; }

__attribute__((visibility("default"))) inferstep::llm::cuda::Engine* inferstep_cuda_engine(int gpu,
                                                                                           const EngineShape& shape,
                                                                                           std::string* problem) {
    if (shape.head_dim % 2 != 0 || shape.head_dim > 256) {
        *problem = "the GPU: heads of " + std::to_string(shape.head_dim) + " numbers are not even, or more than 256";
        return nullptr;
    }
    auto engine = std::make_unique<inferstep::llm::cuda::StreamEngine>(gpu, shape);
    *problem = engine->start();
    return problem->empty() ? engine.release() : nullptr;
}

__attribute__((visibility("default"))) double inferstep_cuda_read_bandwidth(int gpu, std::string* problem) {
    using namespace inferstep::llm::cuda;
    constexpr std::size_t kBytes = std::size_t{1} << 30U;
    constexpr int kTimes = 8;
    DeviceBuffer data;
    DeviceBuffer out;
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    *problem = told("cannot be used", cudaSetDevice(gpu));
    if (problem->empty()) {
        *problem = data.create(kBytes);
    }
    if (problem->empty()) {
        *problem = out.create(sizeof(unsigned));
    }
    if (!problem->empty()) {
        return 0;
    }
    cudaEventCreate(&begin);
    cudaEventCreate(&end);
    launch_read(nullptr, data.as<void>(), kBytes, out.as<unsigned>());
    cudaEventRecord(begin, nullptr);
    for (int i = 0; i < kTimes; i++) {
        launch_read(nullptr, data.as<void>(), kBytes, out.as<unsigned>());
    }
    cudaEventRecord(end, nullptr);
    *problem = told("reading its memory", cudaDeviceSynchronize());
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, begin, end);
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    return milliseconds > 0 ? static_cast<double>(kBytes) * kTimes / (milliseconds / 1000.0) : 0;
}

}  // extern "C"
