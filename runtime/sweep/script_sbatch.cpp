// The lines of a batch job: what the point needs, unless the settings say otherwise.
#include <algorithm>

#include "core/shell.hpp"
#include "core/words.hpp"
#include "sweep/script_parts.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

// "=K" behind an option of the step; `otherwise` where it is bare, 0 where it is absent.
int number_of(const StepShape& step, const std::string& name, int otherwise) {
    for (const std::string& option : step.options) {
        if (option == name) {
            return otherwise;
        }
        if (option.starts_with(name + "=")) {
            const Result<long> number = parse_number(name, option.substr(name.size() + 1), 0, 1 << 20);
            return number ? static_cast<int>(*number) : 0;
        }
    }
    return 0;
}

// CPUs of the databases beside the tasks. With a number of CPUs for each task they come out of those.
int colocated_cpus(const StepShape& step) {
    const int databases = number_of(step, "--infer-colocate", 1);
    if (databases == 0 || step.cpus_per_task > 0) {
        return 0;
    }
    const int cpus = number_of(step, "--infer-db-cpus", 0);
    return cpus > 0 ? cpus : std::max(2, databases);
}

// How a node of the job is asked for: as tasks of so many CPUs each.
struct TaskShape {
    int tasks;
    int cpus;  // 0: not said, which is 1
};

// A node holds the tasks with their databases, and also a standard database's shard; and no CPU more than that, which a
// node might not have. CPUs of the databases are tasks of the job that no step uses.
TaskShape task_shape(const Point& point, const BatchSettings& settings) {
    const int tasks = std::max(1, point.step.tasks_per_node);
    const int each = std::max(1, point.step.cpus_per_task);
    const int beside = point.database && !point.database->as_job ? point.database->cpus_per_node : 0;
    const int needed = std::max(tasks * each + colocated_cpus(point.step), beside);
    const char* const theirs[] = {"ntasks-per-node", "cpus-per-task", "cpus-per-gpu"};
    const bool said = std::any_of(std::begin(theirs), std::end(theirs),
                                  [&](const char* name) { return settings.find(name) != nullptr; });
    if (!said && !point.command.empty()) {
        return {(needed + each - 1) / each, point.step.cpus_per_task};
    }
    // The user's numbers, and the steps of a script, are about as many tasks as the point says.
    const int cpus = (needed + tasks - 1) / tasks;
    return {tasks, cpus == 1 && point.step.cpus_per_task == 0 ? 0 : cpus};
}

std::string time_text(double seconds) {
    const long minutes = static_cast<long>((seconds + 59) / 60);  // Slurm counts no less
    return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

// A directory in which % means itself.
std::string without_patterns(const std::string& path) {
    std::string text;
    for (const char c : path) {
        text += c == '%' ? std::string("%%") : std::string(1, c);
    }
    return text;
}

Options needs(const Battery& battery, const Point& point, const ScriptContext& context) {
    const TaskShape shape = task_shape(point, context.settings);
    const std::string log = without_patterns(point_directory(context.run, point.id)) + "/" + kScriptLog;
    Options options = {{"job-name", battery.name + "-" + point.id},
                       {"chdir", battery.folder},
                       {"output", log},
                       {"nodes", fmt::format("{}", point.all_nodes())},
                       {"ntasks-per-node", fmt::format("{}", shape.tasks)}};
    const bool by_gpu = context.settings.find("cpus-per-gpu") != nullptr;
    if (shape.cpus > 0 && !by_gpu) {
        options.emplace_back("cpus-per-task", fmt::format("{}", shape.cpus));
    }
    if (point.step.gpus_per_node > 0) {
        options.emplace_back("gpus-per-node", fmt::format("{}", point.step.gpus_per_node));
    }
    const bool beside = point.database && !point.database->as_job;
    if (beside) {
        // As many CPUs as tasks need would be too few for it, and lie apart.
        options.emplace_back("exclusive", "");
    }
    if (beside && !point.database->hosts.empty()) {
        std::string hosts;
        for (const std::string& host : point.database->hosts) {
            hosts += (hosts.empty() ? "" : ",") + host;
        }
        options.emplace_back("nodelist", hosts);
    }
    if (point.time_limit_s > 0) {
        options.emplace_back("time", time_text(point.time_limit_s));
    }
    // The sweep submits a point again itself, with a directory for each attempt.
    if (context.settings.find("requeue") == nullptr) {
        options.emplace_back("no-requeue", "");
    }
    return options;
}

std::string with_point(std::string value, const std::string& id) {
    for (std::size_t at = 0; (at = value.find("{point}", at)) != std::string::npos; at += id.size()) {
        value.replace(at, 7, id);
    }
    return value;
}

Result<std::string> line(const std::string& name, const std::string& value) {
    const Result<std::string> word = sbatch_word(value);
    if (!word) {
        return fail("--{}: {}", name, word.error().message);
    }
    return "#SBATCH --" + name + (value.empty() ? "" : "=" + *word) + "\n";
}

}  // namespace

Result<std::string> sbatch_lines(const Battery& battery, const Point& point, const ScriptContext& context) {
    const BatchSettings& settings = context.settings;
    Options all = needs(battery, point, context);
    for (auto& [name, value] : all) {
        const std::string* wanted = settings.find(name);
        value = wanted != nullptr ? *wanted : value;
    }
    const std::size_t own = all.size();
    for (const auto& [name, value] : settings.options) {
        const auto is_same = [&name = name](const auto& option) { return option.first == name; };
        if (std::none_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(own), is_same)) {
            all.emplace_back(name, value);
        }
    }
    std::string text;
    for (const auto& [name, value] : all) {
        const Result<std::string> one = line(name, with_point(value, point.id));
        if (!one) {
            return with_hint(fail("point {}: {}", point.id, one.error().message), one.error().hint);
        }
        text += *one;
    }
    return text;
}

}  // namespace inferstep::sweep
