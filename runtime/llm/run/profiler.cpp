#include "llm/run/profiler.hpp"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/file.hpp"
#include "core/process.hpp"

namespace inferstep::llm {
namespace {

constexpr const char* kMark = "INFER_PROFILED";  // set for the program under the profiler
constexpr int kTrialMs = 20'000;

using Words = std::vector<std::string>;

// The profiler's words before the program's own.
Words profiler_words(const std::string& profiler, const std::string& directory, int rank) {
    if (profiler == "perf") {
        return {"perf", "stat", "-d", "-d", "-d", fmt::format("--output={}/perf_rank_{}.txt", directory, rank), "--"};
    }
    return {"nsys", "profile", "--force-overwrite=true", fmt::format("--output={}/nsys_rank_{}", directory, rank)};
}

// Does it run anything at all here?
std::string trial(const std::string& profiler, const std::string& program) {
    const Words words =
        profiler == "perf" ? Words{program, "stat", "--output=/dev/null", "--", "true"} : Words{program, "--version"};
    const Result<Captured> answer = run_capture(words, kTrialMs);
    if (!answer) {
        return answer.error().message;
    }
    return answer->exit_code == 0 ? "" : fmt::format("it ends with exit code {}", answer->exit_code);
}

std::string own_program() {
    char path[PATH_MAX] = "";
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "inferstep";
}

}  // namespace

std::string record_directory(const StageSettings& settings, const StepIdentity& id) {
    const std::string directory = absolute_path(settings.output_dir);
    return settings.explicit_output_dir ? directory : directory + "/" + step_name(id);
}

std::string run_under_profiler(const StageSettings& settings, const StepIdentity& id) {
    if (settings.profiler == "none" || std::getenv(kMark) != nullptr) {
        return "";
    }
    const auto without = [&](std::string_view why) {
        return fmt::format("{} cannot be used, the run goes on without it: {}", settings.profiler, why);
    };
    const Result<std::string> program = find_program(settings.profiler);
    if (!program) {
        return without(program.error().message);
    }
    if (const std::string why = trial(settings.profiler, *program); !why.empty()) {
        return without(why);
    }
    const std::string directory = record_directory(settings, id);
    if (const Status s = make_directories(directory); !s) {
        return without(s.error().message);
    }
    Words words = profiler_words(settings.profiler, directory, id.rank);
    words.push_back(own_program());
    const Words own = own_command();
    words.insert(words.end(), own.begin() + (own.empty() ? 0 : 1), own.end());
    setenv(kMark, settings.profiler.c_str(), 1);
    if (!id.slurm) {
        setenv("INFER_RUN_ID", id.step.c_str(), 0);  // the program under it is still this step
    }
    execv(program->c_str(), as_argv(words).data());
    const int error = errno;
    unsetenv(kMark);
    return without(std::strerror(error));
}

}  // namespace inferstep::llm
