#include "db/sacct.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/clock.hpp"
#include "core/process.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kFinalMs = 10'000;  // srun's exit hook, which waits for us, gives 15 s
constexpr int kAnswerMs = 4'000;  // of one call
constexpr const char* kFormat =
    "--format=JobID,JobName,State,ExitCode,Elapsed,NTasks,NNodes,AllocCPUS,AveCPU,TotalCPU,MaxRSS,MaxRSSTask,MaxVMSize,"
    "AllocTRES,Start,End";

// The State column of the step's line is that of a step that has ended.
bool is_final(const std::string& table, const std::string& step) {
    for (const std::string& line : split(table, '\n')) {
        const std::vector<std::string> fields = split(line, '|');
        if (fields.size() > 2 && fields[0] == step) {
            constexpr std::string_view kUnfinished[] = {"RUNNING", "PENDING", "COMPLETING", "SUSPENDED", ""};
            return std::find(std::begin(kUnfinished), std::end(kUnfinished), fields[2]) == std::end(kUnfinished);
        }
    }
    return false;
}

std::string first_line(const std::string& text) {
    const std::string line = text.substr(0, text.find('\n'));
    return line.empty() ? "it says nothing" : line;
}

std::string comment(const std::string& text) { return "# " + text + "\n"; }

// "jobacct_gather/cgroup", or why it is not known.
std::string gather_type() {
    const Result<Captured> config = run_capture({"scontrol", "show", "config"}, kAnswerMs);
    for (const std::string& line : split(config ? config->out : "", '\n')) {
        if (line.starts_with("JobAcctGatherType")) {
            return line.substr(line.find_first_not_of(" =", line.find('=')));
        }
    }
    return "unknown";
}

}  // namespace

std::string sacct_text(const StepName& name) {
    if (name.job == "local") {
        return comment("no accounting: this step did not run under Slurm");
    }
    const std::string step = name.job + "." + name.step;
    const std::int64_t end = now_ms() + kFinalMs;
    for (int pause = 100;; pause = std::min(2 * pause, 1000)) {
        const Result<Captured> answer = run_capture({"sacct", "-P", "-j", name.job, kFormat}, kAnswerMs);
        if (!answer) {
            return comment("no accounting: " + answer.error().message);
        }
        if (answer->exit_code != 0) {
            return comment(fmt::format("no accounting: sacct ended with exit code {}: {}", answer->exit_code,
                                       first_line(answer->err)));
        }
        if (is_final(answer->out, step)) {
            return answer->out;
        }
        if (now_ms() + pause > end) {
            return comment(fmt::format("the record of step {} was not final after {} s", step, kFinalMs / 1000)) +
                   answer->out;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    }
}

Json accounting_json(const StepName& name, const Json& nodes) {
    Json json = Json::object();
    if (name.job == "local") {
        return std::move(json.set("gather", "none").set("databases_counted", false));
    }
    const std::string gather = gather_type();
    // With cgroups everything in the step's cgroup counts. The other ways follow parents, and the supervisor has left
    // its own, so that no program finds a child that it did not make.
    const std::vector<Json> all = nodes.items();
    const bool inside = std::all_of(all.begin(), all.end(), [](const Json& node) {
        return node.copy_of("memory").text("cgroup").find("/step_") != std::string::npos;
    });
    return std::move(json.set("gather", gather).set("databases_counted", gather == "jobacct_gather/cgroup" && inside));
}

}  // namespace inferstep
