#include "report/compute_grouping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

bool counts(const Execution& e) { return e.state == State::kDone && !e.warmup; }

bool is_field(const std::string& name) {
    return std::find(std::begin(kScales), std::end(kScales), name) != std::end(kScales);
}

// Within one tree: what an execution lacks that others of its tree have is a value too.
bool varies(const Collection& collection, const std::string& name) {
    std::map<std::size_t, std::set<std::string>> values;
    for (const Execution& e : collection.executions) {
        const std::string* value = parameter(e, name);
        std::set<std::string>& of_tree = values[e.tree];
        of_tree.insert(value != nullptr ? *value : std::string());
        if (of_tree.size() > 1) {
            return true;
        }
    }
    return false;
}

bool field_varies(const Collection& collection, const std::string& name) {
    std::set<double> values;
    for (const Execution& e : collection.executions) {
        values.insert(number_of(e, name));
    }
    return values.size() > 1;
}

bool all_numbers(const Collection& collection, const std::string& name) {
    return std::none_of(collection.executions.begin(), collection.executions.end(),
                        [&](const Execution& e) { return std::isnan(number_of(e, name)); });
}

// One value for each x: the same axis under another name.
bool follows(const Collection& collection, const std::string& name, const std::string& x) {
    std::map<std::pair<std::size_t, double>, double> value_at;
    for (const Execution& e : collection.executions) {
        if (parameter(e, name) == nullptr) {
            continue;
        }
        const double value = number_of(e, name);
        if (std::isnan(value)) {
            return false;
        }
        const auto [at, inserted] = value_at.insert({{e.tree, number_of(e, x)}, value});
        if (!inserted && at->second != value) {
            return false;
        }
    }
    return true;
}

void choose_x(const Collection& collection, const FigureOptions& meaning, Figures& figures) {
    const std::vector<std::string> names = parameter_names(collection);
    if (!meaning.x.empty()) {
        const bool known = is_field(meaning.x) || std::find(names.begin(), names.end(), meaning.x) != names.end();
        if (known && all_numbers(collection, meaning.x)) {
            figures.x_name = meaning.x;
            figures.x_rule = "as given";
            return;
        }
        figures.notes.push_back({{},
                                 fmt::format("{} cannot be the horizontal axis: {}", meaning.x,
                                             known ? "it is not a number in every execution"
                                                   : "no execution has a parameter of that name")});
    }
    for (const char* field : kScales) {
        if (field_varies(collection, field)) {
            figures.x_name = field;
            figures.x_rule = field == kScales[0]
                                 ? "the number of nodes varies"
                                 : fmt::format("the number of {} varies, that of nodes does not", field);
            return;
        }
    }
    for (const std::string& name : names) {
        if (varies(collection, name) && all_numbers(collection, name)) {
            figures.x_name = name;
            figures.x_rule = fmt::format("neither nodes, tasks nor gpus vary; {} is the first number that does", name);
            return;
        }
    }
    figures.x_name = kScales[0];
    figures.x_rule = "nothing that is a number varies";
}

std::vector<std::string> choose_series(const Collection& collection, const FigureOptions& meaning, Figures& figures) {
    const std::vector<std::string> names = parameter_names(collection);
    std::vector<std::string> chosen;
    for (const std::string& name : meaning.series) {
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            chosen.push_back(name);
        } else {
            figures.notes.push_back({{}, fmt::format("no execution has a parameter {} to make series of", name)});
        }
    }
    if (!chosen.empty()) {
        return chosen;
    }
    for (const std::string& name : names) {
        if (name == figures.x_name || !varies(collection, name)) {
            continue;
        }
        if (follows(collection, name, figures.x_name)) {
            figures.notes.push_back(
                {{},
                 fmt::format("{} changes with {} and with nothing else: it makes no series", name, figures.x_name)});
        } else {
            chosen.push_back(name);
        }
    }
    return chosen;
}

std::string series_name(const Collection& collection, const Series& series) {
    std::string name = collection.trees.size() > 1 ? collection.trees[series.tree].label : "";
    for (const auto& [parameter, value] : series.parameters) {
        const bool number = !value.empty() && value.find_first_not_of("0123456789.+-e") == std::string::npos;
        name += name.empty() ? "" : ", ";
        name += number ? fmt::format("{} {}", parameter, value) : value;
    }
    return name.empty() ? "all" : name;
}

