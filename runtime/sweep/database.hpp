// The standard database of a point, in shell: the lines of its run.sh that start it, wait for it and end it.
//
// Where it stands: in a step of its own on its own nodes of the allocation, on hosts of it that were named, in a batch
// job of its own, or as a process beside the clients where there is no Slurm. Every point has a database of its own.
// A pure function on text.
#pragma once

#include <string>

#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

// Below the point's directory.
constexpr const char* kDatabaseLog = "database.log";        // what it printed
constexpr const char* kDatabaseStepFile = "database.step";  // its "<job>.<step>", as soon as it is known; it stays

struct DatabasePlace {
    bool local = false;                 // without Slurm
    std::string program = "inferstep";  // our own, a path
    double time_limit_s = 0;            // of a job of its own; 0: the partition's
};

// Definitions, for bash, of
//   begin_database   starts it and returns when it is ready; INFER_ATTACH, exported, then brings the clients to it.
//                    Returns 1 when it does not become ready, after one sentence on stderr
//   end_database     ends it and waits until it has ended, a minute at most. May be called twice, also after a
//                    begin_database that failed or that a signal broke off, and without one
// They use $point, the directory of the point, $INFER_OUTDIR for the records, and $database_nodes, "node1,node2" or
// empty, where the database has a step of the allocation and no named hosts. INFER_DATABASE_WAIT is how many seconds
// they wait until it is ready: 300, or 3600 for a job of its own.
// Error: it cannot stand there.
Result<std::string> database_lines(const DatabaseShape& database, const DatabasePlace& place);

}  // namespace inferstep::sweep
