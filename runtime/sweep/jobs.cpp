#include "sweep/jobs.hpp"

#include <algorithm>
#include <ctime>
#include <numeric>

#include "core/process.hpp"
#include "core/text.hpp"
#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kSbatchMs = 120'000;  // a busy controller answers late
constexpr int kAnswerMs = 60'000;

// Words in what sbatch says when it is not the job that is wrong.
constexpr std::string_view kLater[] = {"limit",          "temporarily",       "timed out", "Unable to contact",
                                       "not responding", "Connection refused"};

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

template <std::size_t N>
bool is_one_of(std::string_view state, const std::string_view (&states)[N]) {
    // sacct says "CANCELLED by 1000".
    return std::find(std::begin(states), std::end(states), state.substr(0, state.find(' '))) != std::end(states);
}

// "2026-11-21T20:15:02" of this machine's time zone, which is how Slurm prints; 0 for "N/A" and "Unknown".
double seconds_of(const std::string& text) {
    std::tm local{};
    if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &local) == nullptr) {
        return 0;
    }
    local.tm_isdst = -1;
    return static_cast<double>(std::mktime(&local));
}

std::string one_line(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \n");
    return first == std::string::npos ? "it says nothing" : text.substr(first, text.find('\n', first) - first);
}

}  // namespace

Result<std::string> submit_job(const std::string& script, bool& later) {
    later = false;
    const Result<Captured> answer = run_capture({"sbatch", "--parsable", script}, kSbatchMs);
    if (!answer) {
        return answer.error();
    }
    const std::string job = answer->out.substr(0, answer->out.find_first_of(";\n"));
    if (answer->exit_code == 0 && all_digits(job)) {
        return job;
    }
    later = std::any_of(std::begin(kLater), std::end(kLater),
                        [&](std::string_view word) { return contains(answer->err, word); });
    return fail("sbatch did not take the job: {}", one_line(answer->err));
}

std::map<std::string, Job> parse_jobs(const std::string& table) {
    std::map<std::string, Job> jobs;
    for (const std::string& line : split(table, '\n')) {
        const std::vector<std::string> fields = split(line, '|');
        if (fields.size() < 4 || !all_digits(fields[0])) {
            continue;
        }
        Job job{fields[0], fields[1], "", seconds_of(fields[2]), fields[3] == "None assigned" ? "" : fields[3], ""};
        if (fields.size() > 5) {  // a path may have a bar in it
            job.reason = fields[4];
            job.script = line.substr(std::accumulate(fields.begin(), fields.begin() + 5, std::size_t{5},
                                                     [](std::size_t n, const auto& f) { return n + f.size(); }));
        }
        jobs[job.id] = std::move(job);
    }
    return jobs;
}

Result<std::map<std::string, Job>> look_at_queue() {
    const Result<Captured> answer =
        run_capture({"squeue", "--me", "--all", "--states=all", "--noheader", "--format=%A|%T|%S|%N|%r|%o"}, kAnswerMs);
    if (!answer) {
        return answer.error();
    }
    if (answer->exit_code != 0) {
        return fail("squeue: {}", one_line(answer->err));
    }
    return parse_jobs(answer->out);
}

std::map<std::string, Job> look_at_accounting(const std::vector<std::string>& jobs) {
    std::string list;
    for (const std::string& job : jobs) {
        list += (list.empty() ? "" : ",") + job;
    }
    const Result<Captured> answer = run_capture({"sacct", "--allocations", "--noheader", "--parsable2",
                                                 "--jobs=" + list, "--format=JobIDRaw,State,Start,NodeList"},
                                                kAnswerMs);
    return parse_jobs(answer && answer->exit_code == 0 ? answer->out : "");
}

void cancel_jobs(const std::vector<std::string>& jobs, bool hard) {
    std::vector<std::string> words = {"scancel"};
    if (hard) {
        words.insert(words.end(), {"--full", "--signal=KILL"});
    }
    words.insert(words.end(), jobs.begin(), jobs.end());
    if (!jobs.empty()) {
        [[maybe_unused]] const Result<Captured> done = run_capture(words, kAnswerMs);
    }
}

bool is_over(std::string_view state) {
    constexpr std::string_view kStates[] = {"COMPLETED", "FAILED",    "TIMEOUT",  "CANCELLED",     "NODE_FAIL",
                                            "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REVOKED"};
    return is_one_of(state, kStates);
}

bool is_running(std::string_view state) {
    constexpr std::string_view kStates[] = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED"};
    return is_one_of(state, kStates);
}

bool is_in_vain(std::string_view reason) {
    constexpr std::string_view kReasons[] = {"PartitionNodeLimit", "PartitionTimeLimit", "BadConstraints",
                                             "PartitionDown",      "PartitionInactive",  "JobHeldUser",
                                             "JobHeldAdmin",       "ReqNodeNotAvail",    "InvalidAccount"};
    const auto begins = [&](std::string_view known) { return reason.substr(0, known.size()) == known; };
    return std::any_of(std::begin(kReasons), std::end(kReasons), begins);
}

bool is_blameless(std::string_view state) {
    constexpr std::string_view kStates[] = {"NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "REVOKED"};
    return is_one_of(state, kStates);
}

std::string_view point_state(std::string_view state) {
    constexpr std::string_view kTimes[] = {"TIMEOUT", "DEADLINE"};
    constexpr std::string_view kCancelled[] = {"CANCELLED"};
    return is_one_of(state, kTimes) ? "timeout" : is_one_of(state, kCancelled) ? "cancelled" : "failed";
}

}  // namespace inferstep::sweep
