#include "cli/sweep_arguments.hpp"

#include "core/log.hpp"
#include "core/words.hpp"
#include "sweep/run.hpp"

namespace inferstep::cli {
namespace {

struct Key {
    const char* option;
    const char* key;
    std::string SweepArguments::*value;
};
constexpr Key kKeys[] = {{"--repeats", "repeats", &SweepArguments::repeats},
                         {"--warmups", "warmups", &SweepArguments::warmups},
                         {"--order", "order", &SweepArguments::order},
                         {"--seed", "seed", &SweepArguments::seed},
                         {"--time-limit", "time_limit", &SweepArguments::time_limit},
                         {"--on-failure", "on_failure", &SweepArguments::on_failure}};

void add_battery_options(CLI::App& command, SweepArguments& a) {
    command.add_option("--set", a.set, "a key of the battery, such as repeats=5 or matrix.nodes=[1,2]")
        ->expected(1)
        ->take_all()
        ->type_name("KEY=VALUE");
    command.add_option("--repeats", a.repeats, "how often each point runs")->type_name("N");
    command.add_option("--warmups", a.warmups, "runs of each point before, which do not count")->type_name("N");
    command.add_option("--order", a.order, "of running")->type_name("listed|random");
    command.add_option("--seed", a.seed, "of the random order")->type_name("N");
    command.add_option("--time-limit", a.time_limit, "of a point: 90 (seconds), 05:00, 01:30:00")->type_name("TIME");
    command.add_option("--on-failure", a.on_failure, "when a point fails")->type_name("continue|stop");
}

}  // namespace

void add_running_options(CLI::App& command, SweepArguments& a) {
    add_battery_options(command, a);
    command.add_option("--where", a.where, "where the points run (default: auto)")
        ->type_name("auto|local|allocation|batch");
    command.add_option("--parallel", a.parallel, "points at once, at most (default: auto, as many as fit)")
        ->type_name("N");
    command.add_option("--results", a.results, "folder of the results (default: results)")->type_name("DIR");
    command.add_option("--resume", a.resume, "go on with a run that was cut off (default: the battery's newest)")
        ->expected(0, 1)
        ->type_name("[RUN]");
    command.add_flag("--retry-failed", a.retry_failed, "with --resume: run points that failed again, too");
    command.add_flag("--dry-run", a.dry_run, "print what would run, and run nothing");
    command.add_flag("--json", a.json, "with --dry-run: as JSON");
    command.add_flag("--yes", a.yes, "do not ask about a battery of more than 10000 points");
    add_slurm_options(command, a.slurm);
}

std::vector<sweep::Setting> settings_of(const SweepArguments& a) {
    std::vector<sweep::Setting> settings;
    for (const std::string& setting : a.set) {
        settings.emplace_back(setting, "--set " + setting);
    }
    for (const Key& key : kKeys) {
        if (const std::string& value = a.*key.value; !value.empty()) {
            settings.emplace_back(fmt::format("{}={}", key.key, value), fmt::format("{}={}", key.option, value));
        }
    }
    return settings;
}

Result<std::optional<sweep::Where>> where_of(const SweepArguments& a) {
    if (a.where == "auto") {
        return std::optional<sweep::Where>();
    }
    const Result<std::size_t> where = parse_choice("--where", a.where, {"local", "allocation", "batch", "auto"});
    return where ? Result<std::optional<sweep::Where>>(static_cast<sweep::Where>(*where)) : where.error();
}

Status check_arguments(const SweepArguments& a) {
    if (a.json && !a.dry_run) {
        return fail("--json goes with --dry-run");
    }
    if (a.retry_failed && !a.resume) {
        return fail("--retry-failed goes with --resume");
    }
    if (a.dry_run && a.resume) {
        return with_hint(fail("--dry-run does not go with --resume"), "inferstep sweep status says what is left");
    }
    const Result<std::optional<sweep::Where>> where = where_of(a);
    return where ? Status::ok() : Status(where.error());
}

int run(const SweepArguments& a, const sweep::Battery& battery, std::vector<sweep::Point> points) {
    sweep::RunOptions options;
    options.where = *where_of(a);
    if (a.parallel != "auto") {
        const Result<long> parallel = parse_number("--parallel", a.parallel, 1, 100'000);
        if (!parallel) {
            print_error(parallel.error());
            return 2;
        }
        options.parallel = static_cast<int>(*parallel);
    }
    Result<sweep::BatchSettings> settings = batch_settings(a.slurm, battery);
    const Result<bool> shown =
        settings ? preview_only(*settings, battery, points, options.where.value_or(sweep::Where::kBatch))
                 : settings.error();
    if (!shown) {
        print_error(shown.error());
        return 2;
    }
    if (*shown) {
        return 0;
    }
    if (!settings->submit && !options.where) {
        options.where = sweep::Where::kBatch;
    }
    options.settings = std::move(*settings);
    options.resume = a.resume;
    options.retry_failed = a.retry_failed;
    options.results = a.results;
    const Result<int> code = sweep::run_sweep(battery, std::move(points), options);
    if (!code) {
        print_error(code.error());
        return 1;
    }
    return *code;
}

}  // namespace inferstep::cli
