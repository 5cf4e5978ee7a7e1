// THE fork and exec of this project. Needs libc alone, so that the plugin can use it.
//
// A program is started from an absolute path with an argument vector, never through a shell. What it inherits is
// exactly what is listed: fds 0, 1, 2 and `pass_fds` (as 3, 4, …), the given environment, default signal handling,
// umask 077 and cwd / unless asked otherwise.
#pragma once

#include <sys/types.h>

#include "core/cpuset.hpp"

namespace inferstep {

// Whom a program started by root becomes, for good: the groups, then the user, then no way back. The user can take such
// a process over, and it is outside of the user's step: so it cannot start another one, has no protection from the
// out-of-memory killer, and leaves no core.
struct SpawnUser {
    uid_t uid = 0;
    gid_t gid = 0;
};

struct SpawnRequest {
    const char* path = nullptr;     // absolute
    char* const* argv = nullptr;    // ends with nullptr
    char* const* env = nullptr;     // ends with nullptr
    const int* pass_fds = nullptr;  // become 3, 4, … in the program
    int pass_fd_count = 0;
    int stdin_fd = -1;             // -1: /dev/null
    int stdout_fd = -1;            // -1: /dev/null
    int stderr_fd = -1;            // -1: /dev/null
    const char* cwd = "/";         // nullptr: keep
    const CpuSet* cpus = nullptr;  // the program's CPUs, set before its first instruction; nullptr: those of the caller
    const SpawnUser* user = nullptr;  // nullptr: the caller; else no group but `gid`
    bool detach = false;  // fork twice: the caller never gets a child (a program that waits for all its children must
                          // not see ours)
    bool die_with_parent = false;  // PR_SET_PDEATHSIG SIGKILL
    bool new_session = false;
    bool keep_umask = false;
};

struct SpawnResult {
    pid_t pid = -1;  // the program's, also when detached
    int pidfd = -1;  // CLOEXEC; the caller closes it
    int error = 0;   // errno of what failed, 0: the exec succeeded
};

// Returns after the exec succeeded or failed. Does not allocate between fork and exec.
SpawnResult spawn(const SpawnRequest& request);

}  // namespace inferstep
