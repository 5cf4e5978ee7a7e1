#include "report/plot_curves.hpp"

#include <algorithm>
#include <cmath>

#include "report/plot_lines.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

using Get = std::function<Value(const Row&)>;

Get member(Value Row::*value) {
    return [value](const Row& row) { return row.*value; };
}

bool any(const Figures& figures, const Get& get) {
    return std::any_of(figures.rows.begin(), figures.rows.end(),
                       [&](const Row& row) { return std::isfinite(get(row).value); });
}

// The values against the own baselines tell nothing new, since each series' own is the common one.
bool same(const Figures& figures, Value Row::*a, Value Row::*b) {
    return std::all_of(figures.rows.begin(), figures.rows.end(), [&](const Row& row) {
        return (row.*a).value == (row.*b).value || !std::isfinite((row.*b).value);
    });
}

bool one_scale(const Figures& figures) {
    return std::all_of(figures.rows.begin(), figures.rows.end(),
                       [&](const Row& row) { return row.x == figures.rows.front().x; });
}

struct Wanted {
    Curve curve;
    std::string why_not;  // where no row has it
};

std::vector<Wanted> main_curves(const Figures& figures) {
    std::vector<Wanted> all;
    Curve time;
    time.stem = "time";
    time.name = figures.time_name.empty() ? "time" : figures.time_name;
    time.title = "Time: " + time.name;
    time.unit = "s";
    time.caption = fmt::format("Time over {}: less is better.", clean_text(figures.x_name));
    time.value = member(&Row::time);
    all.push_back({time, "no plot of the time: it was not measured"});
    Curve rate;
    rate.stem = "rate";
    rate.name = figures.rate_name.empty() ? "rate" : figures.rate_name;
    rate.title = "Rate: " + rate.name;
    rate.unit = figures.rate_unit == figures.rate_name ? "" : figures.rate_unit;
    rate.caption = fmt::format("Throughput over {}: more is better.", clean_text(figures.x_name));
    rate.value = member(&Row::rate);
    all.push_back({rate, "no plot of the rate: it was not measured"});
    return all;
}

Curve relative(const std::string& stem, const std::string& title, const std::string& name, const std::string& caption,
               Value Row::*value) {
    Curve curve;
    curve.stem = stem;
    curve.title = title;
    curve.name = name;
    curve.caption = caption;
    curve.value = member(value);
    return curve;
}

std::vector<Wanted> speedup_curves(const Figures& figures) {
    const Row& base = figures.rows[figures.common_baseline];
    const std::string common =
        fmt::format("{} at {} {}", clean_text(figures.series[base.series].name), clean_text(figures.x_name), base.x);
    const bool scales = any(figures, member(&Row::strong_common)) || any(figures, member(&Row::weak_common));
    const Curve::Ideal ideal = scales ? Curve::Ideal::kProportional : Curve::Ideal::kNone;  // x may be no resource
    const std::string dotted =
        scales ? fmt::format(" Dotted: the ideal, which grows like {} from there.", clean_text(figures.x_name)) : "";
    Curve all = relative("speedup", "Speed-up against the common baseline", "speed-up",
                         fmt::format("Common baseline: {}.{}", common, dotted), &Row::speedup_common);
    all.ratio = true;
    all.ideal = ideal;
    all.ideal_from = [x = base.x](const Row&) { return x; };
    Curve own =
        relative("speedup-own", "Speed-up against each one's own baseline", "speed-up",
                 fmt::format("Each series against its own smallest {}: this hides how slow a series is there.{}",
                             clean_text(figures.x_name), scales ? " Dotted: the ideal." : ""),
                 &Row::speedup_own);
    own.ratio = true;
    own.ideal = ideal;
    own.ideal_from = [&figures](const Row& row) { return figures.rows[figures.series[row.series].own_baseline].x; };
    std::vector<Wanted> curves = {{all, "no plot of the speed-up: it is not known"}};
    if (!same(figures, &Row::speedup_common, &Row::speedup_own)) {
        curves.push_back({own, ""});
    }
    return curves;
}

