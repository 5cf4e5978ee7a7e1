#include "inferdb/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "inferdb/api.hpp"
#include "inferdb/package.hpp"
#include "inferdb/settings.hpp"
#include "inferdb/tensor.hpp"
#include "inferdb/thread.hpp"

namespace inferstep {
namespace {

// Executions of the example before a model counts as ready: TorchScript specializes itself in the first two, libtorch
// and its allocator settle in the third.
constexpr int kWarmUps = 3;
constexpr std::int64_t kWarmUpSamples = 32;  // BATCHSIZE may be far more than will ever come together

// libtorch's static objects must not be destroyed under the feet of its threads. Registered after libtorch has
// registered its own, this runs before them and ends the process; Redis has written all it wants to by then.
void leave_at_once(int status, void*) {
    std::fflush(nullptr);
    _exit(status);
}

// Samples of a model without BATCHSIZE that are joined, unless MAXBATCH says otherwise.
constexpr std::int64_t kCpuBatch = 16;
constexpr std::int64_t kGpuBatch = 64;
constexpr double kGpuRounding = 5e-3;  // convolutions in TF32, another algorithm for each batch size

// The last owner of a model or tensor may hold a string of Redis, which is freed under its lock.
void discard(std::shared_ptr<void> remains) {
    redis::Context* context = redis::GetThreadSafeContext(nullptr);
    redis::ThreadSafeContextLock(context);
    remains.reset();
    redis::ThreadSafeContextUnlock(context);
    redis::FreeThreadSafeContext(context);
}

}  // namespace

Engine& engine() {
    static Engine* const the_engine = new Engine;
    return *the_engine;
}

void Engine::start(const std::string& directory) {
    prepare_environment();  // here, because the loader is one thread of several
    {
        const std::lock_guard lock(mutex_);
        tasks_.emplace_front([this, directory] { open(directory); });
    }
    loader_ = start_thread("load", [this] { serve(); });
}

void Engine::open(const std::string& directory) {
    auto opened = open_torch_backend(directory);
    if (opened) {
        // Alone: a team of OpenMP threads for loading would count among those that share the CPUs, and OpenMP, which
        // then sees more threads than CPUs, would let every team sleep between two loops (5 of 33 ms lost).
        (*opened)->prepare_thread(1);
        (*opened)->bound_memory(settings().max_torch);
        on_exit(leave_at_once, nullptr);
        redis::Log(nullptr, "notice", "%s is open", (*opened)->version().c_str());
        if (settings().device == DeviceChoice::gpu && (*opened)->gpu_count() == 0) {
            redis::Log(nullptr, "warning", "DEVICE gpu was asked for, but Torch couldn't find CUDA");
        }
    } else {
        redis::Log(nullptr, "warning", "%s", opened.error().message.c_str());
    }
    {
        const std::lock_guard lock(mutex_);
        backend_ = std::move(opened);
    }
    changed_.notify_all();
}

void Engine::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
}

void Engine::serve() {
    for (;;) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !tasks_.empty(); });
        const std::function<void()> task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
    }
}

Backend* Engine::wait_for_backend() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return backend_.has_value(); });
    return *backend_ ? **backend_ : nullptr;
}

bool Engine::opening() const {
    const std::lock_guard lock(mutex_);
    return loader_.joinable() && !backend_;
}

std::string Engine::backend_name() const {
    const std::lock_guard lock(mutex_);
    if (!backend_) {
        return "opening";
    }
    return *backend_ ? (**backend_)->version() : backend_->error().message;
}

std::size_t Engine::torch_memory() const {
    const std::lock_guard lock(mutex_);
    return backend_ && *backend_ ? (**backend_)->memory_in_use() : 0;
}

