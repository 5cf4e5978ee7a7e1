#include "core/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/fd.hpp"
#include "core/file.hpp"

namespace inferstep {
namespace {

struct OpenFile {
    UniqueFd fd;
    std::size_t size = 0;
};

Result<OpenFile> open_file(const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) != 0) {
        return fail("cannot open {}: {}", path, std::strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        return fail("{} is {}", path, S_ISREG(st.st_mode) ? "empty" : "not a file");
    }
    return OpenFile{std::move(fd), static_cast<std::size_t>(st.st_size)};
}

// Of a file, or with `fd` -1 of nothing yet: zeros to write into.
Result<MappedFile> map(int fd, std::size_t size, const std::string& path) {
    const int write = fd < 0 ? PROT_WRITE : 0;
    void* at = mmap(nullptr, size, PROT_READ | write, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (at == MAP_FAILED) {
        return fail("cannot {} {}: {}", fd < 0 ? "hold in memory" : "map", path, std::strerror(errno));
    }
    return MappedFile{{static_cast<const std::byte*>(at), [size, at](const std::byte*) { munmap(at, size); }}, size};
}

}  // namespace

Result<MappedFile> map_file(const std::string& path) {
    const Result<OpenFile> file = open_file(path);
    return file ? map(file->fd.get(), file->size, path) : file.error();
}

Result<MappedFile> read_checked(const std::string& path, const std::string& sha256) {
    const Result<OpenFile> file = open_file(path);
    if (!file) {
        return file.error();
    }
    Result<MappedFile> copy = map(sha256.empty() ? file->fd.get() : -1, file->size, path);
    if (!copy || sha256.empty()) {
        return copy;
    }
    auto* at = const_cast<char*>(reinterpret_cast<const char*>(copy->data.get()));
    for (std::size_t done = 0; done < file->size;) {
        const ssize_t n = pread(file->fd.get(), at + done, file->size - done, static_cast<off_t>(done));
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return fail("cannot read {}: {}", path, n == 0 ? "it is being cut short" : std::strerror(errno));
        }
        done += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
    if (sha256_of({at, file->size}) != sha256) {
        return fail("it has not the checksum that was asked for: somebody has changed it");
    }
    return copy;
}

}  // namespace inferstep
