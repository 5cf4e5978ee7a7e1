#include "sweep/database.hpp"

#include <cmath>
#include <vector>

#include "core/shell.hpp"

namespace inferstep::sweep {
namespace {

// How often it looks, and how long it waits for the end. Each look at a job asks the controller, so that is rarer.
constexpr const char* kCommon = R"(
# Why the database did not come up: what was seen here, and the first complaint of its log.
no_database() {
    local reason
    reason=$(sed -n '/^srun: .* Exited with/d; s/^.*error: //p' "$point/database.log" 2>/dev/null | head -n 1)
    echo "inferstep: error: the database did not come up: $1${reason:+: $reason}" >&2
    return 1
}
)";

// A step or a process: its own last words say that it is ready, and where.
constexpr const char* kStepWait = R"(    database_pid=$!
    local limit=$((SECONDS + ${INFER_DATABASE_WAIT:-300}))
    until database=$(sed -n 's/^ready \([^ ]*\) .*/\1/p' "$point/database.log" 2>/dev/null) && [ -n "$database" ]; do
        if ! kill -0 "$database_pid" 2>/dev/null; then
            wait "$database_pid"
            no_database "it ended with $?"
            return
        fi
        if [ "$SECONDS" -ge "$limit" ]; then
            no_database "it was not ready after ${INFER_DATABASE_WAIT:-300} s"
            return
        fi
        sleep 0.1
    done
    echo "$database" >"$point/database.step"
    export INFER_ATTACH=$database
}
)";

// scancel lets it end in good order where a signal to srun would kill it.
constexpr const char* kStepEnd = R"(
end_database() {
    [ -n "${database_pid-}" ] || return 0
    %TERM%
    local limit=$((SECONDS + 60))
    while kill -0 "$database_pid" 2>/dev/null && [ "$SECONDS" -lt "$limit" ]; do sleep 0.1; done
    kill -KILL "$database_pid" 2>/dev/null
    wait "$database_pid" 2>/dev/null
    database_pid=
}
)";

// Out of a job, sbatch would hand that job's sizes on to the new one. What it is to have of it stands in our words.
constexpr const char* kJobSubmit =
    R"(    set -- ${SLURM_JOB_ACCOUNT:+"--account=$SLURM_JOB_ACCOUNT"} ${SLURM_JOB_PARTITION:+"--partition=$SLURM_JOB_PARTITION"}
    database=$(
        for name in $(compgen -e); do
            case $name in SLURM_CONF | SLURM_CLUSTERS) ;; SLURM_* | SRUN_* | SBATCH_*) unset "$name" ;; esac
        done
        exec %SUBMIT%
    ) || {
        no_database "it could not be submitted"
        return
    }
    echo "$database" >"$point/database.step"
    local limit=$((SECONDS + ${INFER_DATABASE_WAIT:-3600})) looked=$SECONDS
    until %PROGRAM% db address "$database" >/dev/null 2>&1; do
        if [ $((SECONDS - looked)) -ge 5 ]; then
            looked=$SECONDS
            if ! database_lives; then
                no_database "its job ${database%.*} ended"
                return
            fi
        fi
        if [ "$SECONDS" -ge "$limit" ]; then
            no_database "its job ${database%.*} was not ready after ${INFER_DATABASE_WAIT:-3600} s"
            return
        fi
        sleep 0.5
    done
    export INFER_ATTACH=$database
}

# Is its job known, waiting or running? A controller that does not answer has not said no.
database_lives() {
    local state
    state=$(squeue --noheader --jobs="${database%.*}" --format=%T 2>&1) && { [ -n "$state" ] && return; return 1; }
    case $state in *'Invalid job id'*) return 1 ;; esac
}

end_database() {
    [ -n "${database-}" ] || return 0
    scancel "${database%.*}"
    local limit=$((SECONDS + 60))
    while database_lives && [ "$SECONDS" -lt "$limit" ]; do sleep 0.5; done
    database=
}
)";

