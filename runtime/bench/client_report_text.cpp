#include <algorithm>
#include <set>

#include "bench/client_report.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"
#include "core/version.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kMostNodesShown = 8;

struct Totals {
    std::int64_t iterations = 0, compared = 0, wrong = 0;
    int errors = 0;
    double worst = 0;
    double per_second = 0;
};

Totals totals_of(const ClientReport& report, const std::vector<NodeRate>& rates) {
    Totals t;
    for (const RankSummary& rank : report.ranks) {
        t.iterations += rank.iterations;
        t.compared += rank.compared;
        t.wrong += rank.wrong;
        t.errors += rank.error.empty() ? 0 : 1;
        t.worst = std::max(t.worst, rank.worst);
    }
    for (const NodeRate& node : rates) {
        t.per_second += node.per_second;
    }
    return t;
}

std::string table_row(const Samples& s) {
    const auto ms = [](double seconds) { return fmt::format("{:>11.3f}", seconds * 1e3); };
    return fmt::format("{:<14}{:>9}{}{}{}{}{}\n", s.function, s.times.size(), ms(mean(s.times)),
                       ms(percentile(s.times, 0.50)), ms(percentile(s.times, 0.95)), ms(percentile(s.times, 0.99)),
                       ms(*std::max_element(s.times.begin(), s.times.end())));
}

std::string rates_text(const std::vector<NodeRate>& rates, const Totals& totals) {
    std::string text = fmt::format("inferences/s  {:.2f}", totals.per_second);
    if (rates.empty()) {
        return text + "\n";
    }
    std::vector<double> values;
    values.reserve(rates.size());
    for (const NodeRate& node : rates) {
        values.push_back(node.per_second);
    }
    text += fmt::format("; per node: lowest {:.2f}, median {:.2f}, highest {:.2f}\n", percentile(values, 0),
                        percentile(values, 0.5), percentile(values, 1));
    for (std::size_t i = 0; i < std::min(rates.size(), kMostNodesShown); ++i) {
        text += fmt::format("  {:<24}{:>10.2f}  ({} client{})\n", rates[i].node, rates[i].per_second, rates[i].clients,
                            rates[i].clients == 1 ? "" : "s");
    }
    if (rates.size() > kMostNodesShown) {
        text += fmt::format("  … and {} more nodes in summary.json\n", rates.size() - kMostNodesShown);
    }
    return text;
}

// How much faster an iteration is as one command; 0 where not both were done.
double dag_gain(const ClientReport& report) {
    double calls = 0;
    double dag = 0;
    for (const Samples& s : report.samples) {
        calls = s.function == "loop" ? percentile(s.times, 0.5) : calls;
        dag = s.function == "dag" ? percentile(s.times, 0.5) : dag;
    }
    return dag > 0 ? calls / dag : 0;
}

}  // namespace

Json report_json(const ClientReport& report, const ClientOptions& options, const std::string& directory) {
    const std::vector<NodeRate> rates = node_rates(report);
    const Totals totals = totals_of(report, rates);
    Json command = Json::array();
    for (const std::string& word : options.command) {
        command.push(word);
    }
    Json functions = Json::object();
    for (const Samples& s : report.samples) {
        functions.set(s.function.c_str(), samples_json(s.times));
    }
    Json nodes = Json::array();
    for (const NodeRate& node : rates) {
        Json json = Json::object();
        json.set("node", node.node).set("clients", node.clients).set("inferences_per_second", node.per_second);
        nodes.push(std::move(json));
    }
    Json json = Json::object();
    json.set("schema", "inferstep-client/1").set("command", std::move(command)).set("versions", version_json());
    json.set("workload", options.smartsim ? "smartsim" : "infer");
    json.set("language", options.fortran ? "fortran" : "cpp").set("model", options.model_name);
    json.set("batch_size", options.batch_size).set("iterations", totals.iterations);
    json.set("clients", report.ranks.size()).set("missing", report.missing);
    json.set("functions", std::move(functions));
    json.set("inferences_per_second", totals.per_second).set("nodes", std::move(nodes));
    if (const double gain = dag_gain(report); gain > 0) {
        json.set("dag_gain", gain);
    }
    json.set("compared", totals.compared).set("wrong", totals.wrong).set("worst", totals.worst);
    json.set("tolerance", options.tolerance).set("errors", totals.errors).set("records", directory);
    return json;
}

std::string report_text(const ClientReport& report, const ClientOptions& options, const std::string& directory) {
    const std::vector<NodeRate> rates = node_rates(report);
    const Totals totals = totals_of(report, rates);
    const auto clients = static_cast<int>(report.ranks.size());
    std::set<int> seen;
    for (const RankSummary& rank : report.ranks) {
        seen.insert(rank.id.node_index);
    }
    const auto nodes = static_cast<int>(seen.size());
    std::string text =
        fmt::format("{} on {}, model {}, batch {}, {}\n\n", counted(clients, "client"), counted(nodes, "node"),
                    options.model_name, options.batch_size, options.fortran ? "Fortran" : "C++");
    text +=
        fmt::format("{:<14}{:>9}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "[ms]", "count", "mean", "p50", "p95", "p99", "max");
    for (const Samples& s : report.samples) {
        text += table_row(s);
    }
    text += "\n" + rates_text(rates, totals);
    if (const double gain = dag_gain(report); gain > 0) {
        text += fmt::format("one command   {:.3f} x as fast as call after call (medians of loop and dag)\n", gain);
    }
    text += fmt::format("#wrong        {} of {} (largest difference {:.2g}, tolerance {:.2g})\n", totals.wrong,
                        totals.compared, totals.worst, options.tolerance);
    text += fmt::format("#errors       {}", totals.errors);
    text += report.missing > 0 ? fmt::format("; {} left no summary\n", counted(report.missing, "rank")) : "\n";
    text += fmt::format("records       {}\n", directory);
    return text;
}

}  // namespace inferstep
