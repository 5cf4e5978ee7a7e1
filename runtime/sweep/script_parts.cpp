#include "sweep/script_parts.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "core/shell.hpp"

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
                                      fmt::format("--ntasks={}", static_cast<long>(step.nodes) * step.tasks_per_node),
                                      fmt::format("--ntasks-per-node={}", step.tasks_per_node)};
    if (const std::string cpus = step_cpus(point, context); !cpus.empty()) {
        words.push_back("--cpus-per-task=" + shell_word(cpus));
    }
    if (step.gpus_per_node > 0) {
        words.push_back(fmt::format("--gpus-per-node={}", step.gpus_per_node));
    }
    if (point.database && !point.database->as_job) {
        words.emplace_back("${step_nodes:+--nodelist=\"$step_nodes\"}");
    } else if (context.where == Where::kAllocation && !context.step_nodes.empty()) {
        words.push_back("--nodelist=" + shell_word(fmt::format("{}", fmt::join(context.step_nodes, ","))));
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
    if (point.command.empty() && !context.settings.container.image.empty()) {
        return with_hint(fail("point {} has a script, and only the command of a step runs in a container", point.id),
                         "call apptainer in the script");
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
