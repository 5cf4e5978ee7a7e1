#include "inferdb/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/clock.hpp"

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

Views join(std::span<const Part> parts) {
    Views joined;
    for (std::size_t i = 0; i < parts.front().inputs.size(); ++i) {
        TensorView view = borrow(*parts.front().inputs[i]);
        if (parts.size() > 1) {
            view.shape[0] = 0;
            view.bytes = 0;
            for (const Part& part : parts) {
                view.shape[0] += part.inputs[i]->shape[0];
                view.bytes += part.inputs[i]->bytes;
            }
            char* to = scratch(i, view.bytes);
            view.data = to;
            for (const Part& part : parts) {
                const TensorView& from = *part.inputs[i];
                std::memcpy(to, from.data, from.bytes);
                to += from.bytes;
            }
        }
        joined.push_back(std::move(view));
    }
    return joined;
}

std::int64_t samples_of(std::span<const Part> parts) {
    std::int64_t total = 0;
    for (const Part& part : parts) {
        total += part.samples;
    }
    return total;
}

Status check_outputs(std::span<const Part> parts, const Views& outputs) {
    for (const Part& part : parts) {
        if (outputs.size() != part.output_count) {
            return fail("the {} gives {} outputs, {} keys were given for them", part.call ? "function" : "model",
                        outputs.size(), part.output_count);
        }
    }
    const std::int64_t total = samples_of(parts);
    const bool apart = parts.size() == 1 || std::all_of(outputs.begin(), outputs.end(), [total](const TensorView& o) {
                           return !o.shape.empty() && o.shape[0] == total;
                       });
    return apart ? Status::ok() : Status(fail("the model's outputs cannot be told apart by their first dimension"));
}

// The outputs leave libtorch's memory for memory that the owner of the keys counts.
Status split(std::span<Part> parts, const Views& outputs, Allocate allocate) {
    for (const TensorView& output : outputs) {
        const char* from = static_cast<const char*>(output.data);
        for (Part& part : parts) {
            auto piece = std::make_shared<TensorView>(borrow(output));
            if (parts.size() > 1) {
                const std::size_t sample = output.bytes / static_cast<std::size_t>(output.shape[0]);
                piece->shape[0] = part.samples;
                piece->bytes = sample * static_cast<std::size_t>(part.samples);
            }
            const auto memory = allocate(piece->bytes);
            if (!memory) {
                return fail("no memory for an output of {} bytes", piece->bytes);
            }
            if (piece->bytes != 0) {
                std::memcpy(memory.get(), from, piece->bytes);
            }
            from += piece->bytes;
            piece->data = memory.get();
            piece->owner = memory;
            part.outputs.push_back(std::move(piece));
        }
    }
    return Status::ok();
}

Status execute_once(const Target& target, std::span<Part> parts, Allocate allocate, Times& times) {
    times.start = now_ns();
    const Views inputs = join(parts);
    times.joined = times.executed = now_ns();
    const Part& first = parts.front();
    auto outputs = first.call ? first.call(inputs) : target.model->run(inputs);
    times.executed = now_ns();
    Status status = outputs ? check_outputs(parts, *outputs) : Status(outputs.error());
    if (status) {
        status = split(parts, *outputs, allocate);
    }
    times.finished = now_ns();
    return status;
}

void count(ModelStats& stats, std::span<const Part> parts, const Times& times) {
    stats.input.add(static_cast<std::uint64_t>(times.joined - times.start));
    stats.inference.add(static_cast<std::uint64_t>(times.executed - times.joined));
    stats.output.add(static_cast<std::uint64_t>(times.finished - times.executed));
    ++stats.batches;
    const std::int64_t samples = samples_of(parts);
    stats.samples += static_cast<std::uint64_t>(samples);
    stats.count_size(samples);
}

