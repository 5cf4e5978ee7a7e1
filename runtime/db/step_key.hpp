// The secrets of a user's steps that several nodes must know without talking to each other.
#pragma once

#include <string>

#include "core/result.hpp"

namespace inferstep {

// 64 hex digits for the step `name`, the same on every node that sees `directory`, and worth nothing for another step:
// the checksum of the name under a random key of the user's, which is made here (mode 0600) where there is none. Error:
// the key cannot be made or read, or is not the user's alone.
Result<std::string> step_secret(const std::string& directory, const std::string& name);

}  // namespace inferstep
