// A run of inferstep sweep: sweep.json has all points, point.json what became of each that has ended.
#include <algorithm>
#include <array>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/shell.hpp"
#include "core/words.hpp"
#include "report/read_parts.hpp"
#include "sweep/database.hpp"
#include "sweep/status.hpp"
#include "sweep/tree.hpp"

namespace inferstep::report {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

// Members of an object as texts, whatever they are.
Words words_of(const Json& object) {
    Words words;
    for (const std::string& key : object.keys()) {
        const Json value = object.copy_of(key.c_str());
        const std::string text = value.as_text();
        words.emplace_back(printable(key), printable(text.empty() ? value.dump(false) : text));
    }
    return words;
}

// A path below the point, and nowhere else: what others wrote does not lead us out of the tree.
std::string below(const std::string& directory, const std::string& path) {
    const std::vector<std::string> parts = split(path, '/');
    const bool bad = path.empty() || path.starts_with('/') || printable(path) != path ||
                     std::find(parts.begin(), parts.end(), "..") != parts.end();
    return bad ? std::string() : directory + "/" + path;
}

int count_of(const Json& json, const char* key, double fallback) {
    return static_cast<int>(std::clamp(json.number(key, fallback), 0.0, 1e8));
}

void take_hints(const Json& sweep, Tree& tree) {
    const Json report = sweep.copy_of("report");
    tree.hint_x = report.text("x");
    tree.hint_rate = report.text("rate");
    tree.hint_time = report.text("time");
    for (const Json& word : report.copy_of("series").items()) {
        tree.hint_series.push_back(word.as_text());
    }
    tree.hint_baseline = words_of(report.copy_of("baseline"));
}

// What was run, for the head of a page.
void take_about(const Json& sweep, Tree& tree) {
    std::vector<std::string> command;
    for (const Json& word : sweep.copy_of("command").items()) {
        command.push_back(word.as_text());
    }
    std::vector<std::string> versions;
    for (const auto& [name, version] : words_of(sweep.copy_of("versions"))) {
        versions.push_back(fmt::format("{} {}", name, version));
    }
    const std::pair<const char*, std::string> facts[] = {{"battery", printable(sweep.text("battery"))},
                                                         {"command", printable(shell_words(command))},
                                                         {"where", printable(sweep.text("where"))},
                                                         {"versions", fmt::format("{}", fmt::join(versions, ", "))}};
    std::copy_if(std::begin(facts), std::end(facts), std::back_inserter(tree.about),
                 [](const auto& fact) { return !fact.second.empty(); });
}

// Does somebody still work on it?
std::string unfinished(const std::string& run) {
    const Result<sweep::SweepStatus> status = sweep::read_status(run);
    return status && status->driven ? "the run goes on" : "the run was cut off, and --resume goes on with it";
}

void take_metrics(const Json& point, const std::string& directory, Execution& execution, Notes& notes) {
    for (const Json& metric : point.copy_of("metrics").items()) {
        const Json source = metric.copy_of("source");
        const double value = metric.number("value", kUnknown);
        const Source where{below(directory, source.text("file")), static_cast<std::int64_t>(source.number("line"))};
        if (!(std::abs(value) < 1e300)) {
            notes.add("metrics left out", where, fmt::format("{} is no number", printable(metric.text("name"))));
            continue;
        }
        execution.metrics.push_back({printable(metric.text("name")), printable(metric.text("unit")),
                                     metric.text("better") == "higher", value, where});
    }
}

// The percentiles in a client's summary are not told again where the times that they are of have been read.
void drop_repeated(Execution& execution) {
    std::erase_if(execution.metrics, [&](const Metric& metric) {
        const std::string_view name = metric.name;
        const std::size_t end = name.rfind('_');
        if (end == std::string_view::npos || !metric.source.file.ends_with("/summary.json")) {
            return false;
        }
        const std::string_view part = name.substr(end + 1);
        return (part == "p50" || part == "p95" || part == "p99") &&
               std::any_of(execution.functions.begin(), execution.functions.end(),
                           [&](const FunctionTimes& times) { return times.function == name.substr(0, end); });
    });
}

// Of a point that has told nothing else.
int nodes_of(const Words& parameters) {
    for (const auto& [name, value] : parameters) {
        if (const Result<long> n = parse_number(name, value, 1, 100'000'000); n && name == "nodes") {
            return static_cast<int>(*n);
        }
    }
    return 1;
}

State state_of(const std::string& word) {
    constexpr std::array<std::pair<std::string_view, State>, 4> kWords{{{"done", State::kDone},
                                                                        {"failed", State::kFailed},
                                                                        {"timeout", State::kTimeout},
                                                                        {"cancelled", State::kCancelled}}};
    for (const auto& [name, state] : kWords) {
        if (word == name) {
            return state;
        }
    }
    return State::kFailed;
}

// The step of the point's standard database; nothing where it has none, or none that Slurm runs.
std::string database_step(const std::string& directory) {
    const Result<std::string> text = read_file(directory + "/" + sweep::kDatabaseStepFile);
    const std::string step = text ? printable(text->substr(0, text->find('\n'))) : std::string();
    return step.starts_with("local.") ? std::string() : step;
}

// Of several steps of `inferstep stage` the last one counts, as it does for the point's metrics.
void take_stages(Execution& step, Execution& execution) {
    execution.stages = std::move(step.stages);
    execution.completions = std::move(step.completions);
    execution.work = step.work;
    execution.work_unit = step.work_unit;
    execution.accounting = step.accounting;
}

// The steps of a point that left records: the one with times is the clients', another its database's.
Status take_records(const Json& point, const std::string& directory, Execution& execution, Notes& notes) {
    const std::string database = database_step(directory);
    Accounting served;  // by the database's step
    for (const Json& name : point.copy_of("records").items()) {
        const std::string path = below(directory, name.as_text());
        if (path.empty() || !exists(path)) {
            notes.add("records that are not there", {directory + "/" + sweep::kPointFile, 0},
                      fmt::format("the records {} of {} are not there", printable(name.as_text()), execution.id));
            continue;
        }
        Execution step;
        if (Status s = read_step(path, false, step, notes); !s) {
            return s;
        }
        execution.logs.insert(execution.logs.end(), step.logs.begin(), step.logs.end());
        if (step.stages) {
            take_stages(step, execution);
        }
        const bool of_database = path.substr(path.rfind('/') + 1) == database;
        if (of_database) {
            add_requests(step.accounting, served);
        }
        if (!step.functions.empty() && execution.functions.empty()) {
            execution.files = std::move(step.files);
            execution.functions = std::move(step.functions);
            execution.work = step.work;
            execution.work_unit = step.work_unit;
            execution.tasks = step.tasks;
            execution.accounting = step.accounting;
        } else if (!step.functions.empty()) {
            notes.add("steps left out", {path, 0},
                      fmt::format("{} has times of another step already: those of {} are left out", execution.id,
                                  printable(name.as_text())));
        } else if (execution.functions.empty() && !of_database) {
            execution.accounting = step.accounting;
        }
    }
    add_requests(served, execution.accounting);
    return Status::ok();
}

// What the standard database cost, which is a step beside the point's own.
void take_database(const std::string& directory, const std::string& sacct, Accounting& accounting, Notes& notes) {
    const std::string step = database_step(directory);
    if (step.empty() || sacct.empty() || step == accounting.step) {
        return;
    }
    Accounting database;
    read_sacct(sacct, step, database, notes);
    if (!database.source.file.empty()) {
        accounting.databases_counted = false;
        accounting.database_cpu_s = database.cpu_s;
        accounting.database_rss_bytes = database.max_rss_bytes;
    }
}

// The point's own file of accounting, where its records have none.
void take_accounting(const Json& point, const std::string& directory, Execution& execution, Notes& notes) {
    Accounting& accounting = execution.accounting;
    const Json slurm = point.copy_of("slurm");
    accounting.job = accounting.job.empty() ? printable(slurm.text("job")) : accounting.job;
    const std::vector<Json> steps = slurm.copy_of("steps").items();
    if (accounting.step.empty() && !steps.empty()) {
        accounting.step = printable(steps.back().as_text());
    }
    const std::string path = below(directory, point.text("sacct"));
    take_database(directory, path, accounting, notes);
    if (!accounting.source.file.empty()) {
        return;
    }
    if (!path.empty() && !accounting.step.empty()) {
        read_sacct(path, accounting.step, accounting, notes);
    } else if (const std::string why = point.text("sacct_why"); !why.empty()) {
        accounting.why = printable(why);
    }
}

Status take_point(const std::string& path, const Json& point, Execution& execution, Notes& notes) {
    const std::string directory = path.substr(0, path.rfind('/'));
    execution.state = state_of(point.text("state"));
    execution.why = printable(point.text("why"));
    execution.exit_code = static_cast<int>(std::clamp(point.number("exit_code"), 0.0, 255.0));
    execution.begin = point.number("begin", kUnknown);
    execution.seconds = point.number("seconds", kUnknown);
    const Json step = point.copy_of("step");
    execution.nodes = std::max(1, count_of(step, "nodes", 1));
    execution.tasks = std::max(1, count_of(step, "tasks", 1));
    execution.gpus = execution.nodes * count_of(step, "gpus_per_node", 0);
    for (const char* name : {sweep::kStdoutFile, sweep::kStderrFile, sweep::kScriptFile}) {
        if (exists(fmt::format("{}/{}", directory, name))) {
            execution.logs.push_back({directory + "/" + name, 0});
        }
    }
    take_metrics(point, directory, execution, notes);
    if (Status s = take_records(point, directory, execution, notes); !s) {
        return s;
    }
    drop_repeated(execution);
    take_accounting(point, directory, execution, notes);
    return Status::ok();
}

}  // namespace

