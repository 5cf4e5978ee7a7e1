// Our section of Redis' INFO.
#pragma once

#include "inferdb/api.hpp"

namespace inferstep {

// Called by Redis on its main thread, or while it reports a crash.
void add_info(redis::Info* info, int for_crash_report);

}  // namespace inferstep
