#include "sweep/collect.hpp"

#include <unistd.h>

#include <algorithm>

#include "core/file.hpp"
#include "core/log.hpp"
#include "sweep/collect_builtin.hpp"
#include "sweep/metric_rule.hpp"
#include "sweep/point_json.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

// A rule goes before what is counted without one.
std::vector<Metric> all_metrics(const Battery& battery, const std::string& directory, std::vector<Error>& missing) {
    std::vector<Metric> metrics;
    for (const MetricRule& rule : battery.metrics) {
        Result<Metric> metric = apply_rule(rule, directory);
        if (metric) {
            metrics.push_back(std::move(*metric));
        } else if (rule.required) {
            missing.push_back(metric.error());
        }
    }
    for (Metric& metric : builtin_metrics(directory)) {
        const auto is_same = [&metric](const MetricRule& rule) { return rule.name == metric.name; };
        if (std::none_of(battery.metrics.begin(), battery.metrics.end(), is_same)) {
            metrics.push_back(std::move(metric));
        }
    }
    return metrics;
}

// A field that a reader of CSV gets back as it was.
std::string field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) {
        return text;
    }
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    return quoted + "\"";
}

std::string as_csv(const std::vector<Metric>& metrics) {
    std::string text = "metric,value,unit,file,line\n";
    for (const Metric& metric : metrics) {
        text += fmt::format("{},{},{},{},{}\n", field(metric.name), metric.value, field(metric.unit),
                            field(metric.file), metric.line > 0 ? fmt::format("{}", metric.line) : "");
    }
    return text;
}

}  // namespace

Result<PointResult> collect_point(const Battery& battery, const Point& point, const std::string& run,
                                  const Ended& ended) {
    const std::string directory = point_directory(run, point.id);
    std::vector<Error> missing;
    PointResult result{ended.state, ended.why, all_metrics(battery, directory, missing)};
    if (ended.state == "done" && !missing.empty()) {
        result.state = "failed";
        result.why = missing[0].message +
                     (missing.size() > 1 ? fmt::format(" (and {} more metrics are missing)", missing.size() - 1) : "");
    }
    if (Status s = write_file(directory + "/" + kMetricsFile, as_csv(result.metrics)); !s) {
        return s.error();
    }
    const Json json = point_json(battery, point, directory, ended, result);
    if (Status s = write_file(directory + "/" + kPointFile, json.dump() + "\n"); !s) {
        return s.error();
    }
    if (!ended.keep_script) {
        unlink((directory + "/" + kScriptFile).c_str());
    }
    return result;
}

}  // namespace inferstep::sweep
