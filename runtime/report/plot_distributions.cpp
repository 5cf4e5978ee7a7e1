#include "report/plot_distributions.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "report/plot_density.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr std::int64_t kFew = 40;  // below this a density tells more of the kernel than of the sample
constexpr double kHalfWidth = 0.42;

// One row's times of the function.
struct Sample {
    const Row* row;
    const Distribution* times;
};

std::vector<Sample> samples_of(const Figures& figures, const std::string& function) {
    std::vector<Sample> samples;
    for (const Row& row : figures.rows) {
        for (const Distribution& one : row.functions) {
            if (one.function == function && !one.profiled && one.count > 0 && !one.quantiles.empty()) {
                samples.push_back({&row, &one});
            }
        }
    }
    return samples;
}

std::vector<std::size_t> series_of(const std::vector<Sample>& samples) {
    std::vector<std::size_t> series;
    for (const Sample& sample : samples) {
        if (std::find(series.begin(), series.end(), sample.row->series) == series.end()) {
            series.push_back(sample.row->series);
        }
    }
    return series;
}

std::vector<double> scales_of(const std::vector<Sample>& samples) {
    std::set<double> x;
    bool unknown = false;
    for (const Sample& sample : samples) {
        if (std::isfinite(sample.row->x)) {
            x.insert(sample.row->x);
        } else {
            unknown = true;
        }
    }
    std::vector<double> scales(x.begin(), x.end());
    if (unknown) {
        scales.push_back(kUnknown);
    }
    return scales;
}

std::string scale_name(double x) { return std::isfinite(x) ? fmt::format("{}", x) : "-"; }

std::size_t place_of(const std::vector<double>& scales, double x) {
    const auto found = std::find(scales.begin(), scales.end(), x);
    return static_cast<std::size_t>((found == scales.end() ? scales.end() - 1 : found) - scales.begin());
}

std::string counts(const std::vector<Sample>& samples) {
    std::int64_t least = INT64_MAX;
    std::int64_t most = 0;
    for (const Sample& sample : samples) {
        least = std::min(least, sample.times->count);
        most = std::max(most, sample.times->count);
    }
    return least == most ? fmt::format("n = {} times each", most) : fmt::format("n = {} to {} times", least, most);
}

std::vector<double> values_of(const std::vector<Sample>& samples) {
    std::vector<double> values;
    for (const Sample& sample : samples) {
        values.push_back(sample.times->quantiles.front());
        values.push_back(sample.times->quantiles.back());
    }
    return values;
}

// What one plot is drawn of.
struct Part {
    std::string stem, title, function;
    std::vector<Sample> samples;
    std::vector<std::size_t> series;
    std::vector<double> scales;
};

std::vector<LegendEntry> entries_of(const Figures& figures, const Part& part, LegendEntry::Mark mark) {
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < part.series.size(); ++i) {
        entries.push_back({figures.series[part.series[i]].name, look_of(i), mark});
    }
    return entries;
}

std::string violin_data(const Part& part, const Sample& sample, double centre, double width, bool log) {
    const Distribution& d = *sample.times;
    const std::vector<Density> outline = density(d, log);
    std::string data =
        fmt::format("# {} {}: outline, then median, p95, p99\n", clean_text(part.title), scale_name(sample.row->x));
    for (const Density& p : outline) {
        data += fmt::format("{:.5f} {:.9g}\n", centre + width * p.height, p.at);
    }
    for (auto p = outline.rbegin(); p != outline.rend(); ++p) {
        data += fmt::format("{:.5f} {:.9g}\n", centre - width * p->height, p->at);
    }
    if (outline.empty()) {  // all times are the same: the median alone is drawn
        data += fmt::format("{:.5f} {}\n", centre, exact(d.p50.value));
    }
    return data + fmt::format("\n\n{0:.5f} {1} {2:.5f}\n\n\n{0:.5f} {3} {4:.5f}\n{0:.5f} {5} {6:.5f}\n\n\n", centre,
                              exact(d.p50.value), width, exact(d.p95.value), width * 0.5, exact(d.p99.value),
                              width * 0.3);
}

