// The records of one step: outputs/<job>.<step> of inferstep client, or of whatever ran beside databases.
#include <algorithm>

#include "core/file.hpp"
#include "core/log.hpp"
#include "report/read_parts.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kTail = std::size_t{64} << 10;  // holds any rank's summary

// What the summaries in the ranks' logs say of all of them.
struct Ranks {
    int ranks = 0;
    int nodes = 0;
    double compared = 0;
    double wrong = 0;
    Source source;
};

// The rank's summary is the last line of its log.
Result<Json> summary_in(const std::string& path) {
    const Result<std::string> tail = read_tail(path, kTail);
    if (!tail) {
        return tail.error();
    }
    std::string_view text = *tail;
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
        text = text.substr(text.rfind('\n') + 1);
        if (text.starts_with('{')) {
            return Json::parse(text, path);
        }
    }
    return fail("the log has no summary: the rank did not come to its end, or its records are cut off");
}

Status read_log(const std::string& path, int rank, Ranks& ranks, Execution& execution, Notes& notes) {
    execution.logs.push_back({path, 0});
    const Result<Json> summary = summary_in(path);
    if (!summary) {
        notes.add("logs without summary", {path, 0}, summary.error().message);
        return Status::ok();
    }
    if (Status s = check_schema(path, *summary, "inferstep-rank/1"); !s) {
        return s;
    }
    ranks.ranks = std::max(ranks.ranks, static_cast<int>(std::clamp(summary->number("ranks"), 0.0, 1e8)));
    ranks.nodes = std::max(ranks.nodes, static_cast<int>(std::clamp(summary->number("nodes"), 0.0, 1e8)));
    ranks.compared += std::max(0.0, summary->number("compared"));
    ranks.wrong += std::max(0.0, summary->number("wrong"));
    ranks.source = ranks.source.file.empty() ? Source{path, 0} : ranks.source;
    if (const std::string error = summary->text("error"); !error.empty()) {
        notes.add("ranks with errors", {path, 0}, printable(error));
    }
    const auto file = std::lower_bound(execution.files.begin(), execution.files.end(), rank,
                                       [](const RankFile& f, int r) { return f.rank < r; });
    if (file != execution.files.end() && file->rank == rank) {
        file->node = printable(summary->text("node"));
    }
    return Status::ok();
}

Status read_summary(const std::string& path, Ranks& ranks, Execution& execution, Notes& notes) {
    const auto record = read_record(path, "inferstep-client/1", notes);
    if (!record || !*record) {
        return record ? Status::ok() : Status(record.error());
    }
    const Json& summary = **record;
    for (const char* key : {"workload", "language", "model"}) {
        if (const std::string value = summary.text(key); !value.empty()) {
            execution.parameters.emplace_back(key, printable(value));
        }
    }
    if (const double batch = summary.number("batch_size"); batch > 0) {
        execution.parameters.emplace_back("batch_size", fmt::format("{}", batch));
    }
    const double clients = summary.number("clients") + summary.number("missing");
    ranks.ranks = std::max(ranks.ranks, static_cast<int>(std::clamp(clients, 0.0, 1e8)));
    ranks.source = {path, line_of(path, "clients")};
    for (const auto& [key, unit] : {std::pair("inferences_per_second", "1/s"), std::pair("dag_gain", "")}) {
        if (const double value = summary.number(key, kUnknown); value >= 0) {
            execution.metrics.push_back({key, unit, true, value, {path, line_of(path, key)}});
        }
    }
    return Status::ok();
}

// "outputs/71.0.r1": job and step, and sacct's file of the job.
void read_cost(const std::string& directory, Execution& execution, Notes& notes) {
    const std::string name = directory.substr(directory.rfind('/') + 1);
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) {
        return;
    }
    execution.accounting.job = name.substr(0, dot);
    execution.accounting.step = name.substr(0, name.find('.', dot + 1));
    read_sacct(fmt::format("{}/sacct_{}.txt", directory, execution.accounting.job), execution.accounting.step,
               execution.accounting, notes);
}

}  // namespace

Status read_step(const std::string& directory, bool alone, Execution& execution, Notes& notes) {
    const auto names = names_in(directory);
    if (!names) {
        return names.error();
    }
    RankReader reader(execution, notes);
    for (const std::string& name : *names) {
        if (const int rank = rank_of(name, "rank_", ".csv"); rank >= 0) {
            if (Status s = reader.read(fmt::format("{}/{}", directory, name), rank); !s) {
                return s;
            }
        }
    }
    const Result<bool> stage = read_stage(directory, *names, alone, execution, notes);
    if (!stage || *stage) {
        read_cost(directory, execution, notes);
        return stage ? Status::ok() : Status(stage.error());
    }
    Ranks ranks;
    const bool merged = std::find(names->begin(), names->end(), "step.json") != names->end();
    for (const std::string& name : *names) {
        if (const int rank = rank_of(name, "rank_", ".log"); rank >= 0) {
            if (Status s = read_log(fmt::format("{}/{}", directory, name), rank, ranks, execution, notes); !s) {
                return s;
            }
        } else if (name.starts_with("db_") && name.ends_with(".log")) {
            execution.logs.push_back({fmt::format("{}/{}", directory, name), 0});
        } else if (!merged && name.starts_with("step_") && name.ends_with(".json")) {
            if (Status s = read_node_json(fmt::format("{}/{}", directory, name), execution.accounting, notes); !s) {
                return s;
            }
        }
    }
    for (const Status& s : {read_summary(directory + "/summary.json", ranks, execution, notes),
                            read_step_json(directory + "/step.json", execution.accounting, notes)}) {
        if (!s) {
            return s.error();
        }
    }
    read_cost(directory, execution, notes);
    if (ranks.wrong > 0) {
        notes.add("steps with wrong answers", ranks.source,
                  fmt::format("{:.0f} of {:.0f} answers were wrong", ranks.wrong, ranks.compared));
    }
    if (!execution.files.empty()) {
        note_missing(execution, ranks.ranks, directory, ranks.source, notes);
    }
    execution.nodes = std::max(execution.nodes, ranks.nodes);
    execution.tasks = std::max({execution.tasks, ranks.ranks, static_cast<int>(execution.files.size())});
    if (ranks.compared > 0) {
        execution.work = ranks.compared;
        execution.work_unit = "inferences";
    }
    return Status::ok();
}

}  // namespace inferstep::report
