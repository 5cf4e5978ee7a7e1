// Joining the inputs of several requests and splitting their outputs, along the first dimension.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/clock.hpp"
#include "inferdb/queue.hpp"

namespace inferstep {
namespace {

using Views = std::vector<TensorView>;

struct Times {
    std::int64_t start, joined, executed, finished;  // nanoseconds
};

// A buffer that the worker keeps, so that joining does not fault in fresh pages for every batch.
char* scratch(std::size_t index, std::size_t bytes) {
    struct Buffer {
        std::unique_ptr<char[]> memory;
        std::size_t size = 0;
    };
    thread_local std::vector<Buffer> buffers;
    buffers.resize(std::max(buffers.size(), index + 1));
    Buffer& buffer = buffers[index];
    if (buffer.size < bytes) {
        buffer.memory.reset();
        buffer.memory = std::make_unique_for_overwrite<char[]>(bytes);
        buffer.size = bytes;
    }
    return buffer.memory.get();
}

TensorView borrow(const TensorView& view) { return {view.dtype, view.shape, view.data, view.bytes, nullptr}; }

Views join(const Batch& batch) {
    Views joined;
    for (std::size_t i = 0; i < batch.front()->inputs.size(); ++i) {
        TensorView view = borrow(*batch.front()->inputs[i]);
        if (batch.size() > 1) {
            view.shape[0] = 0;
            view.bytes = 0;
            for (const RequestRef& request : batch) {
                view.shape[0] += request->inputs[i]->shape[0];
                view.bytes += request->inputs[i]->bytes;
            }
            char* to = scratch(i, view.bytes);
            view.data = to;
            for (const RequestRef& request : batch) {
                const TensorView& part = *request->inputs[i];
                std::memcpy(to, part.data, part.bytes);
                to += part.bytes;
            }
        }
        joined.push_back(std::move(view));
    }
    return joined;
}

std::int64_t first_extent(const Request& request) {
    const bool none = request.inputs.empty() || request.inputs.front()->shape.empty();
    return none ? 1 : request.inputs.front()->shape.front();
}

Status check_outputs(const Batch& batch, const Views& outputs) {
    for (const RequestRef& request : batch) {
        if (outputs.size() != request->output_count) {
            return fail("the {} gives {} outputs, {} keys were given for them", request->call ? "function" : "model",
                        outputs.size(), request->output_count);
        }
    }
    if (batch.size() == 1) {
        return Status::ok();
    }
    const std::int64_t total =
        std::accumulate(batch.begin(), batch.end(), std::int64_t{0},
                        [](std::int64_t sum, const RequestRef& request) { return sum + first_extent(*request); });
    for (const TensorView& output : outputs) {
        if (output.shape.empty() || output.shape[0] != total) {
            return fail("the model's outputs cannot be told apart by their first dimension");
        }
    }
    return Status::ok();
}

// The outputs leave libtorch's memory for memory that the owner of the keys counts.
Status split(const Batch& batch, const Views& outputs, DeviceQueue::Allocate allocate) {
    for (const TensorView& output : outputs) {
        const char* from = static_cast<const char*>(output.data);
        for (const RequestRef& request : batch) {
            auto part = std::make_shared<TensorView>(borrow(output));
            if (batch.size() > 1) {
                const std::size_t sample = output.bytes / static_cast<std::size_t>(output.shape[0]);
                part->shape[0] = first_extent(*request);
                part->bytes = sample * static_cast<std::size_t>(part->shape[0]);
            }
            const auto memory = allocate(part->bytes);
            if (!memory) {
                return fail("no memory for an output of {} bytes", part->bytes);
            }
            if (part->bytes != 0) {
                std::memcpy(memory.get(), from, part->bytes);
            }
            from += part->bytes;
            part->data = memory.get();
            part->owner = memory;
            request->outputs.push_back(std::move(part));
        }
    }
    return Status::ok();
}

Status execute(const Batch& batch, DeviceQueue::Allocate allocate, Times& times) {
    times.start = now_ns();
    const Views inputs = join(batch);
    times.joined = times.executed = now_ns();
    const Request& first = *batch.front();
    auto outputs = first.call ? first.call(inputs) : first.target->model->run(inputs);
    times.executed = now_ns();
    Status status = outputs ? check_outputs(batch, *outputs) : Status(outputs.error());
    if (status) {
        status = split(batch, *outputs, allocate);
    }
    times.finished = now_ns();
    return status;
}

void count(const Batch& batch, const Times& times) {
    ModelStats& stats = batch.front()->target->stats;
    const auto add = [](std::atomic<std::uint64_t>& counter, std::int64_t ns) {
        counter.fetch_add(static_cast<std::uint64_t>(ns / 1000), std::memory_order_relaxed);
    };
    add(stats.input, times.joined - times.start);
    add(stats.inference, times.executed - times.joined);
    add(stats.output, times.finished - times.executed);
    ++stats.batches;
    for (const RequestRef& request : batch) {
        stats.samples += static_cast<std::uint64_t>(first_extent(*request));
    }
}

}  // namespace

std::int64_t joint_extent(const std::vector<std::shared_ptr<const TensorView>>& inputs) {
    const auto extent = [](const TensorView& view) { return view.shape.empty() ? 0 : view.shape.front(); };
    const std::int64_t first = inputs.empty() ? 0 : extent(*inputs.front());
    for (const auto& input : inputs) {
        if (extent(*input) != first || input->dtype == DType::string) {
            return 0;
        }
    }
    return first;
}

void run_batch(const Batch& batch, DeviceQueue::Allocate allocate) {
    Times times{};
    const Status status = execute(batch, allocate, times);
    if (status) {
        count(batch, times);
        return;
    }
    for (const RequestRef& request : batch) {
        request->outputs.clear();
    }
    if (batch.size() > 1) {
        for (const RequestRef& request : batch) {
            run_batch({request}, allocate);
        }
        return;
    }
    batch.front()->error = status.error().message;
    ++batch.front()->target->stats.errors;
}

}  // namespace inferstep
