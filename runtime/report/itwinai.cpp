#include "report/itwinai.hpp"

#include <functional>

#include "core/file.hpp"
#include "core/log.hpp"
#include "report/csv.hpp"
#include "report/read_rows.hpp"

namespace inferstep::report {
namespace {

constexpr double kMost = 1e8;  // nodes, GPUs, epochs

using Row = std::function<Status(const std::vector<std::string>& fields, const Source& source)>;

// The rows of all CSV files of a folder. A row that `take` finds wrong is noted.
Status for_each_row(const std::string& folder, const std::vector<std::string_view>& columns,
                    const std::vector<std::string_view>& more, Notes& notes, const Row& take) {
    const auto names = names_in(folder);
    if (!names) {
        return names.error();
    }
    const std::string kind = fmt::format("rows of {} left out", folder.substr(folder.rfind('/') + 1));
    std::int64_t good = 0;
    for (const std::string& name : *names) {
        const std::string path = fmt::format("{}/{}", folder, name);
        if (!name.ends_with(".csv")) {
            notes.add("files left out", {path, 0}, "the file is no CSV and is left out");
            continue;
        }
        std::int64_t rows = 0;
        CsvUse use;
        use.columns = columns;
        use.more = more;
        use.bad = [&](std::int64_t line, std::string why) { notes.add(kind, {path, line}, std::move(why)); };
        use.row = [&](const std::vector<std::string>& fields, std::int64_t line) {
            const Status s = take(fields, {path, line});
            rows += s ? 1 : 0;
            if (!s) {
                use.bad(line, s.error().message);
            }
        };
        const Result<std::string> text = read_file(path);
        if (!text) {
            return text.error();
        }
        if (!text->empty()) {
            if (Status s = scan_csv_text(*text, path, use); !s) {
                return s;
            }
        }
        if (rows == 0) {
            notes.add("empty files", {path, 0}, "the file has no rows that can be used");
        }
        good += rows;
    }
    return good > 0 ? Status::ok()
                    : Status(fail("{} has no data: no CSV file there has a row that can be used", folder));
}

// A strategy's name and its size in a row.
Result<SizeKey> key_of(const std::string& strategy, const std::string& size) {
    const Result<double> n = field_number(size, 1, kMost);
    if (!n) {
        return n.error();
    }
    return strategy.empty() ? Result<SizeKey>(fail("the row names no strategy"))
                            : Result<SizeKey>(SizeKey{printable(strategy), static_cast<int>(*n)});
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) {
        if (text.find(part) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

// What itwinai counts as what.
bool is_computation(std::string_view name) {
    return has_any(name, {"aten::", "c10::", "autograd::", " at::", "\tat::"});
}
bool is_communication(std::string_view name) {
    return has_any(name, {"nccl:all_reduce", "nccl:broadcast", "nccl:reduce", "nccl:all_gather", "nccl:gather",
                          "nccl:reduce_scatter", "cudaStreamWaitEvent", "cudaStreamSynchronize"});
}

}  // namespace

Status read_epochs(const std::string& folder, EpochTable& table, Notes& notes) {
    return for_each_row(folder, {"name", "nodes", "epoch_id", "time"}, {}, notes,
                        [&](const std::vector<std::string>& fields, const Source& source) -> Status {
                            const auto key = key_of(fields[0], fields[1]);
                            const auto epoch = field_number(fields[2], 0, kMost);
                            const auto seconds = field_number(fields[3], 0, kLongestTime);
                            if (!key || !epoch || !seconds) {
                                return !key ? key.error() : !epoch ? epoch.error() : seconds.error();
                            }
                            Epochs& epochs = table[*key];
                            if (!epochs.epochs.insert(static_cast<int>(*epoch)).second) {
                                return fail("epoch {} of {} on {} nodes is there twice", *epoch, key->first,
                                            key->second);
                            }
                            epochs.times.push_back({*seconds, source});
                            return Status::ok();
                        });
}

Status read_gpus(const std::string& folder, GpuTable& table, Notes& notes) {
    return for_each_row(
        folder,
        {"strategy", "num_global_gpus", "sample_idx", "node_idx", "local_rank", "utilization", "power",
         "probing_interval"},
        {}, notes, [&](const std::vector<std::string>& fields, const Source& source) -> Status {
            const auto key = key_of(fields[0], fields[1]);
            if (!key) {
                return key.error();
            }
            constexpr double kHighest[] = {kMost, kMost, 100, 1e6, 1e6};  // watts, seconds
            double values[5] = {};
            for (std::size_t i = 0; i < 5; ++i) {
                const auto value = field_number(fields[i + 3], 0, kHighest[i]);
                if (!value) {
                    return value.error();
                }
                values[i] = *value;
            }
            const auto [node, gpu, utilization, power, interval] = values;
            GpuSamples& samples = table[*key];
            // Each sample counts once, whatever other GPUs were sampled at the same time.
            if (!samples.seen.emplace(fields[2], static_cast<int>(node), static_cast<int>(gpu)).second) {
                return fail("sample {} of GPU {} on node {} is there twice", printable(fields[2]), gpu, node);
            }
            if (samples.count > 0 && interval != samples.interval_s) {
                return fail("the probing interval is {} s here and {} s before", interval, samples.interval_s);
            }
            samples.interval_s = interval;
            samples.energy_j += power * interval;
            samples.utilization_sum += utilization;
            ++samples.count;
            samples.nodes.insert(static_cast<int>(node));
            samples.gpus.emplace(static_cast<int>(node), static_cast<int>(gpu));
            samples.source = samples.source.file.empty() ? Source{source.file, 0} : samples.source;
            return Status::ok();
        });
}

Status read_profiles(const std::string& folder, ProfileTable& table, Notes& notes) {
    return for_each_row(folder, {"strategy", "num_gpus", "global_rank", "name", "self_cuda_time_total"}, {"node_id"},
                        notes, [&](const std::vector<std::string>& fields, const Source& source) -> Status {
                            const auto key = key_of(fields[0], fields[1]);
                            const auto rank = field_number(fields[2], 0, kMost);
                            const auto micro = field_number(fields[4], 0, kLongestTime * 1e6);
                            if (!key || !rank || !micro) {
                                return !key ? key.error() : !rank ? rank.error() : micro.error();
                            }
                            SelfTimes& times = table[*key].ranks[static_cast<int>(*rank)];
                            if (times.path.empty()) {
                                times.path = source.file;
                            } else if (times.path != source.file) {
                                return fail("rank {} of {} on {} GPUs has a file already, {}", *rank, key->first,
                                            key->second, times.path);
                            }
                            if (const auto node = field_number(fields[5], 0, kMost)) {
                                table[*key].nodes.insert(static_cast<int>(*node));
                            }
                            if (fields[3].starts_with("ProfilerStep")) {
                                return Status::ok();  // contains the others
                            }
                            double& sum = is_computation(fields[3])     ? times.computation
                                          : is_communication(fields[3]) ? times.communication
                                                                        : times.other;
                            sum += *micro * 1e-6;
                            return Status::ok();
                        });
}

}  // namespace inferstep::report
