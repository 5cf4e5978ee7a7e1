// Small file helpers; every error names the path.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

Result<std::string> read_file(const std::string& path);  // whole, any size, binary
// The last `limit` bytes of a plain file below `directory` (by default the current one), for places where programs that
// we did not write put files: a link, a pipe that nobody writes, a device is an error.
Result<std::string> read_tail(const std::string& path, std::size_t limit, int directory = AT_FDCWD);
// Atomic: a temporary beside it, then rename. The file's mode is `mode` without the umask's bits.
Status write_file(const std::string& path, std::string_view data, unsigned mode = 0644);
Status make_directories(const std::string& path);             // like mkdir -p
bool exists(const std::string& path);                         // whatever it is; a link counts for what it leads to
std::string absolute_path(const std::string& path);           // against the current directory; no symlink is resolved
Result<std::string> sha256_of_file(const std::string& path);  // 64 lower-case hex digits
std::string sha256_of(std::string_view bytes);                // likewise
Result<std::string> random_hex(std::size_t bytes);            // from the kernel

// The directory of our libraries and helpers (…/lib/inferstep): beside the running binary, else where it was installed.
std::string library_directory();

// An append-only text file, one write per line, so that a crash leaves whole lines. A write error is kept for status().
class LineFile {
   public:
    static Result<LineFile> create(const std::string& path);  // truncates
    static Result<LineFile> append(const std::string& path);  // what is there stays
    void line(std::string_view text);
    Status finish();  // flush to disk; the first error since create()

   private:
    static Result<LineFile> open_with(const std::string& path, int flags);
    explicit LineFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    UniqueFd fd_;
    std::string path_;
    int error_ = 0;
};

}  // namespace inferstep
