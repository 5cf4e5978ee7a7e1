// SmartSim-Scaling's words: reading its sessions and writing them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"
#include "report/collection.hpp"

namespace inferstep::report {

// The attributes of its run.cfg and the flags of its drivers that set them, which are our parameters' names.
constexpr std::pair<const char*, const char*> kSmartsimNames[] = {
    {"client_per_node", "clients_per_node"},
    {"database_nodes", "db_nodes"},
    {"database_hosts", "db_hosts"},
    {"database_cpus", "db_cpus"},
    {"database_port", "db_port"},
    {"database_threads_per_queue", "db_tpq"},
};
std::string our_name(std::string_view attribute);

// In [run] of the run.cfg that we write: its client() is a time even when its language is Fortran.
constexpr const char* kWrittenBy = "written_by";

// Writes a session directory of each execution that succeeded, is no warm-up and has times of ranks into `directory`,
// with run.cfg and rank_<r>_timing.csv, and returns how many. Reading them gives the same numbers. Error: there are
// none, `directory` is there and not empty, or a file cannot be written; then nothing is.
Result<int> write_smartsim(const std::string& directory, const Collection& collection);

}  // namespace inferstep::report
