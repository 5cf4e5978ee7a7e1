// The standard database of a point, in shell: the lines of run.sh that start it, wait for it and end it.
//
// Where it stands: in a step of its own on its own nodes of the allocation (a), on hosts that were named (b), in a
// batch job of its own (c), or as a process beside the clients where there is no Slurm. Every point has a database of
// its own. Pure functions on text. The lines are for sh and for bash.
#pragma once

#include <string>
#include <vector>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

constexpr const char* kDatabaseLog = "database.log";        // what it printed; below the point's directory
constexpr const char* kDatabaseStepFile = "database.step";  // its "<job>.<step>", as soon as it is known; stays

struct DatabasePlace {
    bool local = false;                 // without Slurm
    std::string program = "inferstep";  // our own, a path
    std::string directory = ".";        // the point's; may name shell variables, as the next two: "$point"
    std::string nodelist;    // its nodes in the allocation, where no hosts were named: "node[3-4]", "$database_nodes"
    std::string outdir;      // for its records; empty: none
    std::string time_limit;  // of a job of its own, as Slurm writes it; empty: the partition's
};

struct DatabaseLines {
    // Once, before `start`: the functions that `start` and `end` call. Nothing happens yet.
    std::string functions;
    // Starts it and returns when it is ready; `$database` is its step then. Where it does not come up, one sentence
    // goes to stderr and the script exits with 1: its EXIT trap must run `end`.
    std::string start;
    // Ends it and waits until it has ended, at most a minute; may run twice, or without `start`. For the EXIT trap.
    std::string end;
    // The option that brings the clients to it, of srun or of `inferstep run`.
    std::string attach;
};

DatabaseLines database_lines(const DatabaseShape& database, const DatabasePlace& place);

// The command of the database alone, a word each, for a preview: srun and db standard, or db submit.
std::vector<std::string> database_command(const DatabaseShape& database, const DatabasePlace& place);

}  // namespace inferstep::sweep
