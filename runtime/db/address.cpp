#include "db/address.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/clock.hpp"
#include "core/file.hpp"

namespace inferstep {
namespace {

constexpr std::chrono::milliseconds kLook(200);

// One look. False with a reason in `why`.
bool find(const std::string& word, Attachment& a, Problem& why) {
    const std::string file = absolute_path(word) + "/address";
    if (word.find('/') != std::string::npos && word.find(':') == std::string::npos) {
        return read_address_file(file.c_str(), a) || why.is("cannot use %s: %s", file.c_str(), strerror(errno));
    }
    if (!is_attach_word(word.c_str())) {
        return why.is("'%.80s' is neither JOB.STEP nor addresses, HOST:PORT[,HOST:PORT...]", word.c_str());
    }
    return find_database(word.c_str(), std::getenv(kAttachDir), std::getenv("HOME"), a, why);
}

}  // namespace

std::string DatabaseAddress::endpoints() const { return fmt::format("{}", fmt::join(shards, ",")); }

Result<std::string> attach_directory() {
    const char* named = std::getenv(kAttachDir);
    if (named != nullptr && *named != '\0') {
        return absolute_path(named);
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return fail("HOME is not set: name the directory of the address files in {}", kAttachDir);
    }
    return fmt::format("{}/{}", home, kAttachHome);
}

Status make_private_directory(const std::string& path) {
    if (Status s = make_directories(path.substr(0, path.rfind('/'))); !s) {
        return s;
    }
    struct stat st {};
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail("cannot make {}: {}", path, std::strerror(errno));
    }
    if (lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        return with_hint(fail("{} is not a directory of yours that nobody else can enter", path),
                         "remove it, or chmod it to 0700");
    }
    return Status::ok();
}

void refresh_directory(const std::string& directory) {
    std::string probe = directory + "/.look.XXXXXX";
    const UniqueFd fd(mkostemp(probe.data(), O_CLOEXEC));
    if (fd) {
        unlink(probe.c_str());
    }
}

Status write_address(const std::string& directory, const DatabaseAddress& address) {
    if (Status s = make_private_directory(directory); !s) {
        return s;
    }
    const std::string text = fmt::format("SSDB={}\nSR_DB_TYPE={}\nSECRET={}\n", address.endpoints(), address.type(),
                                         address.secret.empty() ? "no" : "yes");
    if (text.size() > kMaxAddress) {
        return fail("an address file of {} bytes is too long: {} shards are too many", text.size(),
                    address.shards.size());
    }
    Status secret = address.secret.empty() ? Status::ok() : write_file(directory + "/secret", address.secret, 0600);
    if (!secret) {
        return secret;
    }
    return write_file(directory + "/address", text, 0600);
}

std::vector<std::string> address_files(const std::string& directory) {
    return {directory + "/address", directory + "/secret", directory};
}

Status attach(const std::string& word, int wait_s, Attachment& attachment) {
    const std::int64_t end = now_ms() + wait_s * std::int64_t{1000};
    Problem why;
    while (!find(word, attachment, why)) {
        if (now_ms() >= end) {
            return fail("{}", why.text);
        }
        std::this_thread::sleep_for(kLook);
        if (const Result<std::string> directory = attach_directory(); directory) {
            refresh_directory(*directory);
        }
    }
    return reach_database(word.c_str(), attachment, 0, why) ? Status::ok() : Status(fail("{}", why.text));
}

void use_attachment(const Attachment& attachment) {
    for_each_attach_variable(
        attachment, [](const char* name, const char* value, bool replace) { setenv(name, value, replace ? 1 : 0); });
}

std::string as_exports(const Attachment& attachment) {
    std::string text;
    for_each_attach_variable(attachment, [&text](const char* name, const char* value, bool /*replace*/) {
        text += fmt::format("export {}='{}'\n", name, value);
    });
    return text;
}

}  // namespace inferstep
