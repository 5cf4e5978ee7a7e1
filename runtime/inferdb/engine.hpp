// The engine of this process: the backend, the thread that loads models, and one queue for each device.
//
// The backend (libtorch) is opened by the loader thread, which begins with it, so that an empty database answers at
// once. What needs it waits its turn in the loader's list.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/result.hpp"
#include "inferdb/backend.hpp"
#include "inferdb/model.hpp"
#include "inferdb/queue.hpp"
#include "inferdb/script.hpp"

namespace inferstep {

class Engine {
   public:
    // Start the loader thread; `directory` holds libinferstep_torch.so. Once, on the main thread; tasks may have been
    // posted before.
    void start(const std::string& directory);
    // Run `task` on the loader thread, after those posted before. From any thread.
    void post(std::function<void()> task);

    // Load and warm up a model that is not ready, in the settings of this process. On the loader thread.
    Status load(StoredModel& model);
    Status load(StoredScript& script);
    // The queue of a model's device; its workers are started when it is first asked for. From any thread.
    DeviceQueue& queue(const std::string& device);

    // "torch 2.11.0" once the backend is open, else why it is not. From any thread.
    std::string backend_name() const;
    // Bytes of libtorch's tensors on the host. From any thread.
    std::size_t torch_memory() const;
    struct Load {
        std::size_t waiting = 0;
        std::size_t running = 0;
        std::size_t lost = 0;  // workers whose execution was written off
        std::size_t devices = 0;
    };
    Load load_now() const;
    // Is the loader thread in the middle of opening the backend? On the main thread.
    bool opening() const;

   private:
    void serve();
    void open(const std::string& directory);
    Backend* wait_for_backend();
    Status warm_up(StoredModel& model, DeviceQueue& queue);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    std::optional<Result<Backend*>> backend_;  // nothing yet: being opened
    std::map<std::string, std::unique_ptr<DeviceQueue>> queues_;
    std::thread loader_;
};

// The one of this process. Never destroyed: its threads run until the process ends.
Engine& engine();

}  // namespace inferstep
