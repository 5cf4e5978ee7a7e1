// FileLock: a lock between processes, held while the object lives; the kernel releases it when the holder dies.
#pragma once

#include <string>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

class FileLock {
   public:
    // Lock `path`, which is created when missing and stays. Waits at most `timeout_s`; the error names the path.
    static Result<FileLock> acquire(const std::string& path, double timeout_s);

   private:
    explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

// A lock on an open file, which must be writable. It belongs to the open file, not to the process: whoever inherits the
// descriptor holds it, too, until the last one is closed. False: somebody else has it. Error: locks do not work there.
Result<bool> lock_open_file(int fd, const std::string& path);
// Does anybody hold such a lock? Asks only, so that nobody else's try fails meanwhile. False where there is no file.
bool is_locked(const std::string& path);

}  // namespace inferstep
