#include "db/port_holder.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

namespace fs = std::filesystem;

struct Listener {
    uid_t uid = 0;
    std::string inode;
};

// A line: "0: 0100007F:1A7C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 UID 0 INODE …", aligned with
// spaces.
std::optional<Listener> find_listener(const char* table, int port) {
    const Result<std::string> text = read_file(table);
    for (const std::string& line : split(text ? *text : "", '\n')) {
        std::vector<std::string> words = split(line, ' ');
        std::erase(words, "");
        if (words.size() < 10 || words[3] != "0A") {
            continue;
        }
        if (std::strtol(words[1].substr(words[1].rfind(':') + 1).c_str(), nullptr, 16) == port) {
            return Listener{static_cast<uid_t>(std::strtoul(words[7].c_str(), nullptr, 10)), words[9]};
        }
    }
    return std::nullopt;
}

bool has_socket(const fs::path& process, const std::string& socket) {
    std::error_code code;
    for (fs::directory_iterator fd(process / "fd", code), end; !code && fd != end; fd.increment(code)) {
        std::error_code gone;
        if (fs::read_symlink(fd->path(), gone) == socket) {
            return true;
        }
    }
    return false;
}

// Of the processes whose descriptors we may see: our own.
std::string process_with(const std::string& socket) {
    std::error_code code;
    for (fs::directory_iterator process("/proc", code), end; !code && process != end; process.increment(code)) {
        const std::string pid = process->path().filename();
        if (std::isdigit(static_cast<unsigned char>(pid[0])) == 0 || !has_socket(process->path(), socket)) {
            continue;
        }
        const Result<std::string> line = read_file(process->path() / "cmdline");
        std::string words = line ? *line : "";
        std::replace_if(
            words.begin(), words.end(), [](unsigned char c) { return c < ' '; }, ' ');
        words.erase(words.find_last_not_of(' ') + 1);
        return fmt::format("pid {}, {}", pid, printable(words.substr(0, 120)));
    }
    return {};
}

std::string user_name(uid_t uid) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? entry.pw_name : std::to_string(uid);
}

}  // namespace

std::string port_holder(int port) {
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        const std::optional<Listener> listener = find_listener(table, port);
        if (!listener) {
            continue;
        }
        const std::string process =
            listener->uid == geteuid() ? process_with("socket:[" + listener->inode + "]") : std::string();
        return process.empty() ? "a program of user " + user_name(listener->uid) : process;
    }
    return {};
}

}  // namespace inferstep
