#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "core/cwords.hpp"
#include "core/spawn.hpp"
#include "core/step_files.hpp"
#include "core/wait.hpp"
#include "hooks.hpp"

namespace inferstep::plugin {
namespace {

constexpr int kRecordLimitMs = 15'000;

OptionSet g_options;
Settings g_settings;
Step g_step;  // of srun, once there is one that has databases

const char* find_variable(void* /*where*/, const char* name) {
    const char* value = getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

// What salloc or sbatch around this command was given, as Slurm hands it on under the name that was used.
bool is_handed_on(const char* option, const char* value) {
    char name[96];
    snprintf(name, sizeof name, "SLURM_SPANK__SLURM_SPANK_OPTION_infer_infer_%s", option);
    for (char* c = name; *c != '\0'; ++c) {
        *c = *c == '-' ? '_' : *c;
    }
    const char* inherited = getenv(name);
    return inherited != nullptr && strcmp(inherited, value) == 0;
}

bool is_inherited(int id, const char* value) {
    bool found = is_handed_on(kTable[id].name, value);
    for (const Alias& alias : kAliases) {
        found = found || (alias.id == id && is_handed_on(alias.name, value));
    }
    return found;
}

void send() {
    char name[64];
    char cwd[PATH_MAX];
    for (int id = 0; id < kOptions; ++id) {
        snprintf(name, sizeof name, kSent, kTable[id].twin);
        if (g_options.sources[id] >= Source::environment) {
            setenv(name, g_options.text(id), 1);
        } else {
            unsetenv(name);
        }
    }
    setenv(kSentCwd, getcwd(cwd, sizeof cwd) != nullptr ? cwd : "/", 1);
}

}  // namespace

bool take_local_option(int id, const char* value) {
    char shown[64];
    char name[64];
    snprintf(shown, sizeof shown, "--infer-%s", kTable[id].name);
    snprintf(name, sizeof name, kSent, kTable[id].twin);
    const char* meant = spelled_out(id, value);
    const bool inherited = is_inherited(id, value);
    if (const char* sent = getenv(name);
        (id == kModel || id == kScript) && inherited && sent != nullptr && ends_with_item(sent, value)) {
        meant = sent;  // Slurm hands on the last of several models alone
    }
    // In sbatch the words of the command line come after those of the script's #SBATCH lines, and replace them.
    const bool last_wins = strcmp(program_invocation_short_name, "sbatch") == 0;
    Problem why;
    const Source source = inherited ? Source::inherited : Source::given;
    return (check_value(id, shown, meant, why) && g_options.take(id, meant, source, last_wins, why)) || say(why);
}

void show_options(int count, char** words) {
    Problem why;
    const bool read = g_settings.read(count, words, why);
    complete(g_options, g_settings, find_variable, nullptr);
    print_options(g_options, g_settings);
    fflush(stdout);
    if (!read || !check(g_options, g_settings, why)) {
        say(why);
    }
    _exit(0);  // nothing is allocated yet
}

bool check_request(int count, char** words, bool step_follows) {
    Problem why;
    bool asked = false;
    for (const int id : {kColocate, kAttach}) {
        asked = asked || g_options.has(id) || find_variable(nullptr, kTable[id].twin) != nullptr;
    }
    if (!asked) {
        unsetenv("SLURM_INFER_COLOCATE");  // of a step that this command is part of
        unsetenv("SLURM_INFER_ATTACH");
        return g_options.check_together(why) || say(why);
    }
    const bool read = g_settings.read(count, words, why);
    complete(g_options, g_settings, find_variable, nullptr);
    // A batch script can still make the files: its own srun looks.
    const bool fine = read && check(g_options, g_settings, why) &&
                      (!step_follows || (are_readable(g_options, kModel, g_settings, why) &&
                                         are_readable(g_options, kScript, g_settings, why) &&
                                         (!g_options.has(kOutdir) || check_outdir(g_options.text(kOutdir), why))));
    if (fine) {
        send();
    }
    return fine || say(why);
}

void remember_step(spank_t spank) {
    if (g_options.has(kColocate)) {
        read_step(spank, g_step);
    }
}

void record_step() {
    static char dir[kMaxValue + 64];
    const char* restarts = getenv("SLURM_RESTART_COUNT");
    const long restart = restarts != nullptr ? strtol(restarts, nullptr, 10) : 0;
    const char* base = g_options.has(kOutdir) ? g_options.text(kOutdir) : "outputs";
    char suffix[32];
    snprintf(suffix, sizeof suffix, ".r%ld", restart);
    snprintf(dir, sizeof dir, "%s/%u.%u%s", base, g_step.job, g_step.step, restart > 0 ? suffix : "");
    if (g_step.job == 0 || access(dir, W_OK | X_OK) != 0) {
        return;  // nothing of this step wrote records
    }
    char words[3][32];
    snprintf(words[0], sizeof words[0], "--job=%u", g_step.job);
    snprintf(words[1], sizeof words[1], "--step=%u", g_step.step);
    snprintf(words[2], sizeof words[2], "--restart=%ld", restart);
    const char* argv[] = {"inferstep", "record", words[0], words[1], words[2], dir, nullptr};
    SpawnRequest request;
    request.path = g_settings.paths[kProgram];
    request.argv = const_cast<char* const*>(argv);
    request.env = environ;
    request.stderr_fd = STDERR_FILENO;
    request.cwd = nullptr;
    const SpawnResult child = spawn(request);
    Problem why;
    if (child.error != 0) {
        why.is("cannot start %s to complete '%s': %s", request.path, dir, strerror(child.error));
        say(why);
        return;
    }
    reap_within(child.pid, UniqueFd{child.pidfd}, kRecordLimitMs);
}

}  // namespace inferstep::plugin
