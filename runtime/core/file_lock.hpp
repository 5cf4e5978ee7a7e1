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

}  // namespace inferstep
