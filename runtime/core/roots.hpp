// Where does a path really lie? For what an administrator allows of files. As the user, whose links are followed; needs
// libc alone.
#pragma once

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace inferstep {

// Is `path`, its links resolved into `real`, in one of the directories DIR[,DIR…] or below? False with `real` empty:
// there is no such path, and errno says why.
inline bool lies_below(const char* path, const char* roots, char (&real)[PATH_MAX]) {
    char root[PATH_MAX];
    char resolved[PATH_MAX];
    real[0] = '\0';
    if (realpath(path, real) == nullptr) {
        real[0] = '\0';
        return false;
    }
    for (const char* next = roots;; ++next) {
        const size_t named = strcspn(next, ",");
        snprintf(root, sizeof root, "%.*s", static_cast<int>(named), next);
        const bool there = realpath(root, resolved) != nullptr;
        const size_t length = there ? strlen(resolved) : 0;
        const bool all = length == 1;  // "/"
        if (there && strncmp(real, resolved, length) == 0 && (all || real[length] == '/' || real[length] == '\0')) {
            return true;
        }
        next += named;
        if (*next == '\0') {
            return false;
        }
    }
}

}  // namespace inferstep
