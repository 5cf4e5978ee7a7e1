// Batteries written as files and read again, whoever made them.
#include "check.hpp"
#include "suites.hpp"
#include "sweep/battery_file.hpp"
#include "sweep/preview.hpp"
#include "sweep/ready.hpp"

namespace inferstep::test {
namespace {

using sweep::Battery;

constexpr const char* kEverything =
    "name: all\n"
    "kind: mine\n"
    "command: [run, '--n={n}', 'a \"b\" {{c}}', '', \"x\\ty\"]\n"
    "environment: {A: '{t}', B: 'None'}\n"
    "prepare: ['mkdir {run_dir}/x', [sh, -c, 'a; b']]\n"
    "matrix: {n: [1, 02], t: [' x ', 'a: b', '#', \"'\"]}\n"
    "exclude: [{n: 1, t: '#'}]\n"
    "include: [{n: 3, more: 'yes'}]\n"
    "repeats: 3\nwarmups: 2\norder: random\nseed: 9223372036854775807\n"
    "step: {nodes: '{n}', tasks_per_node: 2, cpus_per_task: 3, gpus_per_node: 4, options: ['--o={t}']}\n"
    "database: {nodes: 2, cpus_per_node: 8, hosts: [n1, n2], as_job: true, batch_options: ['--x'], options: "
    "['--p={n}']}\n"
    "time_limit: 1-02:03:04\nestimate: 1.5\non_failure: stop\n"
    "metrics:\n"
    "  - {name: a/s, unit: 1/s, regex: '^x: (\\d+)$', file: 'l*.log', reduce: mean, better: higher, required: no}\n"
    "  - {name: b, csv: b.csv, column: 'c d'}\n"
    "  - {name: c, json: r/c.json, member: a.0}\n"
    "report: {x: n, series: [t], rate: a/s, time: c, baseline: {n: 1}}\n"
    "slurm: {account: p, pre_exec: ['module load x']}\n";

// All that a battery is, as text: what it says, and every point that it makes.
std::string everything_of(const Battery& battery) {
    const auto count = sweep::count_points(battery);
    const auto points = sweep::make_points(battery);
    if (!count || !points) {
        return count ? points.error().message : count.error().message;
    }
    std::vector<sweep::Point> ordered;
    for (const std::size_t index : sweep::running_order(battery, points->size())) {
        ordered.push_back((*points)[index]);
    }
    const sweep::Plan plan = sweep::make_plan(battery, *count, ordered, "/nowhere", sweep::Where::kLocal);
    return sweep::battery_text(battery) + sweep::plan_json(battery, plan, ordered).dump();
}

void what_was_written_is_read_again() {
    const Result<Battery> first = sweep::parse_battery(kEverything, "f.yaml");
    if (!first) {
        CHECK_EQ(first.error().message, "");
        return;
    }
    CHECK_EQ(first->text, kEverything);
    const std::string text = sweep::battery_text(*first);
    const Result<Battery> second = sweep::parse_battery(text, "again.yaml");
    if (!second) {
        CHECK_EQ(second.error().message, text);
        return;
    }
    CHECK_EQ(everything_of(*second), everything_of(*first));
    for (const char* key : {"name",       "kind",     "command",    "environment", "prepare", "matrix", "exclude",
                            "include",    "repeats",  "warmups",    "order",       "seed",    "step",   "database",
                            "time_limit", "estimate", "on_failure", "metrics",     "report",  "slurm"}) {
        CHECK_IN(key, second->source->find(key) != nullptr);
    }
    CHECK_EQ(second->metrics[0].select, "^x: (\\d+)$");
    CHECK(!second->metrics[0].required && second->stop_on_failure && second->random);
    CHECK_EQ(second->command[4], "x\ty");
    CHECK_EQ(second->environment[1].second, "None");
}

void settings_make_one_file_of_it() {
    const Result<Battery> set = sweep::parse_battery(
        kEverything, "f.yaml",
        {{"repeats=7", "--repeats=7"}, {"matrix.t=[q]", "--set matrix.t=[q]"}, {"exclude=", "--set"}});
    if (!CHECK(set)) {
        return;
    }
    const Result<Battery> again = sweep::parse_battery(set->text, "again.yaml");
    CHECK(again && again->repeats == 7 && again->exclude.empty());
    CHECK(again && everything_of(*again) == everything_of(*set));
    CHECK_FAILS(sweep::parse_battery(kEverything, "f.yaml", {{"repeats=0", "--repeats=0"}}),
                "--repeats=0: a whole number between 1 and 100000 is right");
}

void ready_made_ones_are_files_too() {
    const std::vector<std::string> words = {"--clients_per_node=[1,2]", "--db_cpus=[1,2]", "--device=CPU",
                                            "--launcher=local", "--model=resnet18"};
    std::vector<std::string> colocated = words, standard = words;
    colocated.emplace_back("--nodes=1");
    standard.insert(standard.end(), {"--client_nodes=1", "--db_nodes=1"});
    for (const auto& ready : {sweep::colocated_battery(colocated), sweep::standard_battery(standard)}) {
        if (!ready) {
            CHECK_EQ(ready.error().message, "");
            continue;
        }
        const std::string text = sweep::battery_text(ready->battery);
        const Result<Battery> again = sweep::parse_battery(text, ready->battery.kind);
        if (!again) {
            CHECK_EQ(again.error().message, text);
            continue;
        }
        CHECK_EQ(again->kind, ready->battery.kind);
        CHECK_EQ(everything_of(*again), everything_of(ready->battery));
        CHECK_EQ(sweep::battery_text(*again), text);
    }
}

CU_TestInfo kTests[] = {{"what was written is read again", what_was_written_is_read_again},
                        {"settings make one file of it", settings_make_one_file_of_it},
                        {"ready-made ones are files, too", ready_made_ones_are_files_too},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kBatterySuite = suite("batteries", kTests);

}  // namespace inferstep::test
