#include "core/file.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace inferstep {
namespace {

Error os_error(std::string_view verb, const std::string& path, int code) {
    return fail("cannot {} {}: {}", verb, path, std::strerror(code));
}

int write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const ssize_t n = write(fd, data.data(), data.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
}

std::string to_hex(const unsigned char* data, std::size_t size) {
    std::string hex;
    for (std::size_t i = 0; i < size; ++i) {
        hex += fmt::format("{:02x}", data[i]);
    }
    return hex;
}

// Call `use(chunk)` for every chunk of the file.
template <typename Use>
Status for_each_chunk(const std::string& path, Use use) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return os_error("open", path, errno);
    }
    std::string buffer(1 << 20, '\0');
    for (;;) {
        const ssize_t n = read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return os_error("read", path, errno);
        }
        if (n == 0) {
            return Status::ok();
        }
        use(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    }
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    std::string all;
    struct stat st {};
    if (stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
        all.reserve(static_cast<std::size_t>(st.st_size));
    }
    if (Status s = for_each_chunk(path, [&](std::string_view chunk) { all += chunk; }); !s) {
        return s.error();
    }
    return all;
}

Result<std::string> read_tail(const std::string& path, std::size_t limit, int directory) {
    struct stat st {};
    const UniqueFd fd(openat(directory, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd || fstat(fd.get(), &st) != 0) {
        return os_error("open", path, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return fail("cannot read {}: it is no plain file", path);
    }
    std::string text(std::min(limit, static_cast<std::size_t>(st.st_size)), '\0');
    const ssize_t size = pread(fd.get(), text.data(), text.size(), st.st_size - static_cast<off_t>(text.size()));
    if (size < 0) {
        return os_error("read", path, errno);
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

Status write_file(const std::string& path, std::string_view data, unsigned mode) {
    std::string temporary = path + ".XXXXXX";
    const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) {
        return os_error("create a file beside", path, errno);
    }
    const mode_t mask = umask(0);
    umask(mask);
    int error = write_all(fd.get(), data);
    if (error == 0 && (fchmod(fd.get(), mode & ~mask) != 0 || rename(temporary.c_str(), path.c_str()) != 0)) {
        error = errno;
    }
    if (error != 0) {
        unlink(temporary.c_str());
        return os_error("write", path, error);
    }
    return Status::ok();
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Status make_directories(const std::string& path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) {
        return os_error("make directory", path, code.value());
    }
    return Status::ok();
}

std::string absolute_path(const std::string& path) {
    std::string whole = std::filesystem::absolute(path).lexically_normal().string();
    if (whole.size() > 1 && whole.back() == '/') {
        whole.pop_back();
    }
    return whole;
}

std::string sha256_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return to_hex(digest.data(), size);
}

Result<std::string> sha256_of_file(const std::string& path) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
    if (Status s =
            for_each_chunk(path, [&](std::string_view c) { EVP_DigestUpdate(context.get(), c.data(), c.size()); });
        !s) {
        return s.error();
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context.get(), digest.data(), &size);
    return to_hex(digest.data(), size);
}

Result<std::string> random_hex(std::size_t bytes) {
    std::string raw(bytes, '\0');
    if (getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(bytes)) {
        return fail("the kernel gave no random bytes: {}", std::strerror(errno));
    }
    return to_hex(reinterpret_cast<const unsigned char*>(raw.data()), raw.size());
}

std::string library_directory() {
    std::error_code code;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", code);
    if (!code) {
        const auto beside = self.parent_path().parent_path() / "lib" / "inferstep";
        if (std::filesystem::is_directory(beside, code)) {
            return beside.string();
        }
    }
    return INFERSTEP_PKGLIBDIR;
}

Result<LineFile> LineFile::create(const std::string& path) { return open_with(path, O_TRUNC); }

Result<LineFile> LineFile::append(const std::string& path) { return open_with(path, 0); }

Result<LineFile> LineFile::open_with(const std::string& path, int flags) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666));
    if (!fd) {
        return os_error("create", path, errno);
    }
    return LineFile(std::move(fd), path);
}

void LineFile::line(std::string_view text) {
    const int error = write_all(fd_.get(), std::string(text) + "\n");
    if (error_ == 0) {
        error_ = error;
    }
}

Status LineFile::finish() {
    if (error_ == 0 && fsync(fd_.get()) != 0 && errno != EINVAL) {
        error_ = errno;
    }
    return error_ == 0 ? Status::ok() : Status(os_error("write", path_, error_));
}

}  // namespace inferstep