std::vector<Wanted> efficiency_curves(const Figures& figures) {
    std::vector<Wanted> curves;
    const auto add = [&](const std::string& kind, const std::string& what, Value Row::*common, Value Row::*own) {
        const std::string title = (kind == "strong" ? "Strong" : "Weak") + std::string(" scaling efficiency");
        curves.push_back({relative("efficiency-" + kind, title, "efficiency",
                                   what + " Against the common baseline. Dotted: the ideal, 100 %.", common),
                          fmt::format("no plot of the {} scaling efficiency: {}", kind, figures.scaling_rule)});
        if (!same(figures, common, own)) {
            curves.push_back({relative("efficiency-" + kind + "-own", title + ", own baselines", "efficiency",
                                       what + " Each series against its own baseline. Dotted: the ideal, 100 %.", own),
                              ""});
        }
    };
    add("strong", "The same work for all: speed-up over ideal speed-up.", &Row::strong_common, &Row::strong_own);
    add("weak", "Work that grows with the resources: time of the baseline over time.", &Row::weak_common,
        &Row::weak_own);
    for (Wanted& one : curves) {
        one.curve.unit = "fraction";
        one.curve.ideal = Curve::Ideal::kOne;
    }
    return curves;
}

std::vector<Wanted> resource_curves() {
    struct Resource {
        const char* stem;
        const char* title;
        const char* unit;
        const char* caption;
        Value Row::*value;
        const char* why_not;
    };
    static constexpr Resource kResources[] = {
        {"utilization", "CPU utilization", "fraction", "CPU seconds over seconds of the CPUs that the step had.",
         &Row::utilization, "no plot of the CPU utilization: it was not counted"},
        {"gpu-utilization", "GPU utilization", "fraction", "Mean of the samples.", &Row::gpu_utilization,
         "no plot of the GPU utilization: it was not sampled"},
        {"memory", "Memory", "bytes", "Largest resident memory of a task.", &Row::memory_bytes,
         "no plot of the memory: it was not counted"},
        {"energy", "Energy", "J", "Energy of the whole step: less is better.", &Row::energy_j,
         "no plot of the energy: it was not counted"},
        {"database-share", "Databases' share of the CPU seconds", "fraction",
         "CPU seconds of the databases over those of the step.", &Row::database_share,
         "no plot of the databases' share: it was not counted"},
        {"imbalance", "Imbalance of the ranks", "fraction",
         "How long ranks wait for the slowest one: 1 - mean over maximum of their loop times; less is better.",
         &Row::imbalance, ""}};
    std::vector<Wanted> curves;
    for (const Resource& one : kResources) {
        Curve curve = relative(one.stem, one.title, one.title, one.caption, one.value);
        curve.unit = one.unit;
        curve.section = Plot::Section::kResources;
        curves.push_back({curve, one.why_not});
    }
    return curves;
}

std::vector<Wanted> metric_curves(const Figures& figures) {
    std::vector<Wanted> curves;
    for (std::size_t i = 0; i < figures.metrics.size(); ++i) {
        const Metric& metric = figures.metrics[i];
        if (metric.name == figures.rate_name || metric.name == figures.time_name) {
            continue;  // drawn as that
        }
        Curve curve;
        curve.stem = "metric-" + file_word(metric.name);
        curve.title = curve.name = metric.name;
        curve.unit = metric.unit;
        curve.section = Plot::Section::kMetrics;
        curve.caption = metric.higher_is_better ? "More is better." : "Less is better.";
        curve.value = [i](const Row& row) { return i < row.metrics.size() ? row.metrics[i] : Value{}; };
        curves.push_back({curve, fmt::format("no plot of {}: no row has it", metric.name)});
    }
    return curves;
}

}  // namespace

std::vector<Drawing> draw_curves(const Figures& figures, std::vector<std::string>& left_out) {
    if (figures.rows.size() < 2) {
        left_out.push_back("no plots over " + figures.x_name + ": one row has one number of each; the tables show it");
        return {};
    }
    std::vector<Wanted> wanted = main_curves(figures);
    const auto add = [&](std::vector<Wanted> some) { std::move(some.begin(), some.end(), std::back_inserter(wanted)); };
    if (!figures.has_baseline) {
        left_out.emplace_back("no plots of speed-up and efficiency: there is no baseline to compare with");
    } else if (one_scale(figures)) {
        left_out.push_back("no plots of scaling efficiency: there is one value of " + figures.x_name);
        add({speedup_curves(figures).front()});
    } else {
        add(speedup_curves(figures));
        add(efficiency_curves(figures));
    }
    add(resource_curves());
    add(metric_curves(figures));
    std::vector<Drawing> drawings;
    for (const Wanted& one : wanted) {
        if (!any(figures, one.curve.value)) {
            if (!one.why_not.empty()) {
                left_out.push_back(one.why_not);
            }
            continue;
        }
        std::vector<Drawing> some = draw_curve(figures, one.curve);
        std::move(some.begin(), some.end(), std::back_inserter(drawings));
    }
    return drawings;
}

}  // namespace inferstep::report
