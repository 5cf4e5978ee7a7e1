// The files that a step names, looked at as its user: are they there, and do they lie where the administrator allows
// it? Needs libc alone.
#pragma once

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/step_request.hpp"

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

// The files of NAME:PATH[,key=value…][;NAME:PATH…] can be read, and lie where the admin allows it.
inline bool are_readable(const OptionSet& options, int id, const AdminWords& admin, Problem& why) {
    static char path[kMaxValue + 2];
    static char real[PATH_MAX];
    const char* roots = admin.limits[kLimitModel];
    for (const char* file = options.text(id); (file = strchr(file, ':')) != nullptr; file += strcspn(file, ";")) {
        struct stat st {};
        errno = EISDIR;
        snprintf(path, sizeof path, "%.*s", static_cast<int>(strcspn(file + 1, ",;")), file + 1);
        if (access(path, R_OK) != 0 || stat(path, &st) != 0 || S_ISDIR(st.st_mode)) {
            return why.is("--infer-%s: cannot read '%s': %s", kTable[id].name, path, strerror(errno));
        }
        if (roots != nullptr && !lies_below(path, roots, real)) {
            return why.is("--infer-%s: '%s' is '%s', and the administrator's limit-model=%s does not allow files there",
                          kTable[id].name, path, real, roots);
        }
    }
    return true;
}

// The directory of the records need not exist yet: the nearest ancestor that does decides.
inline bool check_outdir(const char* outdir, Problem& why) {
    static char path[kMaxValue + 4];
    snprintf(path, sizeof path, "%s/.", outdir);  // what exists must be a directory
    const char* dir = path;
    while (access(dir, W_OK | X_OK) != 0) {
        if (errno != ENOENT) {
            return why.is("--infer-outdir: cannot write to '%s': %s", outdir, strerror(errno));
        }
        dir = dirname(path);
    }
    return true;
}

}  // namespace inferstep
