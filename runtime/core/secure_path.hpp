// Can nobody but root change what a path leads to? For programs that an administrator names and all users run. Needs
// libc alone.
#pragma once

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/problem.hpp"

namespace inferstep {

// `path`, which is absolute, and every directory above it: root's own, and writable by root's group at most; a
// directory with the sticky bit by everybody. What is not there is no danger, and whoever uses it will say so.
inline bool is_secure_chain(const char* path, Problem& why) {
    char part[PATH_MAX];
    for (size_t length = 1;;) {
        if (length >= sizeof part) {
            return why.is("%.80s... is too long", path);
        }
        struct stat st {};
        memcpy(part, path, length);
        part[length] = '\0';
        if (lstat(part, &st) != 0) {
            return true;
        }
        if (st.st_uid != 0) {
            return why.is("%s belongs to user %u, not to root", part, st.st_uid);
        }
        const bool open = (st.st_mode & S_IWOTH) != 0 || ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0);
        if (open && !S_ISLNK(st.st_mode) && !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0)) {
            return why.is("others than root can write %s", part);
        }
        if (path[length] == '\0') {
            return true;
        }
        length += strspn(path + length, "/");
        length += strcspn(path + length, "/");
    }
}

// The path as it is written, and where its links lead.
inline bool is_secure_path(const char* path, Problem& why) {
    char real[PATH_MAX];
    return is_secure_chain(path, why) && (realpath(path, real) == nullptr || is_secure_chain(real, why));
}

}  // namespace inferstep
