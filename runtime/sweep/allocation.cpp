#include "sweep/allocation.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/process.hpp"
#include "core/text.hpp"
#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kAnswerMs = 20'000;            // a busy controller answers late
constexpr long kFirstSpecial = 0xfffffff0L;  // steps from here on are scripts of the job, not steps in it

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

bool inside_step() {
    const std::string step = variable("SLURM_STEP_ID");
    const Result<long> number = parse_number("SLURM_STEP_ID", step, 0, 0xffffffffL);
    return number && *number < kFirstSpecial;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

// "Key=value" among the words of scontrol.
std::string value_of(const std::string& text, const std::string& key) {
    for (const std::string& line : split(text, '\n')) {
        for (const std::string& word : split(line, ' ')) {
            if (word.starts_with(key + "=")) {
                return word.substr(key.size() + 1);
            }
        }
    }
    return "";
}

Status hosts_are_in(const Allocation& allocation, const Point& point, const std::vector<std::string>& hosts) {
    std::vector<std::string> missing;
    for (const std::string& host : hosts) {
        if (std::find(allocation.nodes.begin(), allocation.nodes.end(), host) == allocation.nodes.end()) {
            missing.push_back(host);
        }
    }
    if (missing.empty()) {
        return Status::ok();
    }
    return with_hint(
        fail("point {} wants {}, which the allocation {} has not", point.id, joined(missing), allocation.job),
        fmt::format("it has {}", joined(allocation.nodes)));
}

}  // namespace

bool inside_allocation() {
    return all_digits(variable("SLURM_JOB_ID")) && !variable("SLURM_JOB_NODELIST").empty() && !inside_step();
}

Result<std::vector<std::string>> expand_hosts(const std::string& list) {
    if (list.find('[') == std::string::npos) {
        return split(list, ',');
    }
    const Result<Captured> answer = run_capture({"scontrol", "show", "hostnames", list}, kAnswerMs);
    if (!answer) {
        return answer.error();
    }
    std::vector<std::string> names = split(answer->out, '\n');
    std::erase(names, "");
    if (answer->exit_code != 0 || names.empty()) {
        return fail("scontrol cannot expand the list of nodes '{}'", list);
    }
    return names;
}

Result<Allocation> read_allocation() {
    if (!inside_allocation()) {
        return with_hint(
            fail("there is no allocation here: SLURM_JOB_ID and SLURM_JOB_NODELIST are not set, or this is "
                 "a step"),
            "start inside salloc or a batch script, or say --where=batch");
    }
    Result<std::vector<std::string>> nodes = expand_hosts(variable("SLURM_JOB_NODELIST"));
    if (!nodes) {
        return nodes.error();
    }
    return Allocation{variable("SLURM_JOB_ID"), std::move(*nodes)};
}

Result<Wish> wish_of(const Point& point) {
    Wish wish;
    wish.step_nodes = point.step.nodes;
    for (const std::string& option : point.step.options) {
        const std::size_t value = option.starts_with("--nodelist=") ? 11 : option.starts_with("-w") ? 2 : 0;
        if (value == 0) {
            continue;
        }
        Result<std::vector<std::string>> hosts = expand_hosts(option.substr(value));
        if (!hosts) {
            return hosts.error();
        }
        wish.step_hosts = std::move(*hosts);
    }
    if (point.database && !point.database->as_job) {
        wish.database_nodes = point.database->nodes;
        wish.database_hosts = point.database->hosts;
    }
    return wish;
}

Status check_allocation(const Allocation& allocation, const std::vector<Point>& points) {
    const Placer placer(allocation.nodes);
    for (const Point& point : points) {
        const Result<Wish> wish = wish_of(point);
        if (!wish) {
            return wish.error();
        }
        for (const std::vector<std::string>* hosts : {&wish->step_hosts, &wish->database_hosts}) {
            if (Status s = hosts_are_in(allocation, point, *hosts); !s) {
                return s;
            }
        }
        if (!placer.fits(*wish)) {
            return fail(
                "point {} needs {} nodes{}, and the allocation {} has {}", point.id,
                wish->step_nodes + wish->database_nodes,
                wish->database_nodes > 0 ? fmt::format(" ({} of them for its database)", wish->database_nodes) : "",
                allocation.job, allocation.nodes.size());
        }
    }
    return Status::ok();
}

AllocationNow look_at_allocation(const std::string& job) {
    AllocationNow now;
    const Result<Captured> answer = run_capture({"scontrol", "--oneliner", "show", "job", job}, kAnswerMs);
    if (!answer) {
        return now;
    }
    now.state = value_of(answer->out, "JobState");
    const bool unknown = answer->exit_code != 0 && answer->err.find("Invalid job id") != std::string::npos;
    now.running = unknown ? false : now.state.empty() || now.state == "RUNNING" || now.state == "SUSPENDED";
    const Result<std::vector<std::string>> nodes = expand_hosts(value_of(answer->out, "NodeList"));
    if (now.running && nodes) {
        now.nodes = *nodes;
    }
    return now;
}

void cancel_steps(const std::string& job, const std::vector<std::string>& nodes) {
    const Result<Captured> answer =
        run_capture({"squeue", "--steps", "--noheader", "--jobs=" + job, "--format=%i|%N"}, kAnswerMs);
    std::vector<std::string> words = {"scancel"};
    for (const std::string& line : split(answer ? answer->out : "", '\n')) {
        const std::vector<std::string> fields = split(line, '|');
        if (fields.size() != 2 || !all_digits(fields[0].substr(fields[0].find('.') + 1))) {
            continue;
        }
        const Result<std::vector<std::string>> used = expand_hosts(fields[1]);
        if (used && std::find_first_of(used->begin(), used->end(), nodes.begin(), nodes.end()) != used->end()) {
            words.push_back(fields[0]);
        }
    }
    if (words.size() > 1) {
        [[maybe_unused]] const Result<Captured> done = run_capture(words, kAnswerMs);
    }
}

}  // namespace inferstep::sweep
