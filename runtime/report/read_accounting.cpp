// What a step cost: step.json of its databases' supervisors, and its line of sacct_<job>.txt.
#include <cmath>

#include "core/file.hpp"
#include "core/log.hpp"
#include "db/node_record.hpp"
#include "db/sacct.hpp"
#include "report/read_parts.hpp"

namespace inferstep::report {
namespace {

void add(double& sum, double more) {
    if (std::isfinite(more) && more >= 0) {
        sum = (std::isnan(sum) ? 0 : sum) + more;
    }
}

// The seconds that the requests to one database spent in each part of it.
void add_models(const Json& statistics, Accounting& accounting) {
    for (const char* kind : {"models", "scripts"}) {
        const Json all = statistics.copy_of(kind);
        for (const std::string& name : all.keys()) {
            const Json one = all.copy_of(name.c_str());
            add(accounting.queue_s, one.number("queue_us", kUnknown) * 1e-6);
            add(accounting.input_s, one.number("input_us", kUnknown) * 1e-6);
            add(accounting.inference_s, one.number("inference_us", kUnknown) * 1e-6);
            add(accounting.output_s, one.number("output_us", kUnknown) * 1e-6);
        }
    }
}

// One node's databases: what they did, and how they ended.
void add_node(const Json& node, const std::string& path, Accounting& accounting, Notes& notes) {
    for (const Json& database : node.copy_of("databases").items()) {
        add_models(database.copy_of("statistics"), accounting);
    }
    const std::string state = node.text("state");
    if (state != "ended" && !state.empty()) {
        notes.add("nodes whose databases did not end well", {path, 0},
                  fmt::format("the databases of {} ended as '{}': {}", printable(node.text("node")), printable(state),
                              printable(node.text("message"))));
    }
}

}  // namespace

Status read_step_json(const std::string& path, Accounting& accounting, Notes& notes) {
    const auto record = read_record(path, kNodeSchema, notes);
    if (!record || !*record) {
        return record ? Status::ok() : Status(record.error());
    }
    const Json& json = **record;
    accounting.record = {path, 0};
    const Json sums = json.copy_of("accounting");
    accounting.databases_counted = sums.dump(false).find("\"databases_counted\":true") != std::string::npos;
    const Json databases = sums.copy_of("databases");
    if (databases.number("count") > 0) {
        add(accounting.database_cpu_s, databases.number("cpu_s", kUnknown));
        add(accounting.database_rss_bytes, databases.number("max_rss_bytes", kUnknown));
    }
    for (const Json& node : json.copy_of("nodes").items()) {
        add_node(node, path, accounting, notes);
    }
    return Status::ok();
}

Status read_node_json(const std::string& path, Accounting& accounting, Notes& notes) {
    const auto record = read_record(path, kNodeSchema, notes);
    if (record && *record) {
        add_node(**record, path, accounting, notes);
    }
    return record ? Status::ok() : Status(record.error());
}

void add_requests(const Accounting& database, Accounting& accounting) {
    add(accounting.queue_s, database.queue_s);
    add(accounting.input_s, database.input_s);
    add(accounting.inference_s, database.inference_s);
    add(accounting.output_s, database.output_s);
}

void read_sacct(const std::string& path, const std::string& step, Accounting& accounting, Notes& notes) {
    if (!exists(path)) {
        accounting.why = fmt::format("there is no {}", path);
        return;
    }
    const Result<std::string> table = read_file(path);
    if (!table) {
        accounting.why = table.error().message;
        return;
    }
    const std::optional<StepUsage> usage = usage_of(*table, step);
    if (!usage) {
        const bool says_why = table->starts_with("# ");
        accounting.why = says_why ? printable(table->substr(2, table->find('\n') - 2))
                                  : fmt::format("{} has no final line of step {}", path, step);
        if (!says_why) {
            notes.add("steps without accounting", {path, 0}, fmt::format("there is no final line of step {}", step));
        }
        return;
    }
    accounting.elapsed_s = usage->elapsed_s;
    accounting.cpu_s = usage->cpu_s;
    accounting.allocated_cpu_s = usage->cpus * usage->elapsed_s;
    accounting.max_rss_bytes = static_cast<double>(usage->max_rss_bytes);
    accounting.energy_j = usage->energy_j > 0 ? usage->energy_j : kUnknown;
    accounting.source = {path, usage->line};
}

}  // namespace inferstep::report
