// What the supervisor of one node leaves in the step's record directory: step_<node>.json and the databases' logs.
#pragma once

#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "core/step.hpp"
#include "db/instance.hpp"
#include "db/options.hpp"

namespace inferstep {

constexpr const char* kNodeSchema = "inferstep-step/1";
constexpr std::size_t kMostLog = std::size_t{16} << 20U;  // of a database's log in the records

struct Phase {
    std::string name;
    double seconds = 0;  // since the supervisor began
};

// Everything that is said of this node, except for what the instances themselves know.
struct NodeRecord {
    StepIdentity id;
    std::string state;    // "ready" until it ends: "ended" or "failed"
    std::string message;  // why it failed
    std::vector<std::string> events;
    std::vector<Phase> phases;
    Json plan = Json::object();
    std::uint64_t memory_limit = 0;  // bytes, of the step on this node
    std::uint64_t max_memory = 0;    // bytes, of one database
};

// Where the records of this step go: below --outdir, else where a program of the step wrote that they shall go (its
// absolute path, in the file `outdir` of the state directory), else nowhere: empty.
std::string record_directory(const DbOptions& options, const StepIdentity& id, const std::string& state_dir);

// Where the log of database `index` goes, and what is said when the records cannot be written: it never fails a step.
std::string database_log(const std::string& directory, const StepIdentity& id, std::size_t index);
std::string incomplete_record(const StepIdentity& id, const Error& why);

Json node_json(const NodeRecord& record, const DbOptions& options, const std::vector<Instance>& instances);

// Write step_<node>.json and db_<node>_<i>.log into `directory`, which is made if need be.
Status write_node_record(const std::string& directory, const NodeRecord& record, const DbOptions& options,
                         const std::vector<Instance>& instances);

}  // namespace inferstep
