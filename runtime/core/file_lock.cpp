#include "core/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/clock.hpp"

namespace inferstep {

Result<FileLock> FileLock::acquire(const std::string& path, double timeout_s) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) {
        return fail("cannot open the lock {}: {}", path, std::strerror(errno));
    }
    for (const std::int64_t start = now_ns(); flock(fd.get(), LOCK_EX | LOCK_NB) != 0; usleep(10'000)) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return fail("cannot lock {}: {}", path, std::strerror(errno));
        }
        if (seconds_since(start) > timeout_s) {
            return fail("the lock {} was held by another process for {:.0f} s", path, timeout_s);
        }
    }
    return FileLock(std::move(fd));
}

}  // namespace inferstep
