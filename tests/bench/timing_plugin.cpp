// A SPANK plugin that stands in for another one and measures it: it opens the plugin named by path=FILE, passes every
// call on and, at the end of each process, appends "<context> <calls> <nanoseconds>" to the file named by log=FILE. The
// benchmark `inert` loads it in front of spank_infer.so on a real cluster.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "core/clock.hpp"

#pragma GCC visibility push(default)
extern "C" {
#include <slurm/spank.h>
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
}
SPANK_PLUGIN(infer_timing, 1)
#pragma GCC visibility pop

namespace {

using Hook = int (*)(spank_t, int, char**);

void* g_plugin = nullptr;
const char* g_log = nullptr;
long long g_nanoseconds = 0;
int g_calls = 0;

const char* setting(int count, char** words, const char* key) {
    for (int i = 0; i < count; ++i) {
        if (std::strncmp(words[i], key, std::strlen(key)) == 0) {
            return words[i] + std::strlen(key);
        }
    }
    return nullptr;
}

// The measured plugin sees its own settings only: ours are the first two words of the line.
int pass_on(const char* name, spank_t spank, int count, char** words) {
    if (g_plugin == nullptr) {
        const char* path = setting(count, words, "path=");
        g_log = setting(count, words, "log=");
        g_plugin = path != nullptr ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
        if (g_plugin == nullptr) {
            slurm_spank_log("timing plugin: %s", dlerror());
            return -1;
        }
    }
    const auto hook = reinterpret_cast<Hook>(dlsym(g_plugin, name));
    if (hook == nullptr) {
        return 0;
    }
    const std::int64_t start = inferstep::now_ns();
    const int code = hook(spank, count - 2, words + 2);
    g_nanoseconds += inferstep::now_ns() - start;
    ++g_calls;
    return code;
}

void write_log(spank_t spank) {
    char line[128];
    const int length =
        std::snprintf(line, sizeof line, "%d %d %lld\n", static_cast<int>(spank_context()), g_calls, g_nanoseconds);
    const int fd = g_log != nullptr ? open(g_log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!write(fd, line, static_cast<std::size_t>(length));
        close(fd);
    }
    (void)spank;
}

}  // namespace

#define PASS(hook) \
    int hook(spank_t spank, int count, char** words) { return pass_on(#hook, spank, count, words); }

#pragma GCC visibility push(default)
extern "C" {
PASS(slurm_spank_init)
PASS(slurm_spank_init_post_opt)
PASS(slurm_spank_local_user_init)
PASS(slurm_spank_user_init)
PASS(slurm_spank_task_init_privileged)
PASS(slurm_spank_task_post_fork)
PASS(slurm_spank_task_exit)
int slurm_spank_task_init(spank_t spank, int count, char** words) {
    // The task execs next, so what it spent is written here; its copy of the counters began with slurmstepd's.
    const long long inherited = g_nanoseconds;
    const int inherited_calls = g_calls;
    const int code = pass_on("slurm_spank_task_init", spank, count, words);
    g_nanoseconds -= inherited;
    g_calls -= inherited_calls;
    write_log(spank);
    return code;
}
int slurm_spank_exit(spank_t spank, int count, char** words) {
    const int code = pass_on("slurm_spank_exit", spank, count, words);
    write_log(spank);
    return code;
}
}
#pragma GCC visibility pop
