#include "db/accounting.hpp"

#include <algorithm>
#include <vector>

namespace inferstep {
namespace {

// Sums over processes that can be anywhere in the step: the largest memory of each need not be of the same moment.
struct Sum {
    int count = 0;
    int unknown = 0;  // ended without leaving figures: killed together with their supervisor
    double cpu_s = 0;
    double max_rss_bytes = 0;

    void add(const Json& usage) {
        ++count;
        if (!usage.has("max_rss_bytes")) {
            ++unknown;
            return;
        }
        cpu_s += usage.number("user_cpu_s") + usage.number("system_cpu_s");
        max_rss_bytes += usage.number("max_rss_bytes");
    }

    // A database that was started again has lived more than once, but only once at a time.
    void add_lives(const Json& database) {
        const double others = max_rss_bytes;
        add(database.copy_of("ended"));
        for (const Json& life : database.copy_of("ended_before").items()) {
            cpu_s += life.number("user_cpu_s") + life.number("system_cpu_s");
            max_rss_bytes = std::max(max_rss_bytes, others + life.number("max_rss_bytes"));
        }
    }

    Json json() const {
        Json json = Json::object();
        json.set("count", count).set("without_figures", unknown);
        return std::move(json.set("cpu_s", cpu_s).set("max_rss_bytes", max_rss_bytes));
    }
};

// With cgroups everything in the step's cgroup counts. The other ways follow parents, and the supervisor has left its
// own, so that no program finds a child that it did not make.
bool counts_databases(const Gatherer& gatherer, const std::vector<Json>& nodes) {
    return gatherer.gather == "jobacct_gather/cgroup" && std::all_of(nodes.begin(), nodes.end(), [](const Json& node) {
               const std::string cgroup = node.copy_of("memory").text("cgroup");
               return cgroup.find("/step_") != std::string::npos || cgroup == "/";  // "/": seen from a namespace
           });
}

const char* explain(const StepName& name, const Gatherer& gatherer, bool counted) {
    if (name.job == "local") {
        return "this step did not run under Slurm";
    }
    if (counted) {
        return "sacct's figures of the first task of each node contain the databases of that node";
    }
    if (!gatherer.gathers()) {
        return "Slurm gathers nothing here; the databases' figures are their own";
    }
    return "sacct's figures are those of the tasks and their children, which the databases are not; the databases' "
           "figures are their own";
}

}  // namespace

Json accounting_json(const StepName& name, const Json& nodes, const Gatherer& gatherer,
                     const std::optional<StepUsage>& usage) {
    const std::vector<Json> all = nodes.items();
    Sum databases;
    Sum supervisors;
    for (const Json& node : all) {
        for (const Json& database : node.copy_of("databases").items()) {
            databases.add_lives(database);
        }
        supervisors.add(node.copy_of("supervisor"));
    }
    const bool local = name.job == "local";
    const bool counted = !local && counts_databases(gatherer, all);
    Json json = Json::object();
    json.set("gather", local ? "none" : gatherer.gather).set("proctrack", local ? "none" : gatherer.proctrack);
    json.set("databases_counted", counted).set("note", explain(name, gatherer, counted));
    json.set("databases", databases.json()).set("supervisors", supervisors.json());
    if (!usage || !gatherer.gathers()) {
        return json;
    }
    Json step = Json::object();
    step.set("cpu_s", usage->cpu_s).set("max_rss_bytes", usage->max_rss_bytes);
    json.set("sacct", std::move(step));
    Json tasks = Json::object();
    if (!counted) {
        tasks.set("cpu_s", usage->cpu_s).set("max_rss_bytes", usage->max_rss_bytes);
    } else if (databases.unknown + supervisors.unknown == 0) {
        // The first task's memory cannot be told from the databases' beside it, CPU time can.
        tasks.set("cpu_s", std::max(0.0, usage->cpu_s - databases.cpu_s - supervisors.cpu_s));
    }
    return std::move(json.set("tasks", std::move(tasks)));
}

}  // namespace inferstep
