// inferstep sweep: a battery of points, planned or run; its ready-made batteries.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>

#include "cli/sweep_arguments.hpp"
#include "core/log.hpp"
#include "sweep/battery_file.hpp"
#include "sweep/matrix.hpp"
#include "sweep/preview.hpp"
#include "sweep/ready.hpp"
#include "sweep/ready_pipeline.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/status.hpp"
#include "sweep/tree.hpp"

namespace inferstep::cli {
namespace {

using sweep::Battery;
using sweep::Count;
using sweep::Point;

constexpr std::size_t kRowsOnTerminal = 40;

// Of inferstep stage.
constexpr std::pair<const char*, const char*> kPipelines[] = {
    {sweep::kStrongKind, "A language model over more and more stages, the same prompts"},
    {sweep::kWeakKind, "A language model over more and more stages, as many more prompts"},
    {sweep::kBatchKind, "A language model with larger and larger batches"},
    {sweep::kOptimizationKind, "What KV cache, groups in flight, int8 and int4 each bring a language model"},
    {sweep::kPartitionsKind, "A language model with its layers divided in several ways"}};

// What is planned or run: the battery, and its points in running order.
struct Chosen {
    Battery battery;
    Count count;
    std::vector<Point> points;
};

Result<Chosen> choose(Battery battery, const Count& count) {
    Result<std::vector<Point>> points = sweep::make_points(battery);
    if (!points) {
        return points.error();
    }
    Chosen chosen{std::move(battery), count, {}};
    for (const std::size_t index : sweep::running_order(chosen.battery, points->size())) {
        chosen.points.push_back(std::move((*points)[index]));
    }
    return chosen;
}

// So many points are a mistake more often than not. Who cannot be asked must have said --yes.
Status confirm(const SweepArguments& a, const Battery& battery, const Count& count) {
    if (count.points <= sweep::kManyPoints || a.yes) {
        return Status::ok();
    }
    const std::string many = fmt::format("battery {} has {} points ({})", battery.name, count.points, count.why);
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return with_hint(fail("{}, and nobody can be asked whether all are meant", many), "--yes says so");
    }
    std::fprintf(stderr, "%s. Go on? [y/N] ", many.c_str());
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "yes" ? Status::ok() : Status(fail("{}, which are not wanted", many));
}

std::size_t terminal_width() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int preview(const SweepArguments& a, Chosen& chosen) {
    const Result<sweep::BatchSettings> settings = batch_settings(a.slurm, chosen.battery);
    if (!settings) {
        print_error(settings.error());
        return 2;
    }
    sweep::Plan plan = sweep::make_plan(chosen.battery, chosen.count, chosen.points, a.results, *where_of(a));
    // What no script could be written for shows here already.
    if (const Result<std::string> scripts = scripts_text(*settings, chosen.battery, chosen.points, plan.where);
        !scripts && plan.possible) {
        plan.notes.push_back(scripts.error().message);
    }
    sweep::set_run_directory(chosen.points, "{run_dir}");
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const std::string text = a.json ? sweep::plan_json(chosen.battery, plan, chosen.points).dump() + "\n"
                                    : sweep::plan_text(chosen.battery, plan, chosen.points,
                                                       terminal ? terminal_width() : 0, terminal ? kRowsOnTerminal : 0);
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
        print_error(fail("cannot write the plan: {}", std::strerror(errno)));
        return 1;
    }
    return 0;
}

int work(const SweepArguments& a, Result<Battery> battery) {
    const Status right = check_arguments(a);
    if (!right || !battery) {
        print_error(right ? battery.error() : right.error());
        return 2;
    }
    const Result<Count> count = sweep::count_points(*battery);
    if (!count) {
        print_error(count.error());
        return 2;
    }
    if (Status s = confirm(a, *battery, *count); !s) {
        print_error(s.error());
        return 2;
    }
    Result<Chosen> chosen = choose(std::move(*battery), *count);
    if (!chosen) {
        print_error(chosen.error());
        return 2;
    }
    if (a.dry_run) {
        return preview(a, *chosen);
    }
    return run(a, chosen->battery, std::move(chosen->points));
}

