#include "db/standard_submit.hpp"

#include <algorithm>
#include <filesystem>

#include "core/process.hpp"
#include "core/shell.hpp"

namespace inferstep {
namespace {

constexpr int kSbatchMs = 120'000;  // a busy controller answers late

}  // namespace

std::string standard_script(const std::string& program, const std::vector<std::string>& options) {
    // srun does not take --cpus-per-task from sbatch by itself, and would take over its number of tasks.
    std::string script =
        "[ -z \"$SLURM_CPUS_PER_TASK\" ] || export SRUN_CPUS_PER_TASK=\"$SLURM_CPUS_PER_TASK\"\n"
        "exec srun --nodes=\"$SLURM_NNODES\" --ntasks=\"$SLURM_NNODES\" --ntasks-per-node=1 ";
    script += shell_word(program) + " db standard";
    for (const std::string& option : options) {
        script += " " + shell_word(option);
    }
    return script;
}

Result<std::string> submit_standard(const std::vector<std::string>& sbatch_options,
                                    const std::vector<std::string>& options) {
    std::error_code code;
    const std::string self = std::filesystem::read_symlink("/proc/self/exe", code).string();
    std::vector<std::string> words = {"sbatch", "--parsable", "--job-name=inferstep-db"};
    words.insert(words.end(), sbatch_options.begin(), sbatch_options.end());
    words.push_back("--wrap=" + standard_script(self, options));
    const Result<Captured> submitted = run_capture(words, kSbatchMs);
    if (!submitted) {
        return submitted.error();
    }
    const std::string job = submitted->out.substr(0, submitted->out.find_first_of(";\n"));
    if (submitted->exit_code != 0 || job.empty() || !std::all_of(job.begin(), job.end(), isdigit)) {
        return fail("sbatch did not take the job: {}",
                    submitted->err.substr(0, submitted->err.find_last_not_of('\n') + 1));
    }
    return job + ".0";
}

}  // namespace inferstep
