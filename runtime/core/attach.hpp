// Attaching to a standard database: from --infer-attach=JOB.STEP|ADDRESS[,ADDRESS…] to the variables of a task.
//
// `inferstep db standard` leaves its addresses in a file of mode 0600 that both steps see:
// <directory>/<job>.<step>/address, one NAME=VALUE a line, and the secret of its clients beside it, in the file
// `secret`. Whoever attaches reads it as its user. Needs libc alone, so that the plugin can use it.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/client_env.hpp"
#include "core/cwords.hpp"
#include "core/fd.hpp"
#include "core/problem.hpp"
#include "core/wait.hpp"

namespace inferstep {

constexpr size_t kMaxAddress = 4096;                      // bytes of an address file
constexpr const char* kAttachDir = "INFER_ATTACH_DIR";    // names the directory; by default it is …
constexpr const char* kAttachHome = ".inferstep/attach";  // … this one in the user's home
constexpr int kReachMs = 5000;

struct Attachment {
    char text[kMaxAddress + 1] = "";     // of the file; the others point into it
    const char* endpoints = "";          // host:port, separated by commas
    const char* type = "";               // Clustered or Standalone
    bool sure = false;                   // the type was told, not guessed
    char secret_file[kMaxAddress] = "";  // empty: clients need none
};

// Is it what --infer-attach accepts? Nothing in it can leave the directory of the address files.
inline bool is_attach_word(const char* word) {
    constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const bool name = strchr(word, ':') == nullptr;
    const size_t plain = strspn(word, kLetters);
    const bool address = strlen(word) < kMaxAddress && word[strcspn(word, " \t\r\n'\"\\$`;&|<>(){}")] == '\0';
    return name ? word[plain] == '\0' && strchr(word, '.') != nullptr && word[0] != '.' && plain < 128
                : address && word[0] != ':' && word[0] != ',';
}

// One NAME=VALUE line, whose end has become its terminator. Unknown names are of a newer version.
inline void take_address_line(const char* line, Attachment& a, const char*& secret) {
    const struct {
        const char* name;
        const char*& value;
    } known[] = {{"SSDB=", a.endpoints}, {"SR_DB_TYPE=", a.type}, {"SECRET=", secret}};
    for (const auto& each : known) {
        const size_t length = strlen(each.name);
        if (strncmp(line, each.name, length) == 0) {
            each.value = line + length;
        }
    }
}

// Opens a file to read it. Empty with errno set: there is no such file, or (EPERM) others could have read or written
// it.
inline UniqueFd open_private(const char* path) {
    struct stat st {};
    UniqueFd fd(open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd || fstat(fd.get(), &st) != 0) {
        return UniqueFd{};
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        fd.reset();
        errno = EPERM;
    }
    return fd;
}

// False with errno set: as open_private, or (EBADMSG) it is no address file.
inline bool read_address_file(const char* path, Attachment& a) {
    const UniqueFd fd = open_private(path);
    if (!fd) {
        return false;
    }
    const ssize_t size = read(fd.get(), a.text, kMaxAddress);
    a.text[size > 0 ? size : 0] = '\0';
    const char* secret = "";
    for (char* line = a.text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        char* next = line + length + (line[length] == '\n' ? 1 : 0);
        line[length] = '\0';
        take_address_line(line, a, secret);
        line = next;
    }
    if (strcmp(secret, "yes") == 0) {  // beside the address file, wherever that has been found
        const auto directory = static_cast<int>(strrchr(path, '/') - path);
        snprintf(a.secret_file, sizeof a.secret_file, "%.*s/secret", directory, path);
    }
    a.sure = *a.endpoints != '\0' && is_one_of(a.type, strlen(a.type), "Clustered|Standalone");
    errno = EBADMSG;
    return a.sure;
}

// `word`: JOB.STEP, or addresses, which are taken as they stand. `directory` may be nullptr: then it is that of `home`.
inline bool find_database(const char* word, const char* directory, const char* home, Attachment& a, Problem& why) {
    if (strchr(word, ':') != nullptr) {
        a.endpoints = word;
        a.type = strchr(word, ',') != nullptr ? "Clustered" : "Standalone";
        return true;
    }
    char path[kMaxAddress];
    const bool given = directory != nullptr && *directory != '\0';
    const int length = snprintf(path, sizeof path, "%s%s%s/%s/address",
                                given             ? directory
                                : home != nullptr ? home
                                                  : "",
                                given ? "" : "/", given ? "" : kAttachHome, word);
    if (length >= static_cast<int>(sizeof path)) {
        return why.is("cannot attach to %s: the path of its address file is too long", word);
    }
    if (read_address_file(path, a)) {
        return true;
    }
    return errno == ENOENT
               ? why.is("there is no database %s to attach to: it has ended or is not ready yet (%s does not exist)",
                        word, path)
               : why.is("cannot attach to %s: %s: %s", word, path,
                        errno == EPERM     ? "it must be a file of yours that nobody else can read"
                        : errno == EBADMSG ? "it is no address file"
                                           : strerror(errno));
}

// Does shard number `which` (counted around) accept a connection? One whose address is no IPv4 number is believed.
inline bool reach_database(const char* word, const Attachment& a, unsigned which, Problem& why) {
    unsigned shards = 1;
    for (const char* c = a.endpoints; *c != '\0'; ++c) {
        shards += *c == ',' ? 1U : 0U;
    }
    const char* shard = a.endpoints;
    for (unsigned skip = which % shards; skip > 0; --skip) {
        shard = strchr(shard, ',') + 1;
    }
    char host[64];
    const size_t length = strcspn(shard, ":,");
    snprintf(host, sizeof host, "%.*s", static_cast<int>(length), shard);
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<uint16_t>(strtoul(shard + length + (shard[length] == ':' ? 1 : 0), nullptr, 10)));
    if (inet_pton(AF_INET, host, &peer.sin_addr) != 1) {
        return true;
    }
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int error = 0;
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        socklen_t size = sizeof error;
        error = ETIMEDOUT;
        if (wait_events(fd.get(), POLLOUT, kReachMs) != 0) {
            getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    return error == 0 || why.is("cannot attach to %s: the database at %.*s does not answer: %s", word,
                                static_cast<int>(strcspn(shard, ",")), shard, strerror(error));
}

// Calls set(name, value, replace) for every variable that a task gets.
template <typename Set>
void for_each_attach_variable(const Attachment& a, Set&& set) {
    for_each_client_variable(a.endpoints, a.type, a.sure, set);
    if (a.sure) {
        set(kSecretFile, a.secret_file, true);
    }
}

}  // namespace inferstep
