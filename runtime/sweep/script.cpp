#include "sweep/script.hpp"

#include "core/log.hpp"
#include "core/shell.hpp"
#include "sweep/script_parts.hpp"

namespace inferstep::sweep {
namespace {

// What a comment may show of a user's text.
std::string title(const Battery& battery, const Point& point) {
    std::string text = fmt::format("# Point {} of the battery {}", point.id, printable(battery.name));
    for (std::size_t i = 0; i < point.parameters.size(); ++i) {
        const auto& [name, value] = point.parameters[i];
        text += fmt::format("{}{}={}", i == 0 ? ": " : ", ", printable(name), printable(value));
    }
    return text + fmt::format("; repeat {}{}.", point.repeat, point.warmup ? ", a warm-up" : "");
}

Result<std::string> environment(const Point& point, const ScriptContext& context) {
    std::string text =
        "# Environment of the point\n"
        "export INFER_OUTDIR=\"$point/records\"  # where steps and databases leave their records\n"
        "export INFER_POINT=" +
        shell_word(point.id) + "\n";
    if (!context.step_nodes.empty()) {  // other points may run on the others
        text += "export INFER_NODES=" + shell_word(fmt::format("{}", fmt::join(context.step_nodes, ","))) + "\n";
    }
    for (const auto& [name, value] : point.environment) {
        if (!is_variable_name(name)) {
            return fail("point {}: '{}' cannot be the name of a variable; give letters, digits and _", point.id,
                        printable(name));
        }
        text += "export " + name + "=" + shell_word(value) + "\n";
    }
    return text;
}

std::string preparation(const BatchSettings& settings) {
    std::string text;
    if (!settings.pre_exec.empty()) {
        text += "\n# Before the command\n";
        for (const std::string& lines : settings.pre_exec) {
            text += lines + (lines.ends_with('\n') ? "" : "\n");
        }
    }
    if (!settings.python_venv.empty()) {
        text += "\n# Python's environment\n. " + shell_word(settings.python_venv + "/bin/activate") + " || exit\n";
    }
    return text;
}

}  // namespace

Result<std::string> point_script(const Battery& battery, const Point& point, const ScriptContext& context) {
    if (Status s = check_words(battery, point, context); !s) {
        return s.error();
    }
    if (Status s = context.where == Where::kBatch ? check_settings(context.settings, point) : Status::ok(); !s) {
        return s.error();
    }
    const Result<std::string> sbatch =
        context.where == Where::kBatch ? sbatch_lines(battery, point, context) : Result<std::string>("");
    if (!sbatch) {
        return sbatch.error();
    }
    const Result<std::string> variables = environment(point, context);
    if (!variables) {
        return variables.error();
    }
    const Result<std::string> database = database_functions(point, context);
    if (!database) {
        return database.error();
    }
    std::string text = "#!/bin/bash\n" + *sbatch + "\n" + title(battery, point) + "\n";
    text += "# It can be run by hand: bash run.sh [DIRECTORY FOR THE RESULTS]\n\n";
    text += frame(battery, point, context, *database) + "\n";
    text += *variables + preparation(context.settings) + database_part(point, context) + note_part();
    text += point.command.empty() ? script_part(point) : command_part(point, context);
    return text + "step=$!\nwait \"$step\"\n";
}

}  // namespace inferstep::sweep
