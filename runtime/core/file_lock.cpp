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

Result<bool> lock_open_file(int fd, const std::string& path) {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return false;
    }
    return fail("cannot lock {}: {}", path, std::strerror(errno));
}

bool is_locked(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct flock whole {};
    whole.l_type = F_WRLCK;
    return fd && fcntl(fd.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

}  // namespace inferstep
