// Batteries written as battery files.
#include <fmt/format.h>

#include "sweep/battery_file.hpp"

namespace inferstep::sweep {
namespace {

using Map = std::vector<std::pair<std::string, Config>>;

Config list(const std::vector<std::string>& texts) {
    std::vector<Config> items;
    items.reserve(texts.size());
    for (const std::string& text : texts) {
        items.push_back(Config::of(text));
    }
    return Config::of(std::move(items));
}

Config map(const Parameters& parameters) {
    Map members;
    for (const auto& [name, value] : parameters) {
        members.emplace_back(name, Config::of(value));
    }
    return Config::of(std::move(members));
}

Config maps(const std::vector<Parameters>& entries) {
    std::vector<Config> items;
    items.reserve(entries.size());
    for (const Parameters& entry : entries) {
        items.push_back(map(entry));
    }
    return Config::of(std::move(items));
}

void put(Map& members, const char* key, const std::string& text, std::string_view default_text = "") {
    if (text != default_text) {
        members.emplace_back(key, Config::of(text));
    }
}
void put(Map& members, const char* key, const std::vector<std::string>& texts) {
    if (!texts.empty()) {
        members.emplace_back(key, list(texts));
    }
}
template <typename Values>
void put(Map& members, const char* key, const Values& values, Config (*as_config)(const Values&)) {
    if (!values.empty()) {
        members.emplace_back(key, as_config(values));
    }
}

Config step(const Battery::Shape& shape) {
    Map members;
    put(members, "nodes", shape.nodes);
    put(members, "tasks_per_node", shape.tasks_per_node);
    put(members, "cpus_per_task", shape.cpus_per_task, "0");
    put(members, "gpus_per_node", shape.gpus_per_node, "0");
    put(members, "options", shape.options);
    return Config::of(std::move(members));
}

Config database(const Battery::Database& shape) {
    Map members;
    put(members, "nodes", shape.nodes);
    put(members, "cpus_per_node", shape.cpus_per_node, "0");
    put(members, "hosts", shape.hosts);
    put(members, "as_job", shape.as_job, "no");
    put(members, "batch_options", shape.batch_options);
    put(members, "options", shape.options);
    return Config::of(std::move(members));
}

Config metrics(const std::vector<MetricRule>& rules) {
    std::vector<Config> items;
    for (const MetricRule& rule : rules) {
        const bool regex = rule.from == MetricRule::From::kRegex;
        const bool csv = rule.from == MetricRule::From::kCsv;
        Map members;
        put(members, "name", rule.name);
        put(members, "unit", rule.unit);
        put(members, regex ? "regex" : csv ? "column" : "member", rule.select);
        put(members, regex ? "file" : csv ? "csv" : "json", rule.file);
        put(members, "reduce", rule.reduce, MetricRule{}.reduce);
        put(members, "better", rule.better, MetricRule{}.better);
        put(members, "required", rule.required ? "true" : "false", "true");
        items.push_back(Config::of(std::move(members)));
    }
    return Config::of(std::move(items));
}

Config report(const ReportHints& hints) {
    Map members;
    put(members, "x", hints.x);
    put(members, "series", hints.series);
    put(members, "rate", hints.rate);
    put(members, "time", hints.time);
    put(members, "baseline", hints.baseline, map);
    return Config::of(std::move(members));
}

Config prepare(const std::vector<std::vector<std::string>>& commands) {
    std::vector<Config> items;
    items.reserve(commands.size());
    for (const std::vector<std::string>& command : commands) {
        items.push_back(list(command));
    }
    return Config::of(std::move(items));
}

Config matrix(const std::vector<std::pair<std::string, std::vector<std::string>>>& parameters) {
    Map members;
    for (const auto& [name, values] : parameters) {
        members.emplace_back(name, list(values));
    }
    return Config::of(std::move(members));
}

}  // namespace

std::string battery_text(const Battery& battery) {
    Map members;
    put(members, "name", battery.name);
    put(members, "kind", battery.kind, Battery{}.kind);
    put(members, "command", battery.command);
    put(members, "script", battery.script);
    put(members, "matrix", battery.matrix, matrix);
    put(members, "include", battery.include, maps);
    put(members, "exclude", battery.exclude, maps);
    put(members, "repeats", fmt::format("{}", battery.repeats), "1");
    put(members, "warmups", fmt::format("{}", battery.warmups), "0");
    put(members, "order", battery.random ? "random" : "listed", "listed");
    put(members, "seed", fmt::format("{}", battery.seed), "0");
    put(members, "prepare", battery.prepare, prepare);
    put(members, "environment", battery.environment, map);
    members.emplace_back("step", step(battery.step));
    if (battery.database) {
        members.emplace_back("database", database(*battery.database));
    }
    put(members, "time_limit", battery.time_limit);
    put(members, "estimate", battery.estimate);
    put(members, "metrics", battery.metrics, metrics);
    const Config hints = report(battery.report);
    if (!hints.members().empty()) {
        members.emplace_back("report", hints);
    }
    put(members, "on_failure", battery.stop_on_failure ? "stop" : "continue", "continue");
    if (const Config* slurm = battery.source != nullptr ? battery.source->find("slurm") : nullptr) {
        members.emplace_back("slurm", *slurm);
    }
    return Config::of(std::move(members)).yaml();
}

}  // namespace inferstep::sweep
