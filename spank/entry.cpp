// The plugin's door: the symbols that Slurm looks for, and which part answers in which process. The only file with C
// linkage; see spank(7) for the hooks.
#include "core/cwords.hpp"
#include "hooks.hpp"

using namespace inferstep;
using namespace inferstep::plugin;

namespace {

// "spank_infer 0.1.0 for Slurm 22.05": inferstep-plugstack looks for it in the file before it enables the plugin.
struct Label {
    char text[sizeof "spank_infer " INFERSTEP_VERSION " for Slurm 00.00"];
};
constexpr Label label() {
    Label label{"spank_infer " INFERSTEP_VERSION " for Slurm 00.00"};
    char* release = label.text + sizeof label.text - sizeof "00.00";
    constexpr unsigned kMajor = SLURM_VERSION_NUMBER >> 16U;
    constexpr unsigned kMinor = SLURM_VERSION_NUMBER >> 8U & 0xffU;
    release[0] = '0' + kMajor / 10;
    release[1] = '0' + kMajor % 10;
    release[3] = '0' + kMinor / 10;
    release[4] = '0' + kMinor % 10;
    return label;
}
[[gnu::used]] constexpr Label kLabel = label();

// The settings, for --infer-help, which srun meets before it asks for a command.
int g_count = 0;
char** g_words = nullptr;

extern "C" int take_option(int id, const char* value, int remote) {
    const char* text = value != nullptr ? value : "";
    if (remote != 0) {
        take_remote_option(id, text);
        return 0;
    }
    return verdict(take_local_option(id, text));
}

extern "C" int take_help(int /*id*/, const char* /*value*/, int remote) {
    if (remote == 0) {
        show_options(g_count, g_words);
    }
    return 0;
}

bool add_option(spank_t spank, const char* name, int id, const char* help, spank_opt_cb_f callback) {
    const OptionSpec& spec = kTable[id];
    char word[64];
    char usage[256];
    join(word, "infer-", name);
    join(usage, "[infer] ", help);
    // Slurm copies the texts; its struct is older than const.
    spank_option option{word, const_cast<char*>(spec.argument), usage, spec.has_argument, id, callback};
    return spank_option_register(spank, &option) == ESPANK_SUCCESS;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// SPANK_PLUGIN defines constants, which in C++ nobody else could see were they not declared before.
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
SPANK_PLUGIN(infer, 1)

int slurm_spank_init(spank_t spank, int count, char** words) {
    const spank_context_t context = spank_context();
    if (context == S_CTX_SLURMD || context == S_CTX_JOB_SCRIPT) {
        return 0;
    }
    g_count = count;
    g_words = words;
    bool fine = true;
    for (int id = 0; id < kOptions; ++id) {
        fine = fine && add_option(spank, kTable[id].name, id, kTable[id].help, take_option);
    }
    for (const Alias& alias : kAliases) {
        fine = fine && add_option(spank, alias.name, alias.id, alias.help, take_option);
    }
    fine = fine && add_option(spank, "help", kVerbose, kHelpHelp, take_help);
    // On a node this fails if it has failed in srun, which ended then.
    return verdict(fine || context == S_CTX_REMOTE);
}

int slurm_spank_init_post_opt(spank_t spank, int count, char** words) {
    if (spank_context() == S_CTX_REMOTE) {
        prepare_node(spank, count, words);
        return 0;
    }
    return verdict(check_request(count, words, spank_context() == S_CTX_LOCAL));
}

int slurm_spank_local_user_init(spank_t spank, int /*count*/, char** /*words*/) {
    remember_step(spank);
    return 0;
}

int slurm_spank_task_post_fork(spank_t spank, int /*count*/, char** /*words*/) {
    note_task(spank);
    return 0;
}

int slurm_spank_task_init_privileged(spank_t spank, int /*count*/, char** /*words*/) {
    open_lifetime(spank);
    return 0;
}

int slurm_spank_task_init(spank_t spank, int /*count*/, char** /*words*/) { return verdict(admit_task(spank)); }

int slurm_spank_task_exit(spank_t /*spank*/, int /*count*/, char** /*words*/) {
    note_exit();
    return 0;
}

int slurm_spank_exit(spank_t /*spank*/, int /*count*/, char** /*words*/) {
    if (spank_context() == S_CTX_LOCAL) {
        record_step();
    }
    return 0;
}

}  // extern "C"
#pragma GCC visibility pop
