#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/json.hpp"
#include "core/version.hpp"
#include "report/bundle_parts.hpp"
#include "report/compute_stages.hpp"
#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

constexpr const char* kScalings[] = {"unknown", "strong", "weak", "neither", "none"};

// With the digits of the files; what is unknown becomes null.
double rounded(double value) {
    if (!std::isfinite(value)) {
        return kUnknown;
    }
    const std::string text = fmt::format("{:.{}g}", value, kFileDigits);
    double result = value;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
}

Json indices(const std::vector<std::size_t>& all) {
    Json json = Json::array();
    for (const std::size_t i : all) {
        json.push(static_cast<double>(i));
    }
    return json;
}

Json value_json(const Value& v) {
    Json json = Json::object();
    json.set("value", rounded(v.value)).set("low", rounded(v.low)).set("high", rounded(v.high));
    return std::move(json.set("from", indices(v.from)));
}

Json source_json(const Source& s) {
    Json json = Json::object();
    return std::move(json.set("file", s.file).set("line", s.line));
}

Json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
    Json json = Json::object();
    for (const auto& [name, value] : pairs) {
        json.set(name.c_str(), value);
    }
    return json;
}

template <typename T, typename Of>
Json array_of(const std::vector<T>& all, Of of) {
    Json json = Json::array();
    for (const T& one : all) {
        json.push(of(one));
    }
    return json;
}

Json accounting_json(const Accounting& a) {
    const std::pair<const char*, double> numbers[] = {{"elapsed_s", a.elapsed_s},
                                                      {"cpu_s", a.cpu_s},
                                                      {"allocated_cpu_s", a.allocated_cpu_s},
                                                      {"max_rss_bytes", a.max_rss_bytes},
                                                      {"energy_j", a.energy_j},
                                                      {"database_cpu_s", a.database_cpu_s},
                                                      {"database_rss_bytes", a.database_rss_bytes},
                                                      {"queue_s", a.queue_s},
                                                      {"input_s", a.input_s},
                                                      {"inference_s", a.inference_s},
                                                      {"output_s", a.output_s},
                                                      {"gpu_utilization", a.gpu_utilization}};
    Json json = Json::object();
    json.set("job", a.job).set("step", a.step);
    for (const auto& [name, number] : numbers) {
        json.set(name, rounded(number));
    }
    json.set("databases_counted", a.databases_counted).set("sacct", source_json(a.source));
    json.set("record", source_json(a.record)).set("gpu", source_json(a.gpu));
    return std::move(json.set("why", a.why));
}

Json comparison_json(const sweep::StageComparison& c) {
    Json json = Json::object();
    json.set("reference", c.reference).set("prompts", rounded(c.prompts)).set("identical", rounded(c.identical));
    json.set("token_agreement", rounded(c.token_agreement)).set("perplexity", rounded(c.perplexity));
    json.set("reference_perplexity", rounded(c.reference_perplexity));
    json.set("perplexity_delta", rounded(c.perplexity_delta));
    return std::move(json.set("first_divergence", array_of(c.first_divergence, [](const auto& one) {
                                  Json of = Json::object();
                                  of.set("prompt_index", one.first).set("position", one.second);
                                  return of;
                              })));
}

Json reference_json(const Reference& reference) {
    Json json = Json::object();
    json.set("path", reference.path).set("prompts", static_cast<double>(reference.prompts.size()));
    return std::move(json.set("runs", array_of(reference.runs, [](const ReferenceRun& run) {
                                  Json of = Json::object();
                                  of.set("execution", static_cast<double>(run.execution));
                                  of.set("identical", run.identical).set("without_reference", run.without_reference);
                                  return std::move(of.set("prompts", array_of(run.prompts, [](const auto& p) {
                                                              Json one = Json::object();
                                                              one.set("prompt_index", p.prompt_index);
                                                              one.set("divergence", p.divergence);
                                                              one.set("by_tokens", p.by_tokens);
                                                              return one;
                                                          })));
                              })));
}

