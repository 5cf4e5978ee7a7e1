// Of a battery file: what a point's step and database need, its metrics, and hints for the report.
#include <algorithm>

#include "core/words.hpp"
#include "sweep/battery_parts.hpp"
#include "sweep/members.hpp"
#include "sweep/metric_rule.hpp"
#include "sweep/placeholders.hpp"
#include "sweep/shape_limits.hpp"

namespace inferstep::sweep {
namespace {

auto count(const Limit& limit) {
    return [limit](const Config& value) { return read_count(value, limit.low, limit.high); };
}
Result<std::vector<std::string>> texts(const Config& value) { return value.as_texts(); }

Result<std::string> flag_or_placeholder(const Config& value) {
    if (value.kind() == Config::Kind::kScalar && !placeholders(value.text()).empty()) {
        return value.text();
    }
    const Result<bool> flag = value.as_flag();
    return flag ? Result<std::string>(*flag ? "yes" : "no") : flag.error();
}

Status check_metric_name(const Config& where, const std::string& name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_.-/()%").find(c) != std::string_view::npos;
    };
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), fits)) {
        return where.wrong(
            fmt::format("'{}' is no name for a metric; letters, digits and _ . - / ( ) % are right", name));
    }
    return Status::ok();
}

// Which of the three ways; the number, its column or its member is taken from where that way says.
Status read_source(Members& members, MetricRule& rule) {
    const Config* regex = members.find("regex");
    const Config* csv = members.find("csv");
    const Config* json = members.find("json");
    if ((regex != nullptr) + (csv != nullptr) + (json != nullptr) != 1) {
        return members.map().wrong("one of regex, csv (with column) and json (with member) is right");
    }
    const bool in_file = regex == nullptr;
    const char* way = csv != nullptr ? "csv" : "json";
    const char* select = csv != nullptr ? "column" : json != nullptr ? "member" : "regex";
    rule.from = csv != nullptr ? MetricRule::From::kCsv : json != nullptr ? MetricRule::From::kJson : rule.from;
    for (const char* key : {"column", "member", "file"}) {
        const bool own = in_file ? std::string_view(key) == select : std::string_view(key) == "file";
        if (const Config* other = members.find(key); other != nullptr && !own) {
            return other->wrong(fmt::format("{} does not go with {}", key, in_file ? way : "regex"));
        }
    }
    if (members.find(select) == nullptr) {
        return members.map().wrong(fmt::format("{} needs {}", way, select));
    }
    members.read_text(in_file ? way : "file", rule.file);
    members.read_text(select, rule.select);
    if (!members.status()) {
        return members.status();
    }
    const Status followed = check_rule(rule);
    const Error error = followed ? Error{} : members.map().wrong(followed.error().message);
    return followed ? followed : with_hint(error, followed.error().hint);
}

Result<std::string> choice(const Config& value, const std::vector<std::string_view>& choices) {
    const Result<std::size_t> chosen =
        parse_choice("it", value.kind() == Config::Kind::kScalar ? value.text() : "", choices);
    if (!chosen) {
        return with_hint(value.wrong(fmt::format("one of {} is right", fmt::join(choices, ", "))), chosen.error().hint);
    }
    return std::string(choices[*chosen]);
}

Result<MetricRule> read_metric(const Config& value) {
    Members members(
        value, {"name", "unit", "regex", "csv", "column", "json", "member", "file", "reduce", "better", "required"});
    MetricRule rule;
    members.read_text("name", rule.name);
    members.read_text("unit", rule.unit);
    members.read("reduce", rule.reduce, [](const Config& c) {
        return choice(c, {"first", "last", "min", "max", "mean", "sum"});
    });
    members.read("better", rule.better, [](const Config& c) { return choice(c, {"lower", "higher"}); });
    members.read("required", rule.required, [](const Config& c) { return c.as_flag(); });
    if (!members.status()) {
        return members.status().error();
    }
    const Config* name = members.find("name");
    if (Status s = check_metric_name(name != nullptr ? *name : value, rule.name); !s) {
        return s.error();
    }
    if (Status s = read_source(members, rule); !s) {
        return s.error();
    }
    return rule;
}

}  // namespace

Result<Battery::Shape> read_step(const Config& value) {
    Members members(value, {"nodes", "tasks_per_node", "cpus_per_task", "gpus_per_node", "options"});
    Battery::Shape step;
    members.read("nodes", step.nodes, count(kNodesLimit));
    members.read("tasks_per_node", step.tasks_per_node, count(kTasksLimit));
    members.read("cpus_per_task", step.cpus_per_task, count(kCpusLimit));
    members.read("gpus_per_node", step.gpus_per_node, count(kGpusLimit));
    members.read("options", step.options, texts);
    return members.status() ? Result<Battery::Shape>(std::move(step)) : members.status().error();
}

Result<Battery::Database> read_database(const Config& value) {
    Members members(value, {"nodes", "cpus_per_node", "hosts", "as_job", "batch_options", "options"});
    Battery::Database database;
    members.read("nodes", database.nodes, count(kNodesLimit));
    members.read("cpus_per_node", database.cpus_per_node, count(kCpusLimit));
    members.read("hosts", database.hosts, texts);
    members.read("as_job", database.as_job, flag_or_placeholder);
    members.read("batch_options", database.batch_options, texts);
    members.read("options", database.options, texts);
    return members.status() ? Result<Battery::Database>(std::move(database)) : members.status().error();
}

Result<std::vector<MetricRule>> read_metrics(const Config& value) {
    if (value.kind() != Config::Kind::kList || value.items().empty()) {
        return value.wrong("a list of metrics is right, each with a name and regex, csv or json");
    }
    std::vector<MetricRule> rules;
    for (const Config& item : value.items()) {
        Result<MetricRule> rule = read_metric(item);
        if (!rule) {
            return rule.error();
        }
        if (std::any_of(rules.begin(), rules.end(), [&](const MetricRule& r) { return r.name == rule->name; })) {
            return item.wrong(fmt::format("there is a metric {} already; another name is right", rule->name));
        }
        rules.push_back(std::move(*rule));
    }
    return rules;
}

Result<ReportHints> read_report(const Config& value) {
    Members members(value, {"x", "series", "rate", "time", "baseline"});
    ReportHints hints;
    members.read_text("x", hints.x);
    members.read("series", hints.series, texts);
    members.read_text("rate", hints.rate);
    members.read_text("time", hints.time);
    members.read("baseline", hints.baseline, [](const Config& c) -> Result<Parameters> {
        Result<std::vector<Parameters>> entries = read_entries(Config::of(std::vector<Config>{c}));
        return entries ? Result<Parameters>(std::move((*entries)[0])) : entries.error();
    });
    return members.status() ? Result<ReportHints>(std::move(hints)) : members.status().error();
}

}  // namespace inferstep::sweep
