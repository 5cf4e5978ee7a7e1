// One database of the step: a redis-server with the inference module, as a child process of the supervisor.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/json.hpp"
#include "core/result.hpp"
#include "db/config.hpp"
#include "db/loader.hpp"
#include "db/options.hpp"
#include "db/state_dir.hpp"
#include "place/plan.hpp"

namespace inferstep {

// How a database ended.
struct Ended {
    int wait_status = 0;
    rusage usage{};
};

class Instance {
   public:
    // What its redis-server is started with.
    struct Settings {
        std::string redis;   // path of redis-server
        std::string module;  // path of inferdb.so
        std::string password;
        PlannedInstance plan;
        int tpq = 1;
        Device device = Device::automatic;
        std::uint64_t max_memory = 0;  // bytes
        Network network = {};
        std::uint64_t max_torch = 0;  // bytes
    };

    // Start redis-server number `index`; it is killed when the calling thread ends. Error: the program cannot be
    // executed, or its log not be made.
    static Result<Instance> start(int index, const Settings& settings, const StateDir& directory);

    // After its end, in the same place and with the same log. Clients find it only behind open_door().
    Status start_again(const StateDir& directory);
    Status open_door(const std::string& password);

    const std::string& name() const { return name_; }      // "db0"
    const std::string& socket() const { return socket_; }  // path, which is not yet the clients' before open_door()
    std::string endpoint() const { return "unix://" + door_; }
    const std::string& log_file() const { return log_file_; }  // path
    const Network& network() const { return settings_.network; }
    const PlannedInstance& plan() const { return settings_.plan; }
    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }  // readable when it has ended; -1 once reaped

    bool running() const { return !ended_.has_value(); }
    const std::optional<Ended>& ended() const { return ended_; }
    const std::vector<Ended>& ended_before() const { return ended_before_; }  // each time that it was started again
    void reap();                                                              // only when pidfd() is readable

    // The last `lines` lines of its log; after a crash the first ones of its report.
    std::vector<std::string> log_tail(std::size_t lines) const;

    // What stands before the name of a model that it is given: "{tag}." in a shard, whose keys must lie in its slots.
    std::string prefix;

    // What it has been made ready with, and what it counted until its end; empty until known.
    double ready_s = 0;
    std::vector<LoadedModel> models;
    std::optional<Json> statistics;

   private:
    Instance() = default;
    Status launch(const StateDir& directory, int port);
    std::string name_;
    std::string socket_;
    std::string door_;  // where clients find it
    std::string log_file_;
    Settings settings_;
    UniqueFd log_;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::optional<Ended> ended_;
    std::vector<Ended> ended_before_;
};

// The longest name of a socket that an instance makes in the state directory.
constexpr const char* kLongestSocketName = "db63.arena";

// End all of them: asked over the socket, then SIGTERM, then SIGKILL, each wait bounded; all at the same time. With
// `politely` false at once with SIGKILL. Reaps them.
void stop_all(std::vector<Instance>& instances, const std::string& password, bool politely);

}  // namespace inferstep
