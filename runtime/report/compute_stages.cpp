#include "report/compute_stages.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "report/interval.hpp"

namespace inferstep::report {
namespace {

using sweep::StageRank;
using Unit = StageColumn::Unit;

template <double StageRank::*member>
double plainly(const StageRank& rank) {
    return rank.*member;
}

double bandwidth_share(const StageRank& rank) {
    return rank.reference_gbs > 0 ? rank.read_gbs / rank.reference_gbs : kUnknown;
}

const StageRank* rank_of(const Execution& execution, int stage) {
    if (!execution.stages) {
        return nullptr;
    }
    const auto& ranks = execution.stages->ranks;
    const auto found = std::find_if(ranks.begin(), ranks.end(), [&](const StageRank& r) { return r.stage == stage; });
    return found == ranks.end() ? nullptr : &*found;
}

StageFigures figures_of(const Collection& collection, const Row& row, int stage) {
    StageFigures figures;
    figures.stage = stage;
    for (const StageColumn& column : stage_columns()) {
        std::vector<double> values;
        for (const std::size_t i : row.executions) {
            const StageRank* rank = rank_of(collection.executions[i], stage);
            values.push_back(rank == nullptr ? kUnknown : column.of(*rank));
            if (rank != nullptr && figures.node.empty()) {
                figures.node = rank->node;
                figures.layers = rank->layers;
            }
        }
        figures.values.push_back(of_repeats(values, row.executions));
    }
    return figures;
}

double known(double seconds) { return std::isfinite(seconds) && seconds > 0 ? seconds : 0; }

}  // namespace

const std::vector<StageColumn>& stage_columns() {
    static const std::vector<StageColumn> columns = {
        {"wall_s", "wall", Unit::kSeconds, plainly<&StageRank::wall_s>},
        {"run_s", "run", Unit::kSeconds, plainly<&StageRank::run_s>},
        {"load_s", "load", Unit::kSeconds, plainly<&StageRank::load_s>},
        {"io_s", "I/O", Unit::kSeconds, plainly<&StageRank::io_s>},
        {"preprocess_s", "preprocess", Unit::kSeconds, plainly<&StageRank::preprocess_s>},
        {"prefill_s", "prefill", Unit::kSeconds, plainly<&StageRank::prefill_s>},
        {"decode_s", "decode", Unit::kSeconds, plainly<&StageRank::decode_s>},
        {"compute_s", "compute", Unit::kSeconds, plainly<&StageRank::compute_s>},
        {"send_s", "send", Unit::kSeconds, plainly<&StageRank::send_s>},
        {"receive_wait_s", "wait", Unit::kSeconds, plainly<&StageRank::wait_s>},
        {"bubble_s", "bubble", Unit::kSeconds, plainly<&StageRank::bubble_s>},
        {"bubble_fraction", "bubble", Unit::kFraction, plainly<&StageRank::bubble_fraction>},
        {"cpu_utilization", "CPUs used", Unit::kFraction, plainly<&StageRank::cpu_utilization>},
        {"gpu_utilization", "GPUs used", Unit::kFraction, plainly<&StageRank::gpu_utilization>},
        {"bytes_sent", "sent", Unit::kBytes, plainly<&StageRank::bytes_sent>},
        {"memory_peak_bytes", "memory", Unit::kBytes, plainly<&StageRank::memory_bytes>},
        {"weight_bytes", "weights", Unit::kBytes, plainly<&StageRank::weight_bytes>},
        {"cache_bytes", "KV cache", Unit::kBytes, plainly<&StageRank::cache_bytes>},
        {"read_GBs", "read [GB/s]", Unit::kPlain, plainly<&StageRank::read_gbs>},
        {"reference_read_GBs", "measured beside it [GB/s]", Unit::kPlain, plainly<&StageRank::reference_gbs>},
        {"bandwidth_share", "of the bandwidth", Unit::kFraction, bandwidth_share},
    };
    return columns;
}

std::size_t stage_column(std::string_view key) {
    const auto& columns = stage_columns();
    return static_cast<std::size_t>(
        std::find_if(columns.begin(), columns.end(), [&](const StageColumn& c) { return key == c.key; }) -
        columns.begin());
}

void compute_stages(const Collection& collection, Figures& figures) {
    for (Row& row : figures.rows) {
        std::set<int> stages;
        for (const std::size_t i : row.executions) {
            if (!collection.executions[i].stages) {
                continue;
            }
            for (const StageRank& rank : collection.executions[i].stages->ranks) {
                stages.insert(rank.stage);
            }
        }
        stages.erase(-1);  // ranks without a stage
        for (const int stage : stages) {
            row.stages.push_back(figures_of(collection, row, stage));
        }
    }
}

StageParts stage_parts(const sweep::StageRecord& record) {
    StageParts parts;
    for (const StageRank& rank : record.ranks) {
        if (rank.stage < 0) {
            continue;
        }
        parts.communication += known(rank.send_s);
        parts.compute += known(std::isfinite(rank.compute_s) ? rank.compute_s : rank.prefill_s + rank.decode_s);
        parts.communication += std::max(0.0, known(rank.wait_s) - known(rank.bubble_s));
        parts.bubble += known(rank.bubble_s);
        parts.whole += known(rank.run_s);
    }
    return parts;
}

}  // namespace inferstep::report
