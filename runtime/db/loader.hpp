// Making a database that has just been started ready: its module answers, its models are stored and warmed up.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "db/ask.hpp"
#include "db/options.hpp"

namespace inferstep {

struct LoadedModel {
    std::string name;
    std::string key;  // the name, behind the prefix
    std::string device;
    std::size_t bytes = 0;
    double store_s = 0;   // sent, loaded and optimized
    double warmup_s = 0;  // 0: not warmed up by us
};

// What a thread that makes one database ready says while it works, and what it has done. Thread-safe.
class Progress {
   public:
    void set(std::string stage) {
        const std::lock_guard lock(mutex_);
        stage_ = std::move(stage);
    }
    std::string stage() const {
        const std::lock_guard lock(mutex_);
        return stage_;
    }

   private:
    mutable std::mutex mutex_;
    std::string stage_ = "starting";
};

struct LoadRequest {
    std::string socket;
    std::string password;
    std::vector<ModelSpec> models;
    std::vector<ScriptSpec> scripts;
    std::string device;  // of models that name none: CPU or GPU
    std::string prefix;  // of all keys that are made
    client::Deadline deadline;
};

// Blocks until the database is ready or the deadline has passed. A connection that is refused is tried again: the
// caller, who sees the process, knows when there is no more hope. Error: names the model and what is wrong with it.
Result<std::vector<LoadedModel>> make_ready(const LoadRequest& request, Progress& progress);

// Every model's file exists, can be read and has the checksum that was asked for.
Status check_model_files(const std::vector<ModelSpec>& models);

// Every script's file can be read.
Status check_script_files(const std::vector<ScriptSpec>& scripts);

}  // namespace inferstep
