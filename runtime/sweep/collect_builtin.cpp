#include "sweep/collect_builtin.hpp"

#include <cmath>
#include <limits>

#include "core/file.hpp"
#include "core/json.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/stage_metrics.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kLargest = std::size_t{256} << 20;

class Metrics {
   public:
    explicit Metrics(std::string file) : file_(std::move(file)) {}
    void add(const std::string& name, double value, const char* unit, const char* better) {
        if (std::isfinite(value)) {
            all.push_back({name, unit, value, better, file_, 0});
        }
    }
    std::vector<Metric> all;

   private:
    std::string file_;
};

// The last file of this name that one of the point's steps left, when it is of the schema.
Json last_of(const std::string& directory, const std::string& name, const std::string& schema, std::string& file) {
    const std::vector<std::string> files = matching_files(directory, std::string(kRecordsDir) + "/*/" + name);
    for (auto path = files.rbegin(); path != files.rend(); ++path) {
        const Result<std::string> text = read_tail(directory + "/" + *path, kLargest);
        Result<Json> json = text ? Json::parse(*text, *path) : Result<Json>(text.error());
        if (json && json->text("schema") == schema) {
            file = *path;
            return std::move(*json);
        }
    }
    return Json::object();
}

void add_client(const Json& summary, Metrics& metrics) {
    metrics.add("inferences_per_second", summary.number("inferences_per_second", kAbsent), "1/s", "higher");
    for (const char* name : {"wrong", "errors", "missing"}) {
        metrics.add(name, summary.number(name, kAbsent), "", "lower");
    }
    const Json functions = summary.copy_of("functions");
    for (const std::string& function : functions.keys()) {
        const Json times = functions.copy_of(function.c_str());
        for (const char* part : {"p50", "p95", "p99"}) {
            metrics.add(function + "_" + part, times.number(part, kAbsent), "s", "lower");
        }
    }
}

struct Sums {
    double calls = 0, errors = 0, samples = 0, batches = 0;
    double queue = 0, input = 0, inference = 0, output = 0;  // microseconds
};

void add_models(const Json& models, Sums& sums) {
    for (const std::string& name : models.keys()) {
        const Json one = models.copy_of(name.c_str());
        const std::pair<const char*, double*> members[] = {{"calls", &sums.calls},
                                                           {"errors", &sums.errors},
                                                           {"samples", &sums.samples},
                                                           {"batches", &sums.batches},
                                                           {"queue_us", &sums.queue},
                                                           {"input_us", &sums.input},
                                                           {"inference_us", &sums.inference},
                                                           {"output_us", &sums.output}};
        for (const auto& [member, sum] : members) {
            *sum += one.number(member);
        }
    }
}

void add_databases(const Json& step, Metrics& metrics) {
    Sums sums;
    for (const Json& node : step.copy_of("nodes").items()) {
        for (const Json& database : node.copy_of("databases").items()) {
            add_models(database.copy_of("statistics").copy_of("models"), sums);
        }
    }
    const Json usage = step.copy_of("accounting").copy_of("databases");
    if (usage.number("count") > 0) {
        metrics.add("db_cpu", usage.number("cpu_s", kAbsent), "s", "lower");
        metrics.add("db_memory", usage.number("max_rss_bytes", kAbsent), "bytes", "lower");
    }
    if (sums.calls == 0) {
        return;
    }
    metrics.add("db_calls", sums.calls, "", "higher");
    metrics.add("db_errors", sums.errors, "", "lower");
    metrics.add("db_mean_batch", sums.samples / sums.batches, "", "higher");
    metrics.add("db_queue", sums.queue * 1e-6, "s", "lower");
    metrics.add("db_input", sums.input * 1e-6, "s", "lower");
    metrics.add("db_inference", sums.inference * 1e-6, "s", "lower");
    metrics.add("db_output", sums.output * 1e-6, "s", "lower");
}

}  // namespace

std::vector<Metric> builtin_metrics(const std::string& directory) {
    std::string file;
    const Json summary = last_of(directory, "summary.json", "inferstep-client/1", file);
    Metrics metrics(file);
    add_client(summary, metrics);
    const Json step = last_of(directory, "step.json", "inferstep-step/1", file);
    Metrics databases(file);
    add_databases(step, databases);
    metrics.all.insert(metrics.all.end(), databases.all.begin(), databases.all.end());
    if (const Json stages = last_of(directory, kStageFile, kStageSchema, file); !stages.keys().empty()) {
        const std::vector<Metric> of_stages = stage_metrics(stage_record(stages), file);
        metrics.all.insert(metrics.all.end(), of_stages.begin(), of_stages.end());
    }
    return metrics.all;
}

}  // namespace inferstep::sweep
