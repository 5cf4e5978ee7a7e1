#include <algorithm>
#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/interval.hpp"
#include "report/plot_bars.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr double kBesideNumber = 12;  // pixels around a number at the end of a bar

// value / base - 1, in percent; nothing loses more than all
Value change(const Value& value, const Value& base) {
    Value out = ratio(value, base);
    for (double* number : {&out.value, &out.low, &out.high}) {
        *number = 100 * (std::isfinite(*number) ? std::max(*number, 0.0) - 1 : *number);
    }
    return out;
}

const Row* row_at(const Figures& figures, std::size_t series, double x) {
    const auto found = std::find_if(figures.rows.begin(), figures.rows.end(),
                                    [&](const Row& row) { return row.series == series && row.x == x; });
    return found == figures.rows.end() ? nullptr : &*found;
}

double low_of(const Value& v) { return std::isfinite(v.low) ? v.low : v.value; }
double high_of(const Value& v) { return std::isfinite(v.high) ? v.high : v.value; }

// change, row, from, to, lower and upper edge, interval, colour
std::string data_line(const Value& v, double y, bool more_is_better) {
    return fmt::format("{} {} {} {} {} {} {} {} {}\n", exact(v.value), y, exact(std::min(0.0, v.value)),
                       exact(std::max(0.0, v.value)), y - kBarThickness, y + kBarThickness, exact(low_of(v)),
                       exact(high_of(v)), (v.value > 0) == more_is_better ? "0x0072B2" : "0xD55E00");
}

std::string number_of(const Value& v) { return fmt::format("{:+.{}f} %", v.value, std::abs(v.value) < 9.95 ? 1 : 0); }

// The number, where bar and interval end.
std::string number_at(const Value& v, std::size_t row) {
    const bool right = v.value >= 0;
    return fmt::format("set label '{}' at {},{} {} offset character {},0 front textcolor rgb '{}'\n", number_of(v),
                       exact(right ? std::max(0.0, high_of(v)) : std::min(0.0, low_of(v))), row,
                       right ? "left" : "right", right ? 0.6 : -0.6, kText);
}

// `width`: pixels between the ends of the axis, in which the longest number has its place, too.
Axis change_axis(const std::vector<Bar>& bars, const std::string& quantity, double width) {
    double least = 0;
    double most = 0;
    double longest = 0;
    for (const Bar& bar : bars) {
        least = std::min(least, low_of(bar.value));
        most = std::max(most, high_of(bar.value));
        longest = std::max(longest, kBesideNumber + text_pixels(number_of(bar.value)));
    }
    const double room = std::max(most - least, 1.0) * longest / std::max(width - longest, longest);
    return value_axis("change of " + quantity, "%", {least < 0 ? least - room : 0, most > 0 ? most + room : 0});
}

struct Words {
    std::string quantity, baseline, x;
    bool more_is_better;
};

Drawing draw_part(const std::vector<Bar>& bars, const std::string& stem, const std::string& title, const Words& words) {
    Axis names;
    const Frame frame = bar_frame(bars, names);
    const Axis across = change_axis(bars, words.quantity, frame.width - frame.left - frame.right);
    Drawing one = drawing(frame, stem, title, "bars");
    one.plot.caption = fmt::format(
        "Change of {} against {} at the same {}: blue is better, orange is worse. Lines: 95 % confidence intervals, "
        "where "
        "there are repeats; {}.",
        clean_text(words.quantity), clean_text(words.baseline), clean_text(words.x), repeats_words(rows_of(bars)));
    std::string numbers;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        one.data += data_line(bars[i].value, static_cast<double>(i), words.more_is_better);
        numbers += number_at(bars[i].value, i);
    }
    one.commands =
        frame_commands(frame, title) + numbers + axis_commands('x', across, true) + axis_commands('y', names, false) +
        axis_label('x', across, frame) +
        fmt::format(
            "set style fill solid 0.8 noborder\nset errorbars small\nset arrow from 0,graph 0 to 0,graph 1 nohead "
            "linewidth 1.2 linecolor rgb '{0}'\nplot '{1}.dat' using 1:2:3:4:5:6:9 with boxxyerror linecolor "
            "rgb variable, \\\n  '{1}.dat' using 1:2:7:8 with xerrorbars pointtype 0 linewidth 1.3 linecolor "
            "rgb '{2}'\n",
            kGrey, stem, kText);
    return one;
}

}  // namespace

std::vector<Drawing> draw_changes(const Figures& figures) {
    if (!figures.has_baseline) {
        return {};
    }
    const Row& baseline = figures.rows[figures.common_baseline];
    const bool rate = std::isfinite(baseline.rate.value);
    const Value Row::*member = rate ? &Row::rate : &Row::time;
    const Words words = {rate ? figures.rate_name : figures.time_name, figures.series[baseline.series].name,
                         figures.x_name, rate};
    std::vector<Bar> bars;
    for (const Row& row : figures.rows) {
        const Row* base = row.series == baseline.series ? nullptr : row_at(figures, baseline.series, row.x);
        if (base != nullptr && std::isfinite((row.*member).value) && (base->*member).value > 0) {
            bars.push_back({&row, clean_text(name_of(figures, row)), change(row.*member, base->*member)});
        }
    }
    return in_parts(bars, "change", "Change against " + words.baseline,
                    [&](const std::vector<Bar>& some, const std::string& stem, const std::string& title) {
                        return draw_part(some, stem, title, words);
                    });
}

}  // namespace inferstep::report
