#include "sweep/battery_file.hpp"

#include <algorithm>
#include <limits>

#include "core/file.hpp"
#include "sweep/battery_check.hpp"
#include "sweep/battery_parts.hpp"
#include "sweep/members.hpp"
#include "sweep/shape_limits.hpp"

namespace inferstep::sweep {
namespace {

Result<int> number(const Config& value, const Limit& limit) {
    const Result<long> number = value.as_number(limit.low, limit.high);
    return number ? Result<int>(static_cast<int>(*number)) : number.error();
}

// One of two words, as whether it is the second.
Result<bool> second_of(const Config& value, std::string_view first, std::string_view second) {
    if (value.kind() != Config::Kind::kScalar || (value.text() != first && value.text() != second)) {
        return value.wrong(fmt::format("{} or {} is right", first, second));
    }
    return value.text() == second;
}

Result<Battery> read_tree(const Config& tree) {
    Members members(tree, {"name",     "kind",       "command",  "script",  "matrix",  "include",     "exclude",
                           "repeats",  "warmups",    "order",    "seed",    "prepare", "environment", "step",
                           "database", "time_limit", "estimate", "metrics", "report",  "on_failure",  "slurm"});
    Battery battery;
    members.read_text("name", battery.name);
    members.read_text("kind", battery.kind);
    members.read("command", battery.command, read_command);
    members.read_text("script", battery.script);
    members.read("matrix", battery.matrix, read_matrix);
    members.read("include", battery.include, read_entries);
    members.read("exclude", battery.exclude, read_entries);
    members.read("repeats", battery.repeats, [](const Config& c) { return number(c, kRepeatsLimit); });
    members.read("warmups", battery.warmups, [](const Config& c) { return number(c, kWarmupsLimit); });
    members.read("order", battery.random, [](const Config& c) { return second_of(c, "listed", "random"); });
    members.read("seed", battery.seed, [](const Config& c) -> Result<std::uint64_t> {
        const Result<long> seed = c.as_number(0, std::numeric_limits<long>::max());
        return seed ? Result<std::uint64_t>(static_cast<std::uint64_t>(*seed)) : seed.error();
    });
    members.read("prepare", battery.prepare, read_prepare);
    members.read("environment", battery.environment, read_environment);
    members.read("step", battery.step, read_step);
    members.read("database", battery.database, read_database);
    members.read("time_limit", battery.time_limit, read_time);
    members.read("estimate", battery.estimate, read_time);
    members.read("metrics", battery.metrics, read_metrics);
    members.read("report", battery.report, read_report);
    members.read("on_failure", battery.stop_on_failure,
                 [](const Config& c) { return second_of(c, "continue", "stop"); });
    if (!members.status()) {
        return members.status().error();
    }
    battery.folder = absolute_path(".");
    battery.source = std::make_shared<const Config>(tree);
    if (Status s = check_battery(battery); !s) {
        return s.error();
    }
    return battery;
}

Result<Battery> read_layers(Config tree, const std::vector<Setting>& settings, std::string text) {
    for (const auto& [setting, label] : settings) {
        const Result<Config> over = Config::parse_setting(setting, label);
        if (!over) {
            return over.error();
        }
        tree = tree.with(*over);
    }
    Result<Battery> battery = read_tree(tree);
    if (battery) {
        battery->text = text.empty() || !settings.empty() ? tree.yaml() : std::move(text);
    }
    return battery;
}

}  // namespace

Result<Battery> parse_battery(const std::string& text, const std::string& name, const std::vector<Setting>& settings) {
    Result<Config> tree = Config::parse(text, name);
    return tree ? read_layers(std::move(*tree), settings, text) : tree.error();
}

Result<Battery> read_battery(const std::vector<std::string>& paths, const std::vector<Setting>& settings) {
    std::vector<Config> trees;
    std::string text;
    for (const std::string& path : paths) {
        Result<std::string> file = Config::read_text(path);
        if (!file) {
            return file.error();
        }
        Result<Config> tree = Config::parse(*file, path);
        if (!tree) {
            return tree.error();
        }
        trees.push_back(trees.empty() ? std::move(*tree) : trees.back().with(*tree));
        text = paths.size() == 1 ? std::move(*file) : "";
    }
    if (trees.empty()) {
        return fail("no battery file is named");
    }
    return read_layers(std::move(trees.back()), settings, std::move(text));
}

}  // namespace inferstep::sweep