constexpr const char* kNextLine = " \\\n            ";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
        text.replace(at, what.size(), by);
    }
    return text;
}

std::string host_list(const DatabaseShape& database) { return fmt::format("{}", fmt::join(database.hosts, ",")); }

// What `db standard` is given, whoever starts it.
std::string standard_options(const DatabaseShape& database) {
    std::vector<std::string> words = database.options;
    if (database.cpus_per_node > 0) {
        words.push_back(fmt::format("--db-cpus={}", database.cpus_per_node));
    }
    std::string text;
    for (const std::string& word : words) {
        text += shell_word(word) + kNextLine;
    }
    return text + "--outdir=\"$INFER_OUTDIR\"";
}

std::vector<std::string> sizes(const DatabaseShape& database) {
    std::vector<std::string> words = {fmt::format("--nodes={}", database.nodes), "--ntasks-per-node=1"};
    if (database.cpus_per_node > 0) {
        words.push_back(fmt::format("--cpus-per-task={}", database.cpus_per_node));
    }
    if (!database.hosts.empty()) {
        words.push_back("--nodelist=" + host_list(database));
    }
    return words;
}

std::string started(const std::string& command, const std::string& then) {
    return "\nbegin_database() {\n    " + command + kNextLine + "</dev/null >\"$point/database.log\" 2>&1 &\n" + then +
           kStepWait;
}

std::string as_process(const DatabaseShape& database, const DatabasePlace& place) {
    return started(shell_word(place.program) + " db standard" + kNextLine + standard_options(database),
                   "    echo \"local.$!\" >\"$point/database.step\"\n") +
           replaced(kStepEnd, "%TERM%", "kill -TERM \"$database_pid\" 2>/dev/null");
}

std::string as_step(const DatabaseShape& database, const DatabasePlace& place) {
    std::vector<std::string> words = {"srun", "--job-name=database", fmt::format("--ntasks={}", database.nodes)};
    const std::vector<std::string> more = sizes(database);
    words.insert(words.end(), more.begin(), more.end());
    const std::string where = database.hosts.empty() ? " ${database_nodes:+--nodelist=\"$database_nodes\"}" : "";
    return started(shell_words(words) + where + " \\\n        " + shell_word(place.program) + " db standard" +
                       kNextLine + standard_options(database),
                   "") +
           replaced(kStepEnd, "%TERM%",
                    "if [ -n \"${database-}\" ]; then scancel --signal=TERM \"$database\"; "
                    "else kill -TERM \"$database_pid\"; fi 2>/dev/null");
}

std::string as_job(const DatabaseShape& database, const DatabasePlace& place) {
    std::vector<std::string> words = sizes(database);
    if (place.time_limit_s > 0) {
        words.push_back(fmt::format("--time={:.0f}", std::ceil(place.time_limit_s / 60)));  // in minutes
    }
    words.insert(words.end(), database.batch_options.begin(), database.batch_options.end());
    const std::string submit = shell_word(place.program) + " db submit" + kNextLine + standard_options(database) +
                               " -- \\\n            \"$@\" " + shell_words(words) +
                               " --output=\"$point/database.log\" --open-mode=append 2>>\"$point/database.log\"";
    return "\nbegin_database() {\n" +
           replaced(replaced(kJobSubmit, "%SUBMIT%", submit), "%PROGRAM%", shell_word(place.program));
}

}  // namespace

Result<std::string> database_lines(const DatabaseShape& database, const DatabasePlace& place) {
    if (!place.local) {
        return kCommon + (database.as_job ? as_job(database, place) : as_step(database, place));
    }
    if (database.as_job || database.nodes > 1 || !database.hosts.empty()) {
        return fail("without Slurm a database has one node, this one, and neither hosts nor a job of its own");
    }
    return kCommon + as_process(database, place);
}

}  // namespace inferstep::sweep