Json execution_json(const Collection& collection, const Figures& figures, std::size_t index) {
    const Execution& e = collection.executions[index];
    Json json = Json::object();
    json.set("tree", collection.trees[e.tree].label).set("id", e.id).set("parameters", pairs_json(e.parameters));
    json.set("repeat", e.repeat).set("warmup", e.warmup).set("state", state_word(e.state));
    json.set("why", e.why).set("exit_code", e.exit_code).set("begin", e.begin).set("seconds", rounded(e.seconds));
    json.set("nodes", e.nodes).set("tasks", e.tasks).set("gpus", e.gpus);
    json.set("work", rounded(e.work)).set("work_unit", e.work_unit);
    json.set("time_s", rounded(figures.times[index])).set("rate", rounded(figures.rates[index]));
    json.set("files", array_of(e.files, [](const RankFile& file) {
                 Json of = Json::object();
                 of.set("path", file.path).set("rank", file.rank).set("node", file.node).set("rows", file.rows);
                 return of;
             }));
    json.set("metrics", array_of(e.metrics, [](const Metric& m) {
                 Json of = Json::object();
                 of.set("name", m.name).set("unit", m.unit).set("better", m.higher_is_better ? "higher" : "lower");
                 return std::move(of.set("value", rounded(m.value)).set("source", source_json(m.source)));
             }));
    json.set("accounting", accounting_json(e.accounting));
    if (e.stages && e.stages->comparison) {
        json.set("comparison", comparison_json(*e.stages->comparison));
    }
    return std::move(json.set("logs", array_of(e.logs, source_json)));
}

Json distribution_json(const Distribution& d) {
    Json json = Json::object();
    json.set("function", d.function).set("kind", d.profiled ? "profiler" : "wall").set("count", d.count);
    json.set("mean", value_json(d.mean)).set("deviation", rounded(d.deviation)).set("min", rounded(d.min));
    json.set("p50", value_json(d.p50)).set("p95", value_json(d.p95)).set("p99", value_json(d.p99));
    json.set("max", rounded(d.max)).set("fastest", source_json(d.fastest)).set("slowest", source_json(d.slowest));
    Json quantiles = Json::array();
    for (const double q : d.quantiles) {
        quantiles.push(rounded(q));
    }
    return std::move(json.set("quantiles", std::move(quantiles)));
}

Json stage_json(const StageFigures& stage) {
    Json json = Json::object();
    json.set("stage", stage.stage).set("layers", stage.layers).set("node", stage.node);
    for (std::size_t i = 0; i < stage.values.size(); ++i) {
        json.set(stage_columns()[i].key, value_json(stage.values[i]));
    }
    return json;
}

Json row_json(const Figures& figures, const Row& row) {
    Json json = Json::object();
    json.set("series", row.series).set("x", rounded(row.x));
    json.set("nodes", row.nodes).set("tasks", row.tasks).set("gpus", row.gpus);
    json.set("executions", indices(row.executions));
    const Breakdown& b = row.breakdown;
    const std::pair<const char*, const Value*> values[] = {
        {"time_s", &row.time},
        {"rate", &row.rate},
        {"work", &row.work},
        {"relative_time", &row.relative_time},
        {"speedup_common", &row.speedup_common},
        {"speedup_own", &row.speedup_own},
        {"strong_common", &row.strong_common},
        {"strong_own", &row.strong_own},
        {"weak_common", &row.weak_common},
        {"weak_own", &row.weak_own},
        {"cpu_utilization", &row.utilization},
        {"gpu_utilization", &row.gpu_utilization},
        {"memory_bytes", &row.memory_bytes},
        {"energy_j", &row.energy_j},
        {"database_share", &row.database_share},
        {"imbalance", &row.imbalance},
        {"communication", &b.communication},
        {"compute", &b.compute},
        {"io", &b.io},
        {"preprocess", &b.preprocess},
        {"bubble", &b.bubble},
        {"other", &b.other},
        {"database_queue", &row.database.queue},
        {"database_input", &row.database.input},
        {"database_inference", &row.database.inference},
        {"database_output", &row.database.output},
    };
    for (const auto& [name, v] : values) {
        json.set(name, value_json(*v));
    }
    json.set("functions", array_of(row.functions, distribution_json));
    Json metrics = Json::object();
    for (std::size_t i = 0; i < row.metrics.size(); ++i) {
        metrics.set(figures.metrics[i].name.c_str(), value_json(row.metrics[i]));
    }
    Json experiment = Json::object();
    for (std::size_t i = 0; i < row.experiment.size(); ++i) {
        experiment.set(figures.experiment[i].key.c_str(), value_json(row.experiment[i]));
    }
    json.set("experiment", std::move(experiment)).set("stages", array_of(row.stages, stage_json));
    return std::move(json.set("metrics", std::move(metrics)));
}