// The battery that lies with a run, and belongs to the folder where that began.
Result<Battery> battery_of_run(const SweepArguments& a) {
    const Result<std::string> run =
        a.resume->empty() ? sweep::newest_run(a.results, "") : Result<std::string>(*a.resume);
    const Result<sweep::RunRecord> record = run ? sweep::read_run_record(*run) : run.error();
    if (!record) {
        return record.error();
    }
    Result<Battery> battery = sweep::read_battery({*run + "/" + sweep::kBatteryFile}, settings_of(a));
    if (battery) {
        battery->folder = record->folder;
    }
    return battery;
}

int sweep_files(const SweepArguments& a) {
    if (a.files.empty() && a.resume) {
        Result<Battery> battery = battery_of_run(a);
        return work(a, std::move(battery));
    }
    if (a.files.empty()) {
        print_error(
            with_hint(fail("no battery is named"), "inferstep sweep -c FILE, or inferstep sweep inference-colocated"));
        return 2;
    }
    return work(a, sweep::read_battery(a.files, settings_of(a)));
}

using MakeReady = std::function<Result<sweep::ReadyBattery>(const std::vector<std::string>& words)>;

int sweep_ready(const SweepArguments& a, const MakeReady& make, const char* kind,
                const std::vector<std::string>& words) {
    std::vector<std::string> flags = words;
    if (a.where != "auto") {  // what cannot be there is told at once
        flags.emplace_back(a.where == "local" ? "--launcher=local" : "--launcher=slurm");
    }
    const Result<sweep::ReadyBattery> ready = make(flags);
    if (!ready) {
        print_error(ready.error());
        return 2;
    }
    for (const std::string& note : ready->notes) {
        print_warning(note);
    }
    SweepArguments with_launcher = a;
    if (a.where == "auto") {
        with_launcher.where = ready->where;
    }
    return work(with_launcher, sweep::parse_battery(sweep::battery_text(ready->battery), kind, settings_of(a)));
}

void add_ready(CLI::App& parent, Outcome& outcome, const char* kind, const char* help, const MakeReady& make,
               const std::function<std::string()>& flags) {
    CLI::App* ready = parent.add_subcommand(kind, help);
    std::string theirs = kind;  // as SmartSim-Scaling's driver has it
    std::replace(theirs.begin(), theirs.end(), '-', '_');
    ready->alias(theirs);
    auto a = std::make_shared<SweepArguments>();
    add_running_options(*ready, *a);
    ready->allow_extras();  // the battery's own flags, which its maker reads
    ready->footer(flags);
    ready->callback([=, &outcome] { outcome.exit_code = sweep_ready(*a, make, kind, ready->remaining()); });
}

}  // namespace

void add_sweep(CLI::App& app, Outcome& outcome) {
    CLI::App* command =
        app.add_subcommand("sweep", "Run a battery: a command with every combination of its parameters");
    auto a = std::make_shared<SweepArguments>();
    command->add_option("-c,--config", a->files, "battery file, YAML or JSON; a later one goes over those before")
        ->expected(1)
        ->take_all()
        ->type_name("FILE");
    add_running_options(*command, *a);
    command->callback([=, &outcome] {
        if (command->get_subcommands().empty()) {
            outcome.exit_code = sweep_files(*a);
        }
    });
    add_sweep_status(*command, outcome);
    add_ready(*command, outcome, sweep::kColocatedKind, "Inference with databases beside the clients of each node",
              sweep::colocated_battery, sweep::colocated_help);
    add_ready(*command, outcome, sweep::kStandardKind, "Inference with one database on nodes of its own",
              sweep::standard_battery, sweep::standard_help);
    for (const auto& [kind, help] : kPipelines) {
        add_ready(
            *command, outcome, kind, help,
            [kind = kind](const auto& words) { return sweep::pipeline_battery(kind, words); },
            [kind = kind] { return sweep::pipeline_help(kind); });
    }
}

}  // namespace inferstep::cli
