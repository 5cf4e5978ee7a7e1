#include "sweep/script_parts.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "core/shell.hpp"
#include "sweep/database.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

constexpr const char* kInfer = "--infer-";

// One option a line.
std::string continued(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " \\\n    ") + word;
    }
    return text;
}

std::string list_of(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ",") + name;
    }
    return text;
}

// The command as a task runs it.
std::string in_container(const Point& point, const Container& container) {
    if (container.image.empty()) {
        return shell_words(point.command);
    }
    std::vector<std::string> words = {container.program, "exec"};
    if (point.step.gpus_per_node > 0) {
        words.push_back("--nv");
    }
    for (const std::string& bind : container.binds) {
        words.push_back("--bind=" + bind);
    }
    words.insert(words.end(), container.options.begin(), container.options.end());
    words.push_back(container.image);
    return shell_words(words) + " \\\n    " + shell_words(point.command);
}

// CPUs of a task, as srun is told; empty: not said.
std::string step_cpus(const Point& point, const ScriptContext& context) {
    const std::string* wanted = context.where == Where::kBatch ? context.settings.find("cpus-per-task") : nullptr;
    if (wanted != nullptr) {
        return *wanted;
    }
    return point.step.cpus_per_task > 0 ? fmt::format("{}", point.step.cpus_per_task) : "";
}

std::vector<std::string> srun_words(const Point& point, const ScriptContext& context) {
    const StepShape& step = point.step;
    std::vector<std::string> words = {"srun", "--job-name=" + shell_word(point.id),
                                      fmt::format("--nodes={}", step.nodes),
                                      fmt::format("--ntasks={}", step.nodes * step.tasks_per_node),
                                      fmt::format("--ntasks-per-node={}", step.tasks_per_node)};
    if (const std::string cpus = step_cpus(point, context); !cpus.empty()) {
        words.push_back("--cpus-per-task=" + shell_word(cpus));
    }
    if (step.gpus_per_node > 0) {
        words.push_back(fmt::format("--gpus-per-node={}", step.gpus_per_node));
    }
    if (point.database && !point.database->as_job) {
        words.emplace_back("--nodelist=\"$step_nodes\"");
    } else if (context.where == Where::kAllocation && !context.step_nodes.empty()) {
        words.push_back("--nodelist=" + shell_word(list_of(context.step_nodes)));
    }
    for (const std::string& option : step.options) {
        words.push_back(shell_word(option));
    }
    return words;
}

std::vector<std::string> local_words(const Point& point, const ScriptContext& context) {
    std::vector<std::string> words = {shell_word(context.program) + " run",
                                      fmt::format("--tasks={}", point.step.tasks_per_node)};
    for (const std::string& option : point.step.options) {
        if (option.starts_with(kInfer)) {
            words.push_back(shell_word("--" + option.substr(std::string_view(kInfer).size())));
        }
    }
    return words;
}

// In a batch job the script finds out itself which nodes it was given.
std::string nodes_part(const Point& point, const ScriptContext& context) {
    if (context.where == Where::kAllocation) {
        return "step_nodes=" + shell_word(list_of(context.step_nodes)) +
               "\ndatabase_nodes=" + shell_word(list_of(context.database_nodes)) + "\n";
    }
    if (point.database->as_job) {
        return "step_nodes=\n";
    }
    std::string filter;
    for (const std::string& host : point.database->hosts) {
        filter += " -e " + shell_word(host);
    }
    const std::string names = "scontrol show hostnames \"$SLURM_JOB_NODELIST\" | ";
    const std::string mine = filter.empty() ? "" : "grep -vxF" + filter + " | ";
    return fmt::format("step_nodes=$({0}{1}head -n {2} | paste -sd,)\ndatabase_nodes={3}\n", names, mine,
                       point.step.nodes,
                       filter.empty() ? fmt::format("$({}tail -n +{} | head -n {} | paste -sd,)", names,
                                                    point.step.nodes + 1, point.database->nodes)
                                      : shell_word(list_of(point.database->hosts)));
}

// What is noted of the environment, for point.json: what bears on results, and no secrets. No program is started for
// it.
constexpr const char* kNote = R"(
note_environment() {
    local name
    for name in "${!SLURM_@}" "${!INFER_@}" "${!OMP_@}" "${!MKL_@}" "${!CUDA_@}" "${!NCCL_@}" "${!UCX_@}" "${!SR_@}" "${!TORCH_@}" \
        PATH LD_LIBRARY_PATH LD_PRELOAD LOADEDMODULES VIRTUAL_ENV CONDA_PREFIX; do
        case $name in *SECRET* | *TOKEN* | *PASSWORD* | *_KEY*) ;; *) [ -z "${!name+set}" ] || printf '%s=%s\0' "$name" "${!name}" ;; esac
    done
}
note_environment >"$point/environ"
)";

// A word that ends a here-document of this text.
std::string unused_word(const std::string& text) {
    std::string word = "END_OF_SCRIPT";
    while (text.find(word) != std::string::npos) {
        word += "_";
    }
    return word;
}