DeviceQueue& Engine::queue(const std::string& device) {
    const std::string name = device == "GPU" ? "GPU:0" : device;
    const std::lock_guard lock(mutex_);
    std::unique_ptr<DeviceQueue>& queue = queues_[name];
    if (!queue) {
        DeviceQueue::Options options;
        options.name = name;
        options.workers = settings().workers;
        options.capacity = settings().max_queue;
        const std::int64_t usual = name == "CPU" ? kCpuBatch : kGpuBatch;
        options.max_batch = settings().max_batch != 0 ? settings().max_batch : usual;
        options.tolerance = name == "CPU" ? 0 : kGpuRounding;
        options.max_run_ms = settings().max_run_s * 1000;
        options.allocate = allocate;
        options.discard = discard;
        options.prepare = [this, threads = settings().threads] {
            if (Backend* backend = wait_for_backend()) {
                backend->prepare_thread(threads);
            }
        };
        queue = std::make_unique<DeviceQueue>(std::move(options));
    }
    return *queue;
}

Engine::Load Engine::load_now() const {
    const std::lock_guard lock(mutex_);
    Load load;
    for (const auto& [name, queue] : queues_) {
        load.waiting += queue->waiting();
        load.running += queue->running();
        load.lost += queue->lost();
    }
    load.devices = queues_.size();
    return load;
}

// A model that carries an example is executed on every worker before it is used, in the sizes that it will meet.
Status Engine::warm_up(StoredModel& model, DeviceQueue& queue) {
    std::vector<std::int64_t> shape = model.model->example_shape();
    if (shape.empty()) {
        return Status::ok();
    }
    const std::int64_t fewest = model.model->batch_range().low;
    const std::int64_t together = std::min(model.policy.batch_size, kWarmUpSamples);
    for (const std::int64_t samples : together > fewest ? std::vector{fewest, together} : std::vector{fewest}) {
        shape.front() = samples;
        const auto bytes = tensor_size(DType::float32, shape);
        const auto zeros = bytes && *bytes != 0 ? allocate(*bytes) : nullptr;
        if (!zeros) {
            continue;  // a batch of none, or one that is too large to ever come
        }
        std::fill_n(static_cast<char*>(zeros.get()), *bytes, '\0');
        const TensorView input{DType::float32, shape, zeros.get(), *bytes, zeros};
        // By value: a model that does not return is left alone with what it has.
        Status status = queue.on_every_worker([input, executed = model.model]() -> Status {
            for (int i = 0; i < kWarmUps; ++i) {
                const auto outputs = executed->run({input});
                if (!outputs) {
                    return fail("the model fails on an example of its own: {}", outputs.error().message);
                }
            }
            return Status::ok();
        });
        if (!status) {
            return status;
        }
    }
    return Status::ok();
}

Status Engine::load(StoredModel& model) {
    Backend* backend = wait_for_backend();
    if (backend == nullptr) {
        return Error{backend_name(), {}};
    }
    ModelOptions options;
    options.device = model.definition.device;
    options.optimize = settings().optimize;
    options.precision = model.definition.precision;
    options.threads = static_cast<int>(model.definition.threads);
    options.at_once = settings().workers;
    options.package = !model.definition.file.empty();
    std::string package;
    if (options.package) {
        auto read = read_package(model.definition);
        if (!read) {
            return read.error();
        }
        package = std::move(*read);
    }
    auto loaded = backend->load(options.package ? package : model.blob, options);
    if (!loaded) {
        return loaded.error();
    }
    model.model = std::move(*loaded);
    if (const BatchRange range = model.model->batch_range(); range.high != 0 && model.policy.batch_size > range.high) {
        return fail("BATCHSIZE {} is more than the {} samples that the model takes", model.policy.batch_size,
                    range.high);
    }
    if (const auto error = model.model->precision_error(); error && !options.package) {
        redis::Log(nullptr, "notice",
                   "model %s computes in %s: its example's largest error is %.2g of the largest output",
                   model.name.c_str(), name_of(model.definition.precision), *error);
    }
    Status status = warm_up(model, queue(model.definition.device));
    model.ready = static_cast<bool>(status);
    return status;
}

Status Engine::load(StoredScript& script) {
    Backend* backend = wait_for_backend();
    if (backend == nullptr) {
        return Error{backend_name(), {}};
    }
    auto compiled = backend->compile(std::string(script.source), script.definition.device);
    if (!compiled) {
        return compiled.error();
    }
    script.script = std::move(*compiled);
    if (Status status = script.check_entry_points(); !status) {
        return status;
    }
    script.ready = true;
    return Status::ok();
}

}  // namespace inferstep
