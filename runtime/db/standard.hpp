// A standard database: what the supervisors of a step's nodes do together, so that their databases are the shards of
// one.
//
// Each task of the step is a Supervisor with this beside it. They meet, form the cluster, and the first one leaves the
// address file when every shard holds its models. A single shard is a plain server. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/step.hpp"
#include "db/address.hpp"
#include "db/events.hpp"
#include "db/instance.hpp"
#include "db/standard_meeting.hpp"
#include "db/standard_net.hpp"

namespace inferstep {

class Standard {
   public:
    // What a wait looks at besides what it waits for.
    struct Vigil {
        Events& events;
        std::vector<Instance>& instances;
        client::Deadline deadline;
        int timeout_s;
    };

    // Meet the other tasks of the step and agree on the clients' secret.
    static Result<Standard> join(const DbOptions& options, const StepIdentity& id, const Vigil& vigil);

    // Where the next shard of this node listens.
    Result<Network> next_network();

    // Every database answers: make them one cluster, and give each instance the prefix of its models.
    Status form(const Vigil& vigil, const std::string& password);

    // The models are stored: the first task waits for all others, leaves the address file and says "ready" on standard
    // output.
    Status announce(const Vigil& vigil);

    // How the cluster is, as a shard of this node sees it. Error: names the shard that is lost, and its node.
    Status check(const Instance& instance, const std::string& password);

    // "shard 1 (10.0.0.2:6780)", of a database of this node.
    std::string describe(const Instance& instance) const;

    // Nobody can attach any more: the files are removed.
    void retire();

    // Those files, and the directories that are empty without them. After a SIGKILL whoever sweeps removes them.
    std::vector<std::string> files() const;

   private:
    Standard(const DbOptions& options, const StepIdentity& id, std::string directory, Meeting meeting);
    Status agree(bool authenticate, const Meeting::Pause& pause);
    Status gather(const Vigil& vigil, const Meeting::Pause& pause);
    Status wait_for_cluster(client::Connection& connection, const Meeting::Pause& pause) const;
    int first_shard() const { return rank_ * per_task_; }
    int shards() const { return ranks_ * per_task_; }

    int rank_;
    int ranks_;
    int per_task_;
    int port_;
    std::string name_;  // <job>.<step>
    std::string node_;
    std::string interface_;
    std::string host_;                    // our address
    std::vector<std::string> published_;  // directories with an address file
    Meeting meeting_;
    std::vector<ReservedPort> ports_;
    DatabaseAddress address_;
    std::vector<std::string> nodes_;  // of each shard
    int complaints_ = 0;
};

}  // namespace inferstep