// A part that no client has sent: the first one's inputs, disturbed.
Part companion(const Part& first, Disturb how) {
    Part part = first;
    part.outputs.clear();
    for (auto& input : part.inputs) {
        input = disturbed(*input, how);
    }
    return part;
}

bool differ(const Part& a, const Part& b) {
    return !std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(),
                       [](const auto& x, const auto& y) { return !inferstep::differ(*x, *y); });
}

// A companion before the parts, one behind; instead of the latter one between any two that are equal, so that no two
// rows can change places unseen.
std::vector<Part> with_companions(std::span<const Part> parts) {
    const Part up = companion(parts.front(), Disturb::up);
    std::vector<Part> all = {companion(parts.front(), Disturb::down)};
    for (const Part& part : parts) {
        if (all.size() > 1 && !differ(all.back(), part)) {
            all.push_back(up);
        }
        all.push_back(part);
    }
    if (all.size() == parts.size() + 1) {
        all.push_back(up);
    }
    return all;
}

// Whether the joint outputs hold what each part got alone, where it was executed alone.
bool agree(std::span<const Part> parts, const Views& joint, std::int64_t total, double tolerance) {
    for (std::size_t o = 0; o < joint.size(); ++o) {
        const std::size_t sample = joint[o].bytes / static_cast<std::size_t>(total);
        std::int64_t before = 0;
        for (const Part& part : parts) {
            if (part.outputs.empty()) {
                before += part.samples;  // a companion
                continue;
            }
            std::vector<std::int64_t> shape = joint[o].shape;
            shape[0] = part.samples;
            const double limit = std::max(tolerance, rounding_of(part.inputs, part.outputs));
            if (shape != part.outputs[o]->shape ||
                !agrees(*part.outputs[o], joint[o], sample * static_cast<std::size_t>(before), limit)) {
                return false;
            }
            before += part.samples;
        }
    }
    return true;
}

// Whether any two parts differ in what goes in, and any two samples in what came out.
bool telling(std::span<const Part> parts, const Views& joint, std::int64_t total) {
    const bool inputs_differ =
        std::any_of(parts.begin(), parts.end(), [&](const Part& part) { return differ(parts.front(), part); });
    const auto varies = [total](const TensorView& output) {
        const std::size_t sample = output.bytes / static_cast<std::size_t>(total);
        const auto* data = static_cast<const char*>(output.data);
        return output.bytes > sample && std::memcmp(data, data + sample, output.bytes - sample) != 0;
    };
    return inputs_differ && std::any_of(joint.begin(), joint.end(), varies);
}

}  // namespace

Part::Part(const Request& request)
    : inputs(request.inputs),
      call(request.call),
      output_count(request.output_count),
      samples(inputs.empty() || inputs.front()->shape.empty() ? 1 : inputs.front()->shape.front()) {}

void execute(Target& target, std::span<Part> parts, Allocate allocate) {
    Times times{};
    const Status status = execute_once(target, parts, allocate, times);
    if (status) {
        count(target.stats, parts, times);
        return;
    }
    for (Part& part : parts) {
        part.outputs.clear();
    }
    if (parts.size() == 1) {
        parts.front().error = status.error().message;
        ++target.stats.errors;
        return;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        execute(target, parts.subspan(i, 1), allocate);
    }
}

Verdict try_together(const Target& target, std::span<const Part> parts, double tolerance, std::int64_t& samples) {
    std::vector<Part> all = with_companions(parts);
    auto outputs = target.model->run(join(all));
    if (!outputs || !check_outputs(all, *outputs)) {
        all.assign(parts.begin(), parts.end());  // it may be the companions that the model cannot digest
        outputs = target.model->run(join(all));
    }
    samples = samples_of(all);
    if (!outputs || !check_outputs(all, *outputs) || !agree(all, *outputs, samples, tolerance)) {
        return Verdict::different;
    }
    return telling(all, *outputs, samples) ? Verdict::same : Verdict::unclear;
}

}  // namespace inferstep
