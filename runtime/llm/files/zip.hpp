// The entries of a zip file, with zip64. They have to be stored, not compressed, so that they can be used where they
// lie.
#pragma once

#include <map>
#include <string>

#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

using ZipEntries = std::map<std::string, FileBytes>;

// Errors name the file and the entry: it is no zip file, it is truncated, it lies outside of the file, it is compressed
// or encrypted.
Result<ZipEntries> read_zip(FileBytes file, const std::string& path);

}  // namespace inferstep::llm
