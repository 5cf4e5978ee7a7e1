// What can be known of a ready-made battery before its first point runs: whether this machine, or the allocation that
// we are in, has what its flags ask for.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/ready_flags.hpp"

namespace inferstep::sweep {

// --exp_name becomes a folder below results/.
Status check_folder_name(const std::string& name);

// Where --launcher means: auto (whatever choose_where() says, which is not local), local, or batch.
std::string launcher_place(const ReadyFlags& flags);

// Nodes, hosts and the device. `standard`: of a battery with a database of its own.
Status check_resources(const ReadyFlags& flags, bool standard, bool local);

// The interface for the databases' port: the one that was named, else the default one, else what stands in for it, and
// then a sentence in `notes`. Empty: each database chooses. Error: what was named is not here.
Result<std::string> choose_interface(const ReadyFlags& flags, bool standard, bool local,
                                     std::vector<std::string>& notes);

}  // namespace inferstep::sweep