Drawing draw_violins(const Figures& figures, const Part& part) {
    Frame frame;
    const auto slots = static_cast<int>(part.samples.size());
    frame.width = slots > 10 ? kWide : kNarrow;
    const std::string names =
        part.series.size() > 1 ? legend(frame, entries_of(figures, part, LegendEntry::Mark::kBox)) : "";
    Axis across = category_axis(figures.x_name, {});
    across.high = static_cast<double>(part.scales.size()) - 0.5;
    for (std::size_t i = 0; i < part.scales.size(); ++i) {
        across.ticks.push_back({static_cast<double>(i), scale_name(part.scales[i])});
    }
    const Axis up = value_axis("time", "s", values_of(part.samples), false);
    Drawing one = drawing(frame, part.stem, part.title, "violin");
    one.plot.caption = fmt::format(
        "How the times of {} spread: a shape is wide where many times lie and ends at the smallest and the largest. "
        "White dot: median; long mark: 95th, short mark: 99th percentile. All repeats and ranks together; {}.",
        clean_text(part.function), counts(part.samples));
    one.commands = plane_commands(frame, part.title, names, across, up) + "set style fill solid 0.75 noborder\nplot";
    const double room = 0.9 / static_cast<double>(part.series.size());
    const double most = part.scales.size() == 1 && slots < 6 ? 0.12 : kHalfWidth;
    const double width = std::min(most, room * 0.46);
    for (std::size_t i = 0; i < part.samples.size(); ++i) {
        const Sample& sample = part.samples[i];
        const auto which = static_cast<std::size_t>(
            std::find(part.series.begin(), part.series.end(), sample.row->series) - part.series.begin());
        const double centre = static_cast<double>(place_of(part.scales, sample.row->x)) - 0.45 +
                              room * (static_cast<double>(which) + 0.5);
        one.data += violin_data(part, sample, centre, width, up.log);
        one.commands += fmt::format(
            " \\\n  '{0}.dat' index {1} using 1:2 with filledcurves closed fillcolor rgb '{2}', \\\n"
            "  '' index {4} using 1:2:3 with xerrorbars pointtype 0 linewidth 1.2 linecolor rgb '{5}', \\\n"
            "  '' index {3} using 1:2 with points pointtype 7 pointsize 0.75 linecolor rgb '{5}', \\\n"
            "  '' index {3} using 1:2 with points pointtype 7 pointsize 0.5 linecolor rgb '#ffffff',",
            part.stem, 3 * i, look_of(which).colour, 3 * i + 1, 3 * i + 2, kText);
    }
    one.commands.back() = '\n';
    one.commands = "set errorbars 0\n" + one.commands;
    return one;
}

std::string steps(const Sample& sample) {
    const std::vector<double>& q = sample.times->quantiles;
    std::string data = fmt::format("# {} {}\n", clean_text(sample.times->function), scale_name(sample.row->x));
    for (std::size_t i = 0; i < q.size(); ++i) {
        const bool inside = i > 0 && i + 1 < q.size();
        if (inside && std::abs(q[i] - (q[i - 1] + q[i + 1]) / 2) < 1e-9 * (q.back() - q.front())) {
            continue;  // on the line between its neighbours
        }
        data += fmt::format(
            "{} {}\n", exact(q[i]),
            exact(100.0 * static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(q.size(), 2) - 1)));
    }
    return data + "\n\n";
}

