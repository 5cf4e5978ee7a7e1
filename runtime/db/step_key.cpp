#include "db/step_key.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/attach.hpp"
#include "core/file.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kKeyBytes = 32;

// Error with `absent` set: there is none yet.
Result<std::string> read_key(const std::string& path, bool& absent) {
    const UniqueFd fd = open_private(path.c_str());
    absent = !fd && errno == ENOENT;
    if (!fd) {
        return errno == EPERM ? fail("{} must be a file of yours that nobody else can read", path)
                              : fail("cannot read {}: {}", path, std::strerror(errno));
    }
    std::array<char, 2 * kKeyBytes> text{};
    if (read(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return with_hint(fail("{} is no key of {} hexadecimal digits", path, text.size()),
                         "remove it: a new one is made");
    }
    return std::string(text.data(), text.size());
}

// Whole or not at all, and the first of several nodes wins.
Status make_key(const std::string& path) {
    const Result<std::string> key = random_hex(kKeyBytes);
    const Result<std::string> ending = random_hex(8);
    if (!key || !ending) {
        return key ? ending.error() : key.error();
    }
    const std::string temporary = path + "." + *ending;
    Status status = write_file(temporary, *key, 0600);
    if (status && link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) {
        status = fail("cannot make {}: {}", path, std::strerror(errno));
    }
    unlink(temporary.c_str());
    return status;
}

}  // namespace

Result<std::string> step_secret(const std::string& directory, const std::string& name) {
    const std::string path = directory + "/key";
    bool absent = false;
    Result<std::string> key = read_key(path, absent);
    if (!key && absent) {
        if (Status s = make_directories(directory); !s) {
            return s.error();
        }
        if (Status s = make_key(path); !s) {
            return s.error();
        }
        key = read_key(path, absent);
    }
    if (!key) {
        return key.error();
    }
    return sha256_of(*key + sha256_of(*key + name));
}

}  // namespace inferstep
