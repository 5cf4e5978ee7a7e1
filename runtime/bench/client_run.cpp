#include "bench/client_run.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "bench/client_loop.hpp"
#include "bench/client_report.hpp"
#include "core/clock.hpp"
#include "core/cpulist.hpp"
#include "core/log.hpp"
#include "core/version.hpp"

namespace inferstep {
namespace {

std::string text_of(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr ? value : "";
}

std::string utc_time() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void log_start(RankRecord& record, const ClientOptions& options, const RankSummary& summary) {
    std::string command;
    for (const std::string& word : options.command) {
        command += (command.empty() ? "" : " ") + word;
    }
    CpuSet mask;
    get_affinity(0, mask);
    Json placement = Json::object();
    placement.set("node", summary.id.node).set("node_index", summary.id.node_index);
    placement.set("local_rank", summary.id.local_rank).set("cpus", cpu_list(mask));
    placement.set("instance", summary.instance).set("endpoint", summary.endpoint);
    record.log("schema", "inferstep-rank/1");
    record.log("time", utc_time());
    record.log("command", command);
    record.log("versions", version_json());
    record.log("placement", placement);
}

// The databases' records go where ours are: the supervisor reads this file at the end of the step.
Status announce(const std::string& directory) {
    const std::string state = text_of("INFER_STATE_DIR");
    return state.empty() ? Status::ok() : write_file(state + "/outdir", directory);
}

Status print(const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? Status::ok() : Status(fail("cannot write the summary to the standard output"));
}

// Rank 0: what all ranks found. False when that is not good.
Result<bool> report_all(const ClientOptions& options, const std::string& directory, int ranks) {
    const auto report = collect_report(directory, ranks, options.patience);
    if (!report) {
        return report.error();
    }
    const Json json = report_json(*report, options, directory);
    if (Status s = write_file(directory + "/summary.json", json.dump() + "\n"); !s) {
        return s.error();
    }
    const std::string text = options.json ? json.dump() + "\n" : report_text(*report, options, directory);
    if (Status s = print(text); !s) {
        return s.error();
    }
    if (report->missing > 0) {
        print_warning(fmt::format("{} of {} ranks left no summary in {}", report->missing, ranks, directory));
    }
    return report->good();
}

// The measured work with its records. The error is one of the records; what went wrong in the work is in the summary.
Status work(const ClientOptions& options, RankRecord& record, RankSummary& summary, std::int64_t began_ns) {
    log_start(record, options, summary);
    ClientLoop loop(options, record, summary);
    if (const Status s = loop.run(); !s) {
        summary.error = s.error().message;
        record.log("error", s.error().message);
        print_error(s.error());
    }
    if (summary.wrong > 0) {
        print_error(fail("{} of {} outputs differ from the in-process forward by more than {:.2g}", summary.wrong,
                         summary.compared, options.tolerance));
    }
    record.row("main()", seconds_since(began_ns));
    return record.finish(rank_json(summary, loop.samples()));
}

int run_client(const ClientOptions& options, const StepIdentity& id, std::int64_t began_ns) {
    if (id.ranks > 1) {
        set_log_name(fmt::format("inferstep: rank {}", id.rank));
    }
    auto record = RankRecord::create(options.outdir, id);
    if (!record) {
        print_error(record.error());
        return 1;
    }
    if (id.local_rank == 0) {
        if (Status s = announce(record->directory()); !s) {
            print_warning(s.error().message + ": the databases will leave no records");
        }
    }
    RankSummary summary;
    summary.id = id;
    summary.endpoint = options.endpoint;
    summary.instance = text_of("INFER_INSTANCE");
    summary.batch_size = options.batch_size;
    bool good = true;
    if (Status s = work(options, *record, summary, began_ns); !s) {
        print_error(s.error());
        good = false;
    }
    good = good && summary.error.empty() && summary.wrong == 0;
    if (id.rank == 0) {
        const auto all_good = report_all(options, record->directory(), id.ranks);
        if (!all_good) {
            print_error(all_good.error());
        }
        good = good && all_good && *all_good;
    }
    return good ? 0 : 1;
}

// Wait for every child; the largest exit code, 128 + signal for one that a signal ended.
int wait_for_all(const std::vector<pid_t>& children) {
    int worst = 0;
    for (const pid_t child : children) {
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        worst = std::max(worst, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return worst;
}

}  // namespace

Result<int> run_clients(const ClientOptions& options, const StepIdentity& id, std::int64_t began_ns) {
    if (options.clients_per_node == 0) {
        return run_client(options, id, began_ns);
    }
    if (options.clients_per_node % id.local_ranks != 0) {
        return fail("--clients-per-node={} cannot be shared equally by the {} tasks of node {}",
                    options.clients_per_node, id.local_ranks, id.node);
    }
    const int share = options.clients_per_node / id.local_ranks;
    const pid_t parent = getpid();
    std::vector<pid_t> children;
    for (int i = 0; i < share; ++i) {
        StepIdentity mine = id;
        mine.local_rank = id.local_rank * share + i;
        mine.local_ranks = options.clients_per_node;
        mine.rank = id.node_index * options.clients_per_node + mine.local_rank;
        mine.ranks = id.nodes * options.clients_per_node;
        const pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            // The parent may have died before that; its place is then taken by another process.
            const int code = getppid() == parent ? run_client(options, mine, began_ns) : 1;
            std::fflush(stdout);
            _exit(code);
        }
        if (child < 0) {
            print_error(fail("cannot start client {} of this task: {}", i, std::strerror(errno)));
            for (const pid_t started : children) {
                kill(started, SIGTERM);
            }
            wait_for_all(children);
            return 1;
        }
        children.push_back(child);
    }
    return wait_for_all(children);
}

}  // namespace inferstep
