// What the administrator allows the databases of a node; the plugin hands it on. These limits need the step's CPUs, its
// memory and its files; core/step_request.hpp has the others. They keep users from a careless choice and the node from
// its consequences. They are no boundary: the databases are processes of the user's, and what bounds those is Slurm.
#pragma once

#include <cstdint>

#include "db/options.hpp"

namespace inferstep {

// The CPUs to plan with, out of `available` ones of the step: those asked for, or 0, the planner's choice, or fewer.
Result<int> cpus_within_limit(const DbOptions& options, int available);

// The bytes for all databases, out of the `limit` of the step: those asked for, or half, or fewer.
Result<std::uint64_t> memory_within_limit(const DbOptions& options, std::uint64_t limit);

// May the file of a model or script, of option `id`, be used? `path` becomes the one without links, so that what was
// looked at is what is loaded.
Status file_within_limit(const DbOptions& options, int id, std::string& path);

}  // namespace inferstep
