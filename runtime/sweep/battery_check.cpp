#include "sweep/battery_check.hpp"

#include <algorithm>
#include <string_view>

#include "core/words.hpp"
#include "sweep/battery_parts.hpp"
#include "sweep/placeholders.hpp"

namespace inferstep::sweep {
namespace {

using Names = std::vector<std::string_view>;

bool has(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Names parameter_names(const Battery& battery, bool with_includes) {
    Names names;
    for (const auto& parameter : battery.matrix) {
        names.push_back(parameter.first);
    }
    for (const Parameters& entry : battery.include) {
        for (const auto& parameter : entry) {
            if (with_includes && !has(names, parameter.first)) {
                names.push_back(parameter.first);
            }
        }
    }
    return names;
}

// The member of the source, or the whole: something of it is there.
const Config& place(const Battery& battery, std::string_view key) {
    const Config* member = battery.source->find(key);
    return member != nullptr ? *member : *battery.source;
}

Status check_placeholders(const Config& value, const Names& known) {
    for (const std::string& name : placeholders(value.text())) {
        if (!has(known, name)) {
            return with_hint(value.wrong(fmt::format("no parameter is called {{{}}}", name)),
                             placeholder_hint(name, known));
        }
    }
    for (const Config& item : value.items()) {
        if (Status s = check_placeholders(item, known); !s) {
            return s;
        }
    }
    for (const auto& member : value.members()) {
        if (Status s = check_placeholders(member.second, known); !s) {
            return s;
        }
    }
    return Status::ok();
}

Status check_texts(const Battery& battery) {
    Names known = parameter_names(battery, true);
    known.insert(known.end(), std::begin(kBuiltIn), std::end(kBuiltIn));
    for (const char* key : {"command", "script", "environment", "step", "database", "time_limit", "estimate"}) {
        if (const Config* value = battery.source->find(key)) {
            if (Status s = check_placeholders(*value, known); !s) {
                return s;
            }
        }
    }
    const Config* prepare = battery.source->find("prepare");
    return prepare != nullptr ? check_placeholders(*prepare, {"run_dir", "seed"}) : Status::ok();
}

Status check_names(const Config& where, const Parameters& parameters, const Names& known) {
    for (const auto& parameter : parameters) {
        if (!has(known, parameter.first)) {
            const std::string_view near = nearest(parameter.first, known);
            const Config* member = where.find(parameter.first);
            return with_hint(
                (member != nullptr ? *member : where).wrong(fmt::format("no parameter is called {}", parameter.first)),
                near.empty() ? fmt::format("there are {}", fmt::join(known, ", "))
                             : fmt::format("did you mean {}?", near));
        }
    }
    return Status::ok();
}

Status check_report(const Battery& battery) {
    const Config& report = place(battery, "report");
    const Names known = parameter_names(battery, true);
    Parameters asked;
    for (const std::string& name : battery.report.series) {
        asked.emplace_back(name, "");
    }
    if (Status s = asked.empty() ? Status::ok() : check_names(place(battery, "report"), asked, known); !s) {
        return s;
    }
    if (const Config* x = report.find("x")) {
        Names axes = known;
        axes.insert(axes.end(), {"nodes", "tasks", "gpus"});
        if (Status s = check_names(*x, {{battery.report.x, ""}}, axes); !s) {
            return s;
        }
    }
    const Config* baseline = report.find("baseline");
    return baseline != nullptr ? check_names(*baseline, battery.report.baseline, known) : Status::ok();
}

}  // namespace

Status check_battery(const Battery& battery) {
    if (battery.name.empty()) {
        return battery.source->wrong("a battery needs a name, which its folder of results will have");
    }
    if (Status s = check_file_name(place(battery, "name"), battery.name); !s) {
        return s;
    }
    if (Status s = check_file_name(place(battery, "kind"), battery.kind); !s) {
        return s;
    }
    if (battery.command.empty() && battery.script.empty()) {
        return battery.source->wrong("a command, or a script, is missing: what every point is to run");
    }
    if (!battery.command.empty() && !battery.script.empty()) {
        return place(battery, "script").wrong("there is a command as well; one of the two is right");
    }
    for (std::size_t i = 0; i < battery.exclude.size(); ++i) {
        const Config& entry = place(battery, "exclude").items()[i];
        if (Status s = check_names(entry, battery.exclude[i], parameter_names(battery, false)); !s) {
            return s;
        }
    }
    if (Status s = check_report(battery); !s) {
        return s;
    }
    return check_texts(battery);
}

}  // namespace inferstep::sweep
