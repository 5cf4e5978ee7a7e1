#include "report/plot_lines.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/text.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr int kRowHeight = 26;
constexpr std::size_t kLongNames = 30;  // letters; longer ones need the whole width

// A block of a data file: x, value, low, high. The interval of a value without one is the value; one that reaches below
// zero, where the value cannot, ends at a thousandth of the value, which is below every axis.
std::string block(const Line& line) {
    std::string out = fmt::format("# {}\n", clean_text(line.name));
    for (const Line::Point& p : line.points) {
        const bool known = std::isfinite(p.y.low) && std::isfinite(p.y.high);
        const double low = p.y.value > 0 ? std::max(p.y.low, p.y.value / 1000) : p.y.low;
        out += fmt::format("{} {} {} {}\n", exact(p.x), exact(p.y.value), exact(known ? low : p.y.value),
                           exact(known ? p.y.high : p.y.value));
    }
    return out + "\n\n";
}

std::vector<const Row*> rows_of(const std::vector<Line>& lines) {
    std::vector<const Row*> rows;
    for (const Line& line : lines) {
        for (const Line::Point& p : line.points) {
            rows.push_back(p.row);
        }
    }
    return rows;
}

std::string caption_of(const Curve& curve, const std::vector<Line>& lines) {
    const std::vector<const Row*> rows = rows_of(lines);
    const bool intervals = std::any_of(lines.begin(), lines.end(), [](const Line& line) {
        return std::any_of(line.points.begin(), line.points.end(),
                           [](const Line::Point& p) { return std::isfinite(p.y.low); });
    });
    return fmt::format(
        "{}{} {}.", curve.caption,
        intervals ? " Bars: 95 % confidence intervals over the repeats;" : " No intervals:", repeats_words(rows));
}

std::vector<Line> lines_of(const Figures& figures, const Curve& curve) {
    std::vector<Line> lines(figures.series.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        lines[i].name = figures.series[i].name;
    }
    for (const Row& row : figures.rows) {
        const Value value = curve.value(row);
        if (std::isfinite(value.value)) {
            lines[row.series].points.push_back({row.x, value, &row});
        }
    }
    std::erase_if(lines, [](const Line& line) { return line.points.empty(); });
    return lines;
}

// Lines of what would be ideal, over the whole of the x values; one for each point that it starts from.
std::vector<Line> ideal_lines(const Curve& curve, const std::vector<Line>& lines, const std::vector<double>& x) {
    std::set<double> starts;
    for (const Row* row : rows_of(lines)) {
        starts.insert(curve.ideal == Curve::Ideal::kProportional ? curve.ideal_from(*row) : 0);
    }
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    std::vector<Line> ideal;
    for (const double start : starts) {
        Line line;
        line.name = "ideal";
        for (int i = 0; i <= 20; ++i) {  // a straight line is bent where one axis alone is logarithmic
            const double at = *least + (*most - *least) * i / 20;
            Value y;
            y.value = curve.ideal == Curve::Ideal::kProportional ? at / start : 1;
            line.points.push_back({at, y, nullptr});
        }
        ideal.push_back(std::move(line));
    }
    return ideal;
}

Drawing draw_part(const Figures& figures, const Curve& curve, const std::vector<Line>& lines) {
    const std::vector<double> x = all_x(lines);
    if (std::set<double>(x.begin(), x.end()).size() < 2) {
        Curve one = curve;
        if (!x.empty() && std::isfinite(x.front())) {
            one.title += fmt::format(", {} = {}", figures.x_name, x.front());
        }
        Line all;
        std::vector<std::string> names;
        for (const Line& line : lines) {
            for (Line::Point p : line.points) {
                p.x = static_cast<double>(names.size());
                all.points.push_back(p);
                names.push_back(line.name);
            }
        }
        return draw_dots(one, {all}, names);
    }
    std::vector<Line> ideal;
    if (curve.ideal != Curve::Ideal::kNone) {
        ideal = ideal_lines(curve, lines, x);
    }
    std::vector<double> y = all_values(lines);
    const std::vector<double> more = all_values(ideal);
    y.insert(y.end(), more.begin(), more.end());
    const Axis across = parameter_axis(figures.x_name, x);
    const Axis up = curve.ratio && across.log ? ratio_axis(curve.name, y) : value_axis(curve.name, curve.unit, y);
    return draw_lines(curve, lines, across, up, ideal);
}

}  // namespace

std::vector<double> all_x(const std::vector<Line>& lines) {
    std::vector<double> x;
    for (const Line& line : lines) {
        for (const Line::Point& p : line.points) {
            x.push_back(p.x);
        }
    }
    return x;
}

