// CONFIG SET for clients: an explicit list of parameters, which Redis' access rules cannot express (they know
// subcommands, not the arguments of one).
//
// Clients have no right to CONFIG SET. A filter renames a CONFIG SET of listed parameters to AI._CONFIGSET, which they
// may use and which does the same; any other is left as it is and meets the access rules.
#pragma once

#include "inferdb/api.hpp"

namespace inferstep {

// Register the filter; once, when the module is loaded. False: Redis refused.
bool register_config_filter(redis::Context* context);

}  // namespace inferstep