Json meaning_json(const Figures& f) {
    const auto named = [](const std::string& name, const std::string& rule, const std::string& unit) {
        Json json = Json::object();
        return std::move(json.set("name", name).set("unit", unit).set("rule", rule));
    };
    Json json = Json::object();
    json.set("x", named(f.x_name, f.x_rule, "")).set("time", named(f.time_name, f.time_rule, "s"));
    json.set("rate", named(f.rate_name, f.rate_rule, f.rate_unit));
    Json baseline = Json::object();
    baseline.set("row", f.has_baseline ? static_cast<double>(f.common_baseline) : kUnknown);
    json.set("baseline", std::move(baseline.set("rule", f.baseline_rule)));
    json.set("experiment", f.kind);
    Json scaling = Json::object();
    scaling.set("kind", kScalings[static_cast<int>(f.scaling)]).set("rule", f.scaling_rule);
    return std::move(json.set("scaling", std::move(scaling)));
}

Json remark_json(std::size_t execution, const std::string& text) {
    Json json = Json::object();
    return std::move(json.set("execution", execution).set("text", text));
}

void add_remarks(const Figures& figures, Json& json) {
    json.set("outliers", array_of(figures.outliers, [](const Outlier& o) {
                 return std::move(remark_json(o.execution, o.text).set("source", source_json(o.source)));
             }));
    json.set("failures", array_of(figures.failures, [](const Failure& f) { return remark_json(f.execution, f.text); }));
    json.set("notes", array_of(figures.notes, [](const Note& n) {
                 Json note = Json::object();
                 return std::move(note.set("text", n.text).set("source", source_json(n.source)));
             }));
}

}  // namespace

std::string report_json_text(const Figures& figures, const Collection& collection, const BundleOptions& options) {
    Json json = Json::object();
    Json command = Json::array();
    for (const std::string& word : options.command) {
        command.push(word);
    }
    json.set("schema", kReportSchema).set("command", std::move(command)).set("versions", version_json());
    json.set("trees", array_of(collection.trees, [](const Tree& tree) {
                 Json of = Json::object();
                 return std::move(of.set("path", tree.path).set("label", tree.label).set("format", tree.format));
             }));
    json.set("meaning", meaning_json(figures));
    json.set(
        "series", array_of(figures.series, [&](const Series& s) {
            Json of = Json::object();
            of.set("name", s.name).set("tree", collection.trees[s.tree].label);
            of.set("parameters", pairs_json(s.parameters));
            return std::move(of.set("own_baseline", s.has_baseline ? static_cast<double>(s.own_baseline) : kUnknown));
        }));
    json.set("rows", array_of(figures.rows, [&](const Row& row) { return row_json(figures, row); }));
    Json executions = Json::array();
    for (std::size_t i = 0; i < collection.executions.size(); ++i) {
        executions.push(execution_json(collection, figures, i));
    }
    json.set("executions", std::move(executions));
    if (collection.reference) {
        json.set("reference", reference_json(*collection.reference));
    }
    add_remarks(figures, json);
    return json.dump() + "\n";
}

}  // namespace inferstep::report
