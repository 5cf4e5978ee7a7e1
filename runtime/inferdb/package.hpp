// The file of an AOTInductor package. Its code is executed by this process, so it is only taken from who could do
// anything here anyway.
#pragma once

#include <string>

#include "core/result.hpp"
#include "inferdb/model.hpp"

namespace inferstep {

// The bytes of the file that the definition names: a regular file that belongs to this process' user or root, that
// others cannot write to, and that has the checksum of the definition. Errors name the file and what is wrong with it.
Result<std::string> read_package(const ModelDefinition& definition);

}  // namespace inferstep
