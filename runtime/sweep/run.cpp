#include "sweep/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/step.hpp"
#include "db/events.hpp"
#include "sweep/allocation.hpp"
#include "sweep/batch_scripts.hpp"
#include "sweep/loop.hpp"
#include "sweep/matrix.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/prepare.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/status.hpp"

namespace inferstep::sweep {
namespace {

JournalEvent driver_event(const char* event, Where where, const std::string& job) {
    JournalEvent e{.event = event, .job = job};
    e.pid = getpid();
    e.host = host_name();
    e.where = word_of(where);
    return e;
}

struct Runners {
    std::unique_ptr<Runner> runner;
    std::string job;  // of the allocation
};

Result<Runners> make_runner(Where where, int parallel) {
    if (where == Where::kBatch) {
        return Runners{batch_runner(parallel), ""};
    }
    if (where == Where::kLocal) {
        return Runners{process_runner("", {}, parallel), ""};
    }
    const Result<Allocation> allocation = read_allocation();
    if (!allocation) {
        return allocation.error();
    }
    return Runners{process_runner(allocation->job, allocation->nodes, parallel), allocation->job};
}

// Scripts alone, for who wants to look at them or to submit them by hand; a later --resume collects what they left.
Status write_scripts(const Battery& battery, const std::vector<Point>& points, const std::string& run, Where where,
                     const std::string& program, const BatchSettings& settings) {
    for (const Point& point : points) {
        ScriptContext context;
        context.where = where;
        context.run = run;
        context.program = program;
        context.settings = settings;
        const Result<std::string> script = point_script(battery, point, context);
        if (!script) {
            return script.error();
        }
        const std::string directory = point_directory(run, point.id);
        Status made = make_point_folder(run, point.id);
        if (made) {
            made = write_file(directory + "/" + kScriptFile, *script, 0755);
        }
        if (!made) {
            return made;
        }
    }
    return Status::ok();
}

// The last lines: how it ended, and what to do next.
int say_farewell(const Loop& loop, const Run& run) {
    const std::string again = "`inferstep sweep --resume=" + run.directory;
    const std::size_t all = run.points.size();
    if (loop.signal() != 0) {
        std::string words =
            fmt::format("{} of {} points are done; {} goes on with the rest", loop.done(), all, again + "`");
        if (const std::vector<std::string> jobs = loop.jobs(); !jobs.empty()) {
            words += "; the jobs in Slurm's queue go on; `scancel";
            for (const std::string& job : jobs) {
                words += " " + job;
            }
            words += "` ends them";
        }
        print_warning(words);
        return 128 + loop.signal();
    }
    if (!loop.over().empty() && loop.left() > 0) {
        print_error(
            with_hint(fail("{}, with {} of {} points left", loop.over(), loop.left(), all), again + "` goes on"));
        return 1;
    }
    if (loop.failed() > 0) {
        const std::string first = point_directory(run.directory, run.points[loop.failures().front()].id) + "/";
        // Without a step, such as when its database did not come up, there is what the script said.
        const bool step = exists(first + kStderrFile);
        print_error(with_hint(
            fail("{} of {} points failed{}; see {}{}", loop.failed(), all,
                 loop.left() > 0 ? fmt::format(", {} left", loop.left()) : "", first, step ? kStderrFile : kScriptLog),
            again + " --retry-failed` runs them again"));
        return 1;
    }
    return loop.left() > 0 ? 1 : 0;
}

Result<int> drive(Run run) {
    std::printf("%s\n", run.directory.c_str());
    std::fflush(stdout);
    Result<UniqueFd> signals = take_step_signals();
    if (!signals) {
        return signals.error();
    }
    if (!run.work.prepared && !run.battery.prepare.empty()) {
        const Result<int> signal = run_prepare(run.battery, run.directory, *signals);
        if (!signal || *signal != 0) {
            return signal ? Result<int>(128 + *signal) : signal.error();
        }
        if (Status s = run.journal.add({.event = "prepared"}, true); !s) {
            return s.error();
        }
    }
    Loop loop(run, *signals);
    if (Status s = loop.run(); !s) {
        return with_hint(s.error(), fmt::format("what has ended is kept; make room, then `inferstep sweep --resume={}`",
                                                run.directory));
    }
    if (Status s = run.journal.add({.event = loop.signal() != 0 ? "interrupted" : "finished"}, true); !s) {
        return s.error();
    }
    if (run.where != Where::kLocal && loop.signal() == 0) {
        if (Status s = collect_accounting(run.directory); !s) {
            print_warning(s.error().message);
        }
    }
    return say_farewell(loop, run);
}

Result<int> begin(const Battery& battery, std::vector<Point>& points, const RunOptions& options,
                  const std::string& program) {
    const Where where = options.where.value_or(choose_where(points));
    if (Status s = options.settings.submit ? check_where(where, points) : Status::ok(); !s) {
        return s.error();
    }
    if (Status s = check_scripts_folder(battery, points, options.settings); !s) {
        return s.error();
    }
    const Result<std::string> run = make_run_folder(battery, points, where, options);
    if (!run) {
        return run.error();
    }
    Result<Journal> journal = Journal::create(*run + "/" + kJournalFile);
    if (!journal) {
        return journal.error();
    }
    set_run_directory(points, *run);
    Status ready = save_scripts(battery, points, {where, *run, program, {}, {}, options.settings});
    ready = ready && where == Where::kBatch ? make_log_folders(options.settings, battery) : ready;
    if (!ready) {
        return ready.error();
    }
    if (!options.settings.submit) {
        std::printf("%s\n", run->c_str());
        Status s = write_scripts(battery, points, *run, where, program, options.settings);
        return s ? Result<int>(0) : s.error();
    }
    Result<Runners> runner = make_runner(where, options.parallel);
    if (!runner) {
        return runner.error();
    }
    if (Status s = journal->add(driver_event("start", where, runner->job), true); !s) {
        return s.error();
    }
    return drive({battery, points, options, *run, where, program, std::move(*journal), std::move(runner->runner),
                  all_work(points.size())});
}

Result<int> go_on(const Battery& battery, std::vector<Point>& points, const RunOptions& options,
                  const std::string& program) {
    const std::string results = (std::filesystem::path(battery.folder) / options.results).string();
    const Result<std::string> found =
        options.resume->empty() ? newest_run(results, battery.name) : Result<std::string>(*options.resume);
    if (!found) {
        return found.error();
    }
    const std::string run = absolute_path(*found);
    const Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return record.error();
    }
    if (Status s = match_run(run, battery, points); !s) {
        return s.error();
    }
    set_run_directory(points, run);
    const Where where = resumed_where(record->where, points, options);
    if (Status s = check_where(where, points); !s) {
        return s.error();
    }
    Result<Journal> journal = Journal::take(run + "/" + kJournalFile);
    const Result<JournalText> text = read_journal(run + "/" + kJournalFile);
    if (!journal || !text) {
        return journal ? text.error() : journal.error();
    }
    if (!journal->torn().empty()) {
        print_warning(journal->torn());
    }
    Result<Runners> runner = make_runner(where, options.parallel);
    if (!runner) {
        return runner.error();
    }
    Result<Work> work = work_left(run, points, text->events, where, options.retry_failed, runner->job, *runner->runner);
    if (!work) {
        return work.error();
    }
    if (Status s = journal->add(driver_event("resume", where, runner->job), true); !s) {
        return s.error();
    }
    return drive({battery, points, options, run, where, program, std::move(*journal), std::move(runner->runner),
                  std::move(*work)});
}

}  // namespace

Result<int> run_sweep(const Battery& battery, std::vector<Point> points, const RunOptions& options) {
    std::error_code code;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe", code).string();
    return options.resume ? go_on(battery, points, options, program) : begin(battery, points, options, program);
}

}  // namespace inferstep::sweep
