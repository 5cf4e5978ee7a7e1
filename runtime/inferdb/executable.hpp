// What is stored under a key and can be executed: models and scripts.
#pragma once

#include <atomic>
#include <string>

#include "core/result.hpp"
#include "inferdb/queue.hpp"

namespace inferstep {

struct Executable : Target {
    Executable() = default;
    virtual ~Executable() = default;
    Executable(const Executable&) = delete;
    Executable& operator=(const Executable&) = delete;

    virtual const std::string& device() const = 0;  // CPU, GPU or GPU:n
    virtual Status load() = 0;                      // unless it is ready; on the loader thread

    std::atomic<bool> ready{false};  // loaded; until then only the loader thread touches what is loaded
};

}  // namespace inferstep
