// Around what a point is about: the script's begin and end, its database, and the note of its environment.
#include "core/shell.hpp"
#include "sweep/database.hpp"
#include "sweep/script_parts.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

std::string list_of(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ",")); }

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
    return fmt::format(
        "step_nodes=$({0}{1}head -n {2} | paste -sd,)\nexport INFER_NODES=$step_nodes\ndatabase_nodes={3}\n", names,
        mine, point.step.nodes,
        filter.empty() ? fmt::format("$({}tail -n +{} | head -n {} | paste -sd,)", names, point.step.nodes + 1,
                                     point.database->nodes)
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

}  // namespace

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
if [ -s "$point/end" ]; then
    echo "run.sh: error: $point holds a point that has ended, which is not run over; give another directory" >&2
    exit 2
fi
[ -d "$point/records" ] || mkdir -p "$point/records" || exit

{2}# However it ends, this is written down last, in one piece: exit code, begin and end. No end of line, no end.
begin=${{EPOCHREALTIME:-$(date +%s.%N)}}
step=
finish() {{
    local code=$? now
    trap '' HUP INT TERM
{3}    now=${{EPOCHREALTIME:-$(date +%s.%N)}}
    printf '%s %s %s\n' "$code" "${{begin/,/.}}" "${{now/,/.}}" >"$point/end"
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

}  // namespace inferstep::sweep
