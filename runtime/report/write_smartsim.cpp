#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/version.hpp"
#include "report/fresh_directory.hpp"
#include "report/smartsim.hpp"

namespace inferstep::report {
namespace {

// The times of one function in the file of one rank.
struct Slice {
    const FunctionTimes* function;
    std::size_t begin, end;
    std::size_t count() const { return end - begin; }
};

std::vector<std::vector<Slice>> slices_of(const Execution& execution) {
    std::vector<std::vector<Slice>> files(execution.files.size());
    for (const FunctionTimes& times : execution.functions) {
        for (std::size_t i = 0; i < times.parts.size() && !times.profiled; ++i) {
            const std::size_t end = i + 1 < times.parts.size() ? times.parts[i + 1].begin : times.seconds.size();
            files[times.parts[i].file].push_back({&times, times.parts[i].begin, end});
        }
    }
    return files;
}

// Iteration after iteration; what was timed once stands before or behind them, where it stood.
std::string rows_of(int rank, const std::vector<Slice>& slices) {
    std::string text;
    const auto row = [&](const Slice& s, std::size_t i) {
        fmt::format_to(std::back_inserter(text), "{},{},{}\n", rank, s.function->function,
                       s.function->seconds[s.begin + i]);
    };
    const auto repeated = [](const Slice& s) { return s.count() > 1; };
    const auto first = std::find_if(slices.begin(), slices.end(), repeated);
    std::for_each(slices.begin(), first, [&](const Slice& s) { row(s, 0); });
    std::size_t most = 0;
    for (const Slice& s : slices) {
        most = std::max(most, s.count());
    }
    for (std::size_t i = 0; i < most && first != slices.end(); ++i) {
        for (auto s = first; s != slices.end(); ++s) {
            if (repeated(*s) && i < s->count()) {
                row(*s, i);
            }
        }
    }
    std::for_each(first, slices.end(), [&](const Slice& s) {
        if (!repeated(s)) {
            row(s, 0);
        }
    });
    return text;
}

// Python's ConfigParser takes a single % for the begin of a reference.
std::string escaped(std::string text) {
    for (std::size_t at = 0; (at = text.find('%', at)) != std::string::npos; at += 2) {
        text.insert(at, 1, '%');
    }
    return text;
}

std::string value_of(const Execution& execution, std::string_view name, std::string fallback) {
    for (const auto& [key, value] : execution.parameters) {
        if (key == name) {
            return value;
        }
    }
    return fallback;
}

std::string their_name(const std::string& ours) {
    for (const auto& [theirs, name] : kSmartsimNames) {
        if (ours == name) {
            return theirs;
        }
    }
    return ours;
}

bool is_key(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
    });
}

std::string attributes_of(const Execution& execution) {
    std::string text;
    std::set<std::string> known = {"client_total", "client_nodes", "nodes"};
    const auto add = [&](const std::string& key, const std::string& value) {
        text += fmt::format("{} = {}\n", key, escaped(value));
        known.insert(key);
    };
    const bool standard = !value_of(execution, "client_nodes", "").empty();
    add("colocated", value_of(execution, "colocated", standard ? "0" : "1"));
    add("client_total", fmt::format("{}", execution.tasks));
    add("client_nodes", fmt::format("{}", execution.nodes));
    add("client_per_node",
        value_of(execution, "clients_per_node", fmt::format("{}", execution.tasks / std::max(1, execution.nodes))));
    add("language", value_of(execution, "language", "cpp"));
    for (const auto& [key, value] : execution.parameters) {
        if (is_key(key) && !known.contains(their_name(key))) {
            add(their_name(key), value);
        }
    }
    return text;
}

// As its drivers name it; the last part is theirs to make unlike all others, and of the same execution always the same.
std::string session_name(const Execution& execution, std::size_t index, std::set<std::string>& taken) {
    const auto part = [&](const char* key, const std::string& fallback) {
        const std::string value = value_of(execution, key, fallback);
        return is_key(value) && value.size() <= 32 ? value : fallback;
    };
    const bool standard = !value_of(execution, "client_nodes", "").empty();
    const std::string name =
        fmt::format("infer-sess{}-{}-N{}-T{}-DBN{}-DBCPU{}-ITER{}-DBTPQ{}-", standard ? "" : "-colo",
                    part("language", "cpp"), execution.nodes, execution.tasks / std::max(1, execution.nodes),
                    part("db_nodes", fmt::format("{}", execution.nodes)), part("db_cpus", "0"), part("iterations", "0"),
                    part("db_tpq", "1"));
    const std::string last = sha256_of(fmt::format("{} {}", index, execution.id));
    std::size_t digits = 4;
    while (!taken.insert(name + last.substr(0, digits)).second) {
        ++digits;
    }
    return name + last.substr(0, digits);
}

Status write_session(const std::string& directory, const std::string& name, const Execution& execution) {
    if (Status s = make_directories(directory + "/" + name); !s) {
        return s;
    }
    const std::string language = value_of(execution, "language", "cpp");
    const std::string config =
        fmt::format("[run]\nname = {0}\nlanguage = {1}\n{2} = inferstep {3}\nfrom = {4}\n\n[attributes]\n{5}", name,
                    escaped(language), kWrittenBy, version_json().text("inferstep"), escaped(execution.id),
                    attributes_of(execution));
    if (Status s = write_file(fmt::format("{}/{}/run.cfg", directory, name), config); !s) {
        return s;
    }
    const auto slices = slices_of(execution);
    for (std::size_t i = 0; i < slices.size(); ++i) {
        const int rank = execution.files[i].rank;
        if (rank < 0 || slices[i].empty()) {
            continue;
        }
        const std::string path = fmt::format("{}/{}/rank_{}_timing.csv", directory, name, rank);
        if (Status s = write_file(path, rows_of(rank, slices[i])); !s) {
            return s;
        }
    }
    return Status::ok();
}

// The format knows neither failures nor warm-ups, and its times are of ranks.
bool is_session(const Execution& execution) {
    return execution.state == State::kDone && !execution.warmup &&
           std::any_of(execution.functions.begin(), execution.functions.end(), [&](const FunctionTimes& times) {
               return !times.profiled && !times.parts.empty() && execution.files[times.parts.front().file].rank >= 0;
           });
}

}  // namespace

Result<int> write_smartsim(const std::string& directory, const Collection& collection) {
    std::error_code code;
    if (std::filesystem::exists(directory, code) && !std::filesystem::is_empty(directory, code)) {
        return fail("{} is there already and not empty: sessions are written into a new directory", directory);
    }
    auto fresh = FreshDirectory::make(directory);
    if (!fresh) {
        return fresh.error();
    }
    int sessions = 0;
    std::set<std::string> taken;
    for (std::size_t i = 0; i < collection.executions.size(); ++i) {
        const Execution& execution = collection.executions[i];
        if (!is_session(execution)) {
            continue;
        }
        if (Status s = write_session(fresh->path(), session_name(execution, i, taken), execution); !s) {
            return s.error();
        }
        ++sessions;
    }
    if (sessions == 0) {
        return fail("nothing that was read has times of ranks: there is no session to write into {}", directory);
    }
    const Status s = fresh->keep();
    return s ? Result<int>(sessions) : Result<int>(s.error());
}

}  // namespace inferstep::report