Status read_sweep(const std::string& run, Tree& tree, std::vector<Execution>& executions, Notes& notes) {
    const std::string path = run + "/" + sweep::kSweepFile;
    const Result<Json> sweep = read_json(path);
    if (!sweep) {
        return sweep.error();
    }
    if (Status s = check_schema(path, *sweep, sweep::kSweepSchema); !s) {
        return s;
    }
    tree.kind = printable(sweep->text("kind"));
    take_hints(*sweep, tree);
    take_about(*sweep, tree);
    std::size_t missing = 0;
    std::vector<Json> points = sweep->copy_of("points").items();
    // In the order of the battery, in whichever order they ran.
    std::stable_sort(points.begin(), points.end(), [](const Json& a, const Json& b) {
        const std::string left = a.text("id");
        const std::string right = b.text("id");
        return left.size() != right.size() ? left.size() < right.size() : left < right;
    });
    for (const Json& planned : points) {
        Execution execution;
        execution.id = printable(planned.text("id"));
        execution.parameters = words_of(planned.copy_of("parameters"));
        execution.repeat = std::max(1, count_of(planned, "repeat", 1));
        execution.warmup = planned.copy_of("warmup").dump(false) == "true";
        const std::string file = below(sweep::point_directory(run, execution.id), sweep::kPointFile);
        if (below(run, execution.id).empty() || !exists(file)) {
            execution.state = State::kMissing;
            execution.why = "the point has not ended: it has no point.json";
            execution.nodes = std::max(nodes_of(execution.parameters), count_of(planned, "nodes", 1));
            ++missing;
        } else if (const Result<Json> point = read_json(file); !point) {
            execution.state = State::kMissing;
            execution.why = point.error().message;
            notes.add("points left out", {file, 0}, point.error().message);
        } else {
            for (const Status& s :
                 {check_schema(file, *point, sweep::kPointSchema), take_point(file, *point, execution, notes)}) {
                if (!s) {
                    return s;
                }
            }
        }
        executions.push_back(std::move(execution));
    }
    if (missing > 0) {
        notes.add("runs with points that have not ended", {path, 0},
                  fmt::format("{} of {} points have not ended: {}", missing, points.size(), unfinished(run)));
    }
    return Status::ok();
}

}  // namespace inferstep::report
