#include "bench/client_record.hpp"

#include <unistd.h>

#include <algorithm>

#include "core/log.hpp"
#include "core/stats.hpp"

namespace inferstep {

Json samples_json(const std::vector<double>& times) {
    Json json = Json::object();
    json.set("count", times.size());
    json.set("mean", mean(times));
    json.set("p50", percentile(times, 0.50));
    json.set("p95", percentile(times, 0.95));
    json.set("p99", percentile(times, 0.99));
    json.set("max", times.empty() ? 0.0 : *std::max_element(times.begin(), times.end()));
    return json;
}

Json rank_json(const RankSummary& s, const std::vector<Samples>& samples) {
    Json functions = Json::object();
    for (const Samples& each : samples) {
        functions.set(each.function.c_str(), samples_json(each.times));
    }
    Json json = Json::object();
    json.set("schema", "inferstep-rank/1");
    json.set("rank", s.id.rank).set("ranks", s.id.ranks);
    json.set("node", s.id.node).set("node_index", s.id.node_index).set("nodes", s.id.nodes);
    json.set("instance", s.instance).set("endpoint", s.endpoint);
    json.set("iterations", s.iterations).set("batch_size", s.batch_size);
    json.set("compared", s.compared).set("wrong", s.wrong).set("worst", s.worst);
    json.set("errors", s.error.empty() ? 0 : 1).set("error", s.error);
    json.set("client_seconds", s.client_seconds).set("loop_seconds", s.loop_seconds);
    json.set("begin", s.begin).set("end", s.end);
    json.set("functions", std::move(functions));
    return json;
}

Result<RankSummary> parse_rank(const Json& json) {
    if (json.text("schema") != "inferstep-rank/1") {
        return fail("this is no summary of a rank");
    }
    RankSummary s;
    s.id.rank = static_cast<int>(json.number("rank"));
    s.id.ranks = static_cast<int>(json.number("ranks"));
    s.id.node = json.text("node");
    s.id.node_index = static_cast<int>(json.number("node_index"));
    s.id.nodes = static_cast<int>(json.number("nodes"));
    s.instance = json.text("instance");
    s.endpoint = json.text("endpoint");
    s.iterations = static_cast<int>(json.number("iterations"));
    s.batch_size = static_cast<int>(json.number("batch_size"));
    s.compared = static_cast<std::int64_t>(json.number("compared"));
    s.wrong = static_cast<std::int64_t>(json.number("wrong"));
    s.worst = json.number("worst");
    s.error = json.text("error");
    s.client_seconds = json.number("client_seconds");
    s.loop_seconds = json.number("loop_seconds");
    s.begin = json.number("begin");
    s.end = json.number("end");
    return s;
}

Result<RankRecord> RankRecord::create(const std::string& outdir, const StepIdentity& id) {
    const std::string directory = absolute_path(outdir) + "/" + step_name(id);
    if (Status s = make_directories(directory); !s) {
        return s.error();
    }
    const std::string log_path = rank_path(directory, id.rank, "log");
    const std::string csv_path = rank_path(directory, id.rank, "csv");
    for (const std::string& path : {log_path, csv_path}) {
        if (access(path.c_str(), F_OK) == 0) {
            return with_hint(fail("the record {} exists already and is not overwritten", path),
                             "--outdir names another place");
        }
    }
    auto log_file = LineFile::create(log_path);
    if (!log_file) {
        return log_file.error();
    }
    auto times = RankTimes::create(directory, id.rank);
    if (!times) {
        return times.error();
    }
    return RankRecord(directory, std::move(*log_file), std::move(*times));
}

void RankRecord::log(std::string_view word, std::string_view text) {
    log_.line(fmt::format("{} {}", word, printable(text)));
}

Status RankRecord::finish(const Json& summary) {
    log_.line(summary.dump(false));
    const Status csv = times_.finish();
    const Status log_file = log_.finish();
    return csv ? log_file : csv;
}

}  // namespace inferstep