constexpr const char* kOutput = "</dev/null >\"$point/stdout.log\" 2>\"$point/stderr.log\" &\n";

}  // namespace

std::vector<std::string> left_out(const Point& point, Where where) {
    std::vector<std::string> words;
    if (where != Where::kLocal || point.command.empty()) {
        return words;
    }
    if (point.step.cpus_per_task > 0) {
        words.push_back(fmt::format("--cpus-per-task={}", point.step.cpus_per_task));
    }
    if (point.step.gpus_per_node > 0) {
        words.push_back(fmt::format("--gpus-per-node={}", point.step.gpus_per_node));
    }
    std::copy_if(point.step.options.begin(), point.step.options.end(), std::back_inserter(words),
                 [](const std::string& option) { return !option.starts_with(kInfer); });
    return words;
}

Status check_words(const Battery& battery, const Point& point, const ScriptContext& context) {
    if (point.command.empty() && point.script.empty()) {
        return fail("point {} has neither a command nor a script", point.id);
    }
    if (context.where == Where::kLocal && point.step.nodes > 1) {
        return with_hint(fail("point {} needs {} nodes, and without Slurm there is one", point.id, point.step.nodes),
                         "run it in an allocation, or as batch jobs");
    }
    std::string all = battery.folder + point.script + context.run + context.program;
    for (const std::string& word : point.command) {
        all += word;
    }
    for (const auto& [name, value] : point.environment) {
        all += value;
    }
    if (all.find('\0') != std::string::npos) {
        return fail("point {} has a text with a NUL byte, which no shell can read", point.id);
    }
    return Status::ok();
}

Result<std::string> database_functions(const Point& point, const ScriptContext& context) {
    if (!point.database) {
        return std::string();
    }
    DatabasePlace place;
    place.local = context.where == Where::kLocal;
    place.program = context.program;
    place.time_limit_s = point.time_limit_s;
    const Result<std::string> lines = database_lines(*point.database, place);
    return lines ? lines : with_hint(fail("point {}: {}", point.id, lines.error().message), lines.error().hint);
}

std::string frame(const Battery& battery, const Point& point, const ScriptContext& context,
                  const std::string& functions) {
    return fmt::format(
        R"(point=${{1:-{0}}}
case $point in /*) ;; *) point=$PWD/$point ;; esac
if [ -e "$point/end" ]; then
    echo "run.sh: error: $point holds a point that has ended, which is not run over; give another directory" >&2
    exit 2
fi
mkdir -p "$point/records" || exit

{2}# However it ends, this is written down last: exit code, begin and end, whole or not at all.
begin=${{EPOCHREALTIME:-$(date +%s.%N)}}
step=
finish() {{
    local code=$? now
    trap '' HUP INT TERM
{3}    now=${{EPOCHREALTIME:-$(date +%s.%N)}}
    echo "$code ${{begin/,/.}} ${{now/,/.}}" >"$point/end.new" && mv "$point/end.new" "$point/end"
    exit "$code"
}}
stop() {{ # after a signal; the step ends first
    trap '' HUP INT TERM
    if [ -n "$step" ]; then
        {4}kill "$step"
        wait "$step"
    fi
    exit "$1"
}}
trap finish EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

cd {1} || exit
[ -z "${{SLURM_JOB_ID-}}" ] || echo "$SLURM_JOB_ID" >"$point/job"
)",
        shell_word(point_directory(context.run, point.id)), shell_word(battery.folder),
        functions.empty() ? "" : "# The database\n" + functions + "\n", functions.empty() ? "" : "    end_database\n",
        point.command.empty() ? "pkill -P \"$step\"\n        " : "");
}

std::string database_part(const Point& point, const ScriptContext& context) {
    if (!point.database) {
        return {};
    }
    const std::string nodes = context.where == Where::kLocal ? "" : nodes_part(point, context);
    return "\n# The database comes first\n" + nodes + "begin_database || exit\n";
}

std::string note_part() { return kNote; }

std::string command_part(const Point& point, const ScriptContext& context) {
    const bool local = context.where == Where::kLocal;
    std::string text = "\n# The step\n";
    const std::vector<std::string> without = left_out(point, context.where);
    if (!without.empty()) {
        text += "# Left out, since only Slurm knows it: " + printable(shell_words(without)) + "\n";
    }
    if (!local && step_cpus(point, context).empty()) {
        text +=
            "unset SLURM_CPUS_PER_TASK SLURM_TRES_PER_TASK  # those of the job: the step takes all CPUs of its nodes\n";
    }
    std::vector<std::string> words = local ? local_words(point, context) : srun_words(point, context);
    words.push_back("-- " + in_container(point, context.settings.container));
    words.emplace_back(kOutput);
    return text + continued(words);
}

std::string script_part(const Point& point) {
    const std::string word = unused_word(point.script);
    return "\n# The battery's script\n" + fmt::format("bash /dev/fd/3 3<<'{0}' {1}{2}{3}{0}\n", word, kOutput,
                                                      point.script, point.script.ends_with('\n') ? "" : "\n");
}

}  // namespace inferstep::sweep
