#include "inferdb/package.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/fd.hpp"
#include "core/file.hpp"
#include "inferdb/backend.hpp"
#include "inferdb/settings.hpp"

namespace inferstep {
namespace {

Status check_owner(const std::string& path, const struct stat& file) {
    if (!S_ISREG(file.st_mode)) {
        return fail("{} is not a file", path);
    }
    if (file.st_uid != geteuid() && file.st_uid != 0) {
        return fail("{} belongs to another user: native code is taken from the database's user or root", path);
    }
    if ((file.st_mode & S_IWOTH) != 0) {
        return fail("{} can be written by everybody: native code is taken from files that only its owner changes",
                    path);
    }
    if (file.st_size <= 0 || static_cast<std::size_t>(file.st_size) > settings().max_model) {
        return fail("{} has {} bytes; a model has 1 to {}", path, file.st_size, settings().max_model);
    }
    return Status::ok();
}

}  // namespace

// The file is read once: what was checked is what is executed.
Result<std::string> read_package(const ModelDefinition& definition) {
    const std::string& path = definition.file;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat file {};
    if (!fd || fstat(fd.get(), &file) != 0) {
        return fail("cannot open {}: {}", path, std::strerror(errno));
    }
    if (const Status status = check_owner(path, file); !status) {
        return status.error();
    }
    std::string bytes(static_cast<std::size_t>(file.st_size), '\0');
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t n = read(fd.get(), bytes.data() + at, bytes.size() - at);
        if (n <= 0) {
            return fail("cannot read {}: {}", path, n == 0 ? "it became shorter" : std::strerror(errno));
        }
        at += static_cast<std::size_t>(n);
    }
    if (const std::string digest = sha256_of(bytes); digest != definition.sha256) {
        return with_hint(fail("{} has not the checksum that was asked for", path), "its sha256 is " + digest);
    }
    if (!is_package(bytes)) {
        return fail("{} is not an AOTInductor package", path);
    }
    return bytes;
}

}  // namespace inferstep