std::vector<double> all_values(const std::vector<Line>& lines) {
    std::vector<double> values;
    for (const Line& line : lines) {
        for (const Line::Point& p : line.points) {
            values.insert(values.end(), {p.y.value, p.y.high});
            if (p.y.low > 0 || p.y.value <= 0) {  // where nothing can be below zero, the interval is cut there
                values.push_back(p.y.low);
            }
        }
    }
    return values;
}

Drawing draw_lines(const Curve& curve, const std::vector<Line>& lines, const Axis& x, const Axis& y,
                   const std::vector<Line>& ideal) {
    Frame frame;
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        entries.push_back({lines[i].name, look_of(i), LegendEntry::Mark::kLinePoint});
    }
    if (!ideal.empty()) {
        entries.push_back({"ideal", {kGrey, 0, 3}, LegendEntry::Mark::kLine});
    }
    const std::string names = entries.size() > 1 ? legend(frame, entries) : "";
    Drawing one = drawing(frame, curve.stem, curve.title, "lines");
    one.plot.caption = caption_of(curve, lines);
    one.plot.section = curve.section;
    one.commands = plane_commands(frame, curve.title, names, x, y) + "set errorbars small\nplot";
    std::size_t index = 0;
    for (const Line& line : ideal) {
        one.data += block(line);
        one.commands += fmt::format(
            " \\\n  '{}.dat' index {} using 1:2 with lines linewidth 1.5 dashtype 3 linecolor "
            "rgb '{}',",
            curve.stem, index++, kGrey);
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Look look = look_of(i);
        one.data += block(lines[i]);
        one.commands += fmt::format(
            " \\\n  '{0}.dat' index {1} using 1:2 with lines linewidth 2 dashtype {2} linecolor rgb '{3}', \\\n"
            "  '' index {1} using 1:2:3:4 with yerrorbars linewidth 1.3 pointtype {4} pointsize 0.9 linecolor rgb "
            "'{3}',",
            curve.stem, index++, look.dash, look.colour, look.point);
    }
    one.commands.back() = '\n';
    return one;
}

Drawing draw_dots(const Curve& curve, const std::vector<Line>& lines, const std::vector<std::string>& names) {
    std::size_t longest = 0;
    for (const std::string& name : names) {
        longest = std::max(longest, seen_width(clean_text(name)));
    }
    const bool wide = longest > kLongNames;
    longest = std::min(longest, wide ? 2 * kLongNames : kLongNames);
    Axis rows = category_axis("", {});
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < names.size(); ++i) {
        shown.push_back(abridged(clean_text(names[i]), longest));
        rows.ticks.push_back({static_cast<double>(i), shown.back()});
    }
    rows.low = static_cast<double>(names.size()) - 0.5;  // the first is above
    rows.high = -0.5;
    Frame frame;
    frame.left = left_margin(shown);
    frame.width = frame.left > kNarrow / 2 ? kWide : kNarrow;
    frame.top = 44;
    frame.height = frame.top + frame.bottom + std::max(2, static_cast<int>(names.size())) * kRowHeight + 10;
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < lines.size() && lines.size() > 1; ++i) {
        entries.push_back({lines[i].name, look_of(i), LegendEntry::Mark::kPoint});
    }
    const std::string legends = legend(frame, entries);
    const Axis values = value_axis(curve.name, curve.unit, all_values(lines));
    Drawing one = drawing(frame, curve.stem, curve.title, "dots");
    one.plot.caption = caption_of(curve, lines);
    one.plot.section = curve.section;
    one.commands = frame_commands(frame, curve.title) + legends + axis_commands('x', values, true) +
                   axis_commands('y', rows, false) + axis_label('x', values, frame) + "set errorbars small\nplot";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        one.data += block(lines[i]);
        one.commands += fmt::format(
            " \\\n  '{}.dat' index {} using 2:1:3:4 with xerrorbars linewidth 1.5 pointtype {} "
            "pointsize 1 linecolor rgb '{}',",
            curve.stem, i, look_of(i).point, look_of(i).colour);
    }
    one.commands.back() = '\n';
    return one;
}

std::vector<Drawing> draw_curve(const Figures& figures, const Curve& curve) {
    const std::vector<Line> lines = lines_of(figures, curve);
    const std::size_t parts = (lines.size() + kMostSeries - 1) / kMostSeries;
    std::vector<Drawing> drawings;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(part * kMostSeries);
        const auto end = lines.begin() + static_cast<std::ptrdiff_t>(std::min(lines.size(), (part + 1) * kMostSeries));
        Curve named = curve;
        if (parts > 1) {
            named.title += fmt::format(" ({} of {})", part + 1, parts);
            named.stem += fmt::format("-{}", part + 1);
        }
        drawings.push_back(draw_part(figures, named, {begin, end}));
    }
    return drawings;
}

}  // namespace inferstep::report
