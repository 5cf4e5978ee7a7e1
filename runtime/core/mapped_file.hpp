// A file of the user's, a model or a script, in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/result.hpp"

namespace inferstep {

// Whoever touches a page of a file that was cut short meanwhile gets a signal; the kernel, which sends pages, an error.
struct MappedFile {
    std::shared_ptr<const std::byte> data;
    std::size_t size = 0;
};

// Error: it cannot be opened, is not a file, or is empty.
Result<MappedFile> map_file(const std::string& path);

// The file as it is now, which has this checksum, in memory of our own: what is mapped shows what others write into the
// file after it was checked. With no checksum: map_file.
Result<MappedFile> read_checked(const std::string& path, const std::string& sha256);

}  // namespace inferstep