// The rows of one series or one scale in each plot: a line for each of the others.
Drawing draw_cdf(const Figures& figures, const Part& part) {
    Frame frame;
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < part.samples.size(); ++i) {
        const Row& row = *part.samples[i].row;
        const std::string scale = fmt::format("{} {}", figures.x_name, scale_name(row.x));
        entries.push_back({part.series.size() == 1   ? scale
                           : part.scales.size() == 1 ? figures.series[row.series].name
                                                     : figures.series[row.series].name + ", " + scale,
                           look_of(i), LegendEntry::Mark::kLine});
    }
    const std::string names = entries.size() > 1 ? legend(frame, entries) : "";
    const Axis across = value_axis("time", "s", values_of(part.samples), false);
    Axis up;
    up.low = 0;
    up.high = 100;
    up.label = "of the times are below [%]";
    up.ticks = {{0, "0"}, {25, "25"}, {50, "50"}, {75, "75"}, {95, "95"}};
    Drawing one = drawing(frame, part.stem, part.title, "cdf");
    one.plot.caption = fmt::format(
        "How many of the times of {} are below a time: farther left is faster, steeper is steadier. All repeats and "
        "ranks together; {}, too few for a density.",
        clean_text(part.function), counts(part.samples));
    one.commands = plane_commands(frame, part.title, names, across, up) + "plot";
    for (std::size_t i = 0; i < part.samples.size(); ++i) {
        const Look look = look_of(i);
        one.data += steps(part.samples[i]);
        one.commands +=
            fmt::format(" \\\n  '{}.dat' index {} using 1:2 with lines linewidth 2 dashtype {} linecolor rgb '{}',",
                        part.stem, i, look.dash, look.colour);
    }
    one.commands.back() = '\n';
    return one;
}

// The samples of some series, and of one scale where there is one given.
Part part_of(const std::vector<Sample>& samples, const std::vector<std::size_t>& series, const double* scale) {
    Part part;
    for (const Sample& sample : samples) {
        const bool wanted = std::find(series.begin(), series.end(), sample.row->series) != series.end();
        if (wanted && (scale == nullptr || sample.row->x == *scale)) {
            part.samples.push_back(sample);
        }
    }
    part.series = series_of(part.samples);
    part.scales = scales_of(part.samples);
    return part;
}

// One plot holds kMostSeries series with all their scales. Of lines it holds as many rows: where there are more, each
// plot is of one scale, or of one series where these are fewer.
std::vector<Part> parts_of(const Figures& figures, const std::vector<Sample>& samples, const std::string& function,
                           bool lines) {
    const std::vector<std::size_t> series = series_of(samples);
    const std::vector<double> scales = scales_of(samples);
    const bool crowded = lines && samples.size() > kMostSeries;
    const bool each_scale = crowded && scales.size() < series.size();
    const std::size_t most = crowded && !each_scale ? 1 : kMostSeries;
    std::vector<Part> parts;
    for (std::size_t first = 0; first < series.size(); first += most) {
        const std::vector<std::size_t> some(
            series.begin() + static_cast<std::ptrdiff_t>(first),
            series.begin() + static_cast<std::ptrdiff_t>(std::min(series.size(), first + most)));
        for (std::size_t i = 0; i < (each_scale ? scales.size() : 1); ++i) {
            parts.push_back(part_of(samples, some, each_scale ? &scales[i] : nullptr));
            parts.back().title = fmt::format("Times of {}{}", function,
                                             each_scale  ? fmt::format(", {} {}", figures.x_name, scale_name(scales[i]))
                                             : most == 1 ? ": " + figures.series[some.front()].name
                                                         : "");
        }
    }
    std::erase_if(parts, [](const Part& part) { return part.samples.empty(); });
    for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i].function = function;
        parts[i].stem = "times-" + file_word(function) + (parts.size() > 1 ? fmt::format("-{}", i + 1) : "");
    }
    return parts;
}

}  // namespace

std::vector<Drawing> draw_function(const Figures& figures, const std::string& function) {
    std::vector<Drawing> drawings;
    const std::vector<Sample> samples = samples_of(figures, function);
    const bool few = std::any_of(samples.begin(), samples.end(), [](const Sample& s) { return s.times->count < kFew; });
    for (const Part& part : parts_of(figures, samples, function, few)) {
        drawings.push_back(few ? draw_cdf(figures, part) : draw_violins(figures, part));
        drawings.back().plot.section = Plot::Section::kTimes;
        drawings.back().plot.subject = function;
    }
    return drawings;
}

}  // namespace inferstep::report