// Finds the series of an execution, or makes it.
std::size_t series_of(const Collection& collection, const Execution& e, const std::vector<std::string>& names,
                      Figures& figures) {
    Series wanted;
    wanted.tree = e.tree;
    for (const std::string& name : names) {
        if (const std::string* value = parameter(e, name); value != nullptr) {
            wanted.parameters.emplace_back(name, *value);
        }
    }
    for (std::size_t i = 0; i < figures.series.size(); ++i) {
        if (figures.series[i].tree == wanted.tree && figures.series[i].parameters == wanted.parameters) {
            return i;
        }
    }
    wanted.name = series_name(collection, wanted);
    figures.series.push_back(std::move(wanted));
    return figures.series.size() - 1;
}

void note_failure(const Execution& e, std::size_t index, Figures& figures) {
    constexpr const char* kStates[] = {"done", "failed", "ran into its time limit", "was cancelled", "is missing"};
    if (e.state != State::kDone) {
        figures.failures.push_back(
            {index, fmt::format("{} {}{}{}{}", name_of(e), kStates[static_cast<int>(e.state)],
                                e.why.empty() && e.exit_code != 0 ? fmt::format(" with exit code {}", e.exit_code) : "",
                                e.why.empty() ? "" : ": ", e.why)});
    }
}

void add_functions(const Execution& e, std::set<std::string>& seen, Figures& figures) {
    for (const FunctionTimes& f : e.functions) {
        if (seen.insert(f.function).second) {
            figures.functions.push_back(f.function);
        }
    }
}

}  // namespace

FigureOptions meaning_of(const Collection& collection, const FigureOptions& options) {
    FigureOptions meaning = options;
    for (const Tree& tree : collection.trees) {
        meaning.x = meaning.x.empty() ? tree.hint_x : meaning.x;
        meaning.series = meaning.series.empty() ? tree.hint_series : meaning.series;
        meaning.rate = meaning.rate.empty() ? tree.hint_rate : meaning.rate;
        meaning.time = meaning.time.empty() ? tree.hint_time : meaning.time;
        meaning.baseline = meaning.baseline.empty() ? tree.hint_baseline : meaning.baseline;
    }
    return meaning;
}

std::vector<std::string> parameter_names(const Collection& collection) {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const Execution& e : collection.executions) {
        for (const auto& [name, value] : e.parameters) {
            if (seen.insert(name).second) {
                names.push_back(name);
            }
        }
    }
    return names;
}

const std::string* parameter(const Execution& execution, const std::string& name) {
    const auto found = std::find_if(execution.parameters.begin(), execution.parameters.end(),
                                    [&](const auto& p) { return p.first == name; });
    return found == execution.parameters.end() ? nullptr : &found->second;
}

double number_of(const Execution& execution, const std::string& name) {
    if (const std::string* text = parameter(execution, name); text != nullptr) {
        double value = kUnknown;
        const char* end = text->data() + text->size();
        const auto [rest, error] = std::from_chars(text->data(), end, value);
        if (error == std::errc() && rest == end && std::isfinite(value)) {
            return value;
        }
    }
    const int fields[] = {execution.nodes, execution.tasks, execution.gpus};
    for (std::size_t i = 0; i < std::size(kScales); ++i) {
        if (name == kScales[i]) {
            return fields[i];
        }
    }
    return kUnknown;
}

std::string name_of(const Execution& execution) {
    std::string inside;
    for (const auto& [name, value] : execution.parameters) {
        inside += fmt::format("{}{} {}", inside.empty() ? "" : ", ", name, value);
    }
    if (execution.repeat > 1) {
        inside += fmt::format("{}repeat {}", inside.empty() ? "" : ", ", execution.repeat);
    }
    return execution.id + (inside.empty() ? "" : " (" + inside + ")");
}

std::string name_of(const Figures& figures, const Row& row) {
    return fmt::format("{}{} {}", figures.series.size() > 1 ? figures.series[row.series].name + ", " : "",
                       figures.x_name, plain(row.x));
}

void group(const Collection& collection, const FigureOptions& meaning, Figures& figures) {
    choose_x(collection, meaning, figures);
    const std::vector<std::string> names = choose_series(collection, meaning, figures);
    std::map<std::pair<std::size_t, double>, Row> rows;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < collection.executions.size(); ++i) {
        const Execution& e = collection.executions[i];
        note_failure(e, i, figures);
        if (e.warmup) {
            continue;
        }
        const std::size_t series = series_of(collection, e, names, figures);
        const double x = number_of(e, figures.x_name);
        const auto [at, inserted] = rows.try_emplace({series, x});
        Row& row = at->second;
        if (inserted) {
            row.series = series;
            row.x = x;
            row.nodes = e.nodes;
            row.tasks = e.tasks;
            row.gpus = e.gpus;
        }
        if (counts(e)) {
            row.executions.push_back(i);
            add_functions(e, seen, figures);
        }
    }
    for (auto& [key, row] : rows) {
        figures.rows.push_back(std::move(row));
    }
}

}  // namespace inferstep::report
