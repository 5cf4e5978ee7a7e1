#include "sweep/preview.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/log.hpp"
#include "sweep/duration.hpp"
#include "sweep/earlier.hpp"
#include "sweep/plan_table.hpp"

namespace inferstep::sweep {
namespace {

// Where each point's time is known from; all must be known.
void estimate(Plan& plan, const Battery& battery, const std::vector<Point>& points, const std::string& results) {
    const auto says = [](const Point& p) { return p.estimate_s > 0; };
    const bool own = std::all_of(points.begin(), points.end(), says);
    const EarlierTimes earlier = own ? EarlierTimes() : EarlierTimes::read(results, battery.name);
    double seconds = 0;
    for (const Point& point : points) {
        const std::optional<double> known = says(point) ? point.estimate_s : earlier.of(point.parameters);
        if (!known) {
            plan.seconds_from =
                fmt::format("there is no estimate, and no earlier result in {}/{}", results, battery.name);
            return;
        }
        seconds += *known;
    }
    plan.seconds = seconds;
    plan.seconds_from = own ? "the estimate" : earlier.run();
}

void limit(Plan& plan, const std::vector<Point>& points) {
    double seconds = 0;
    for (const Point& point : points) {
        if (point.time_limit_s <= 0) {
            return;
        }
        seconds += point.time_limit_s;
    }
    plan.limit_s = seconds;
}

// An entry of `exclude` that is in vain is a slip of the pen, or a matrix that became smaller.
void note_excludes(Plan& plan, const Battery& battery) {
    for (const Parameters& entry : battery.exclude) {
        const bool possible = std::all_of(entry.begin(), entry.end(), [&](const auto& wanted) {
            return std::any_of(battery.matrix.begin(), battery.matrix.end(), [&](const auto& parameter) {
                return parameter.first == wanted.first && std::find(parameter.second.begin(), parameter.second.end(),
                                                                    wanted.second) != parameter.second.end();
            });
        });
        if (!possible) {
            plan.notes.push_back(fmt::format("exclude: no point has {}", describe(entry)));
        }
    }
}

std::string steps_in_words(const Plan& plan) {
    return plan.database_steps == 0 ? fmt::format("{}", plan.steps)
                                    : fmt::format("{}, {} of them databases", plan.steps, plan.database_steps);
}

std::string where_in_words(Where where) {
    constexpr const char* kWords[] = {"local: on this machine, without Slurm",
                                      "allocation: as steps of the allocation that we are in",
                                      "batch: each point as a batch job"};
    return kWords[static_cast<std::size_t>(where)];
}

std::string nodes_in_words(const Plan& plan) {
    return plan.where == Where::kLocal
               ? "this one"
               : fmt::format("{} for the largest point, {} for all side by side", plan.most_nodes, plan.all_nodes);
}

std::string time_in_words(const Plan& plan, std::size_t points) {
    if (!plan.seconds) {
        return fmt::format("not known: {}", plan.seconds_from);
    }
    const double each = *plan.seconds / static_cast<double>(points);
    return fmt::format("about {} one after the other, {} a point (from {})", as_duration(*plan.seconds),
                       each < 60 ? fmt::format("{:.3g} s", each) : as_duration(each), plan.seconds_from);
}

std::string what_runs(const Battery& battery) {
    if (battery.command.empty()) {
        const std::string first = battery.script.substr(0, battery.script.find('\n'));
        return first.size() < battery.script.size() ? first + " …" : first;
    }
    return fmt::format("{}", fmt::join(battery.command, " "));
}

}  // namespace

Plan make_plan(const Battery& battery, const Count& count, const std::vector<Point>& points, const std::string& results,
               std::optional<Where> where) {
    Plan plan;
    plan.count = count;
    for (const Point& point : points) {
        plan.steps += point.database ? 2U : 1U;
        plan.database_steps += point.database ? 1U : 0U;
        plan.most_nodes = std::max(plan.most_nodes, point.all_nodes());
        plan.all_nodes += static_cast<std::uint64_t>(point.all_nodes());
    }
    estimate(plan, battery, points, results);
    limit(plan, points);
    note_excludes(plan, battery);
    plan.where = where.value_or(choose_where(points));
    if (const Status s = check_where(plan.where, points); !s) {
        plan.possible = false;
        plan.notes.push_back(s.error().message);
    }
    return plan;
}

std::string plan_text(const Battery& battery, const Plan& plan, const std::vector<Point>& points, std::size_t width,
                      std::size_t rows) {
    std::vector<std::pair<std::string, std::string>> lines = {
        {"battery", battery.kind == Battery{}.kind ? battery.name : battery.name + ", " + battery.kind},
        {battery.command.empty() ? "script" : "command", what_runs(battery)},
        {"points", fmt::format("{}: {}", plan.count.points, plan.count.why)},
        {"steps", steps_in_words(plan)},
        {"nodes", nodes_in_words(plan)},
        {"time", time_in_words(plan, points.size())}};
    if (plan.limit_s) {
        lines.emplace_back("time limit", fmt::format("{} for all points together", as_duration(*plan.limit_s)));
    }
    lines.emplace_back("where", where_in_words(plan.where));
    lines.emplace_back("order", battery.random ? fmt::format("random, seed {}", battery.seed) : "listed");
    std::string text;
    for (const auto& [name, value] : lines) {
        text += cut(fmt::format("{:<12}{}", name, printable(value)), width) + "\n";
    }
    for (const std::string& note : plan.notes) {
        text += fmt::format("{:<12}{}\n", "note", printable(note));
    }
    return text + "\n" + plan_table(points, width, rows);
}

Json plan_json(const Battery& battery, const Plan& plan, const std::vector<Point>& points) {
    Json json = Json::object();
    json.set("schema", "inferstep-plan/1").set("battery", battery.name).set("kind", battery.kind);
    json.set("combinations", plan.count.combinations).set("points", plan.count.points);
    json.set("repeats", battery.repeats).set("warmups", battery.warmups).set("steps", plan.steps);
    json.set("database_steps", plan.database_steps).set("nodes", plan.most_nodes);
    json.set("nodes_side_by_side", plan.all_nodes).set("where", word_of(plan.where));
    if (plan.seconds) {
        json.set("seconds", *plan.seconds);
    }
    json.set("seconds_from", plan.seconds_from);
    if (plan.limit_s) {
        json.set("limit_seconds", *plan.limit_s);
    }
    json.set("order", battery.random ? "random" : "listed").set("seed", fmt::format("{}", battery.seed));
    Json notes = Json::array();
    for (const std::string& note : plan.notes) {
        notes.push(note);
    }
    return std::move(json.set("notes", std::move(notes)).set("plan", points_json(points)));
}

}  // namespace inferstep::sweep
