#include "db/client/secret.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/client_env.hpp"
#include "core/fd.hpp"

namespace inferstep::client {
namespace {

constexpr std::size_t kLongest = 1024;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

ClientStatus read_secret(std::string_view endpoint, std::string& secret) {
    secret = variable("INFER_DB_SECRET");
    const std::string path = variable(kSecretFile);
    if (path.empty() || endpoint.starts_with("unix:")) {
        return {};
    }
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, kLongest> text{};
    const ssize_t size = file ? read(file.get(), text.data(), text.size()) : -1;
    if (size < 0) {
        return {ClientStatus::Code::usage, std::string(kSecretFile) + ": " + path + ": " + std::strerror(errno)};
    }
    secret.assign(text.data(), static_cast<std::size_t>(size));
    secret.erase(secret.find_last_not_of("\r\n") + 1);
    return {};
}

}  // namespace inferstep::client
