// The machine as hwloc sees it, reduced to what the planner needs.
// hwloc obeys its own variables (HWLOC_XMLFILE, HWLOC_SYNTHETIC), so any machine can be pretended.
#pragma once

#include <string>

#include "core/result.hpp"
#include "place/plan.hpp"

namespace inferstep {

// `xml`: an hwloc XML file of another machine; empty: this one. `with_gpus`: also look for GPUs (slower).
Result<Topology> load_topology(const std::string& xml, bool with_gpus);

}  // namespace inferstep
