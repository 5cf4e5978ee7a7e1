#include "report/plot_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr double kLogSpan = 10;       // a factor from which measured values are drawn on a logarithmic axis
constexpr double kLogParameters = 4;  // and the values of a parameter,
constexpr double kEvenSpan = 30;      // or, where they are evenly spaced, as split points are
constexpr std::size_t kMostTicks = 9;
constexpr std::size_t kLongestLabel = 60;

std::string plain_number(double value) {
    const double size = std::abs(value);
    if (value != 0 && (size < 1e-3 || size >= 1e6)) {
        return fmt::format("{:.3g}", value);
    }
    return fmt::format("{}", std::round(value * 1e6) / 1e6);
}

std::vector<double> known(const std::vector<double>& values) {
    std::vector<double> out;
    std::copy_if(values.begin(), values.end(), std::back_inserter(out), [](double v) { return std::isfinite(v); });
    return out;
}

std::string label_of(const std::string& name, const std::string& unit) {
    return abridged(clean_text(with_unit(name, unit)), kLongestLabel);
}

// 1, 2 or 5 times a power of ten, so that the range has about five steps.
double step_for(double range) {
    const double raw = range / 5;
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    const double digit = raw / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

void linear_ticks(Axis& axis, double factor) {
    const double step = step_for((axis.high - axis.low) * factor) / factor;
    axis.low = std::floor(axis.low / step + 1e-9) * step;
    axis.high = std::ceil(axis.high / step - 1e-9) * step;
    const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step * factor) + 1e-9)));
    const auto count = static_cast<int>(std::lround((axis.high - axis.low) / step));
    for (int i = 0; i <= count; ++i) {
        const double at = axis.low + i * step;
        axis.ticks.push_back({at, fmt::format("{:.{}f}", std::abs(at) < step / 2 ? 0.0 : at * factor, digits)});
    }
}

// Decades; 1, 2 and 5 of each where there are few.
void decade_ticks(Axis& axis, double factor) {
    const double decades = std::log10(axis.high / axis.low);
    const auto first = static_cast<int>(std::floor(std::log10(axis.low * factor)));
    const auto last = static_cast<int>(std::ceil(std::log10(axis.high * factor)));
    const int every = std::max(1, static_cast<int>(decades / 7));
    for (int power = first; power <= last; power += every) {
        for (const int digit : {1, 2, 5}) {
            const double at = digit * std::pow(10.0, power) / factor;
            const bool wanted = digit == 1 || decades < 3;
            if (wanted && at >= axis.low * (1 - 1e-9) && at <= axis.high * (1 + 1e-9)) {
                axis.ticks.push_back({at, plain_number(at * factor)});
            }
        }
    }
}

// Of ticks that stand nearer than can be read, the later ones are left out.
void thin_out(Axis& axis) {
    const auto place = [&](double at) {
        return axis.log ? std::log(at / axis.low) / std::log(axis.high / axis.low)
                        : (at - axis.low) / (axis.high - axis.low);
    };
    std::vector<Tick> kept;
    for (const Tick& tick : axis.ticks) {
        const double room = 0.018 * static_cast<double>(seen_width(tick.text)) + 0.02;
        if (kept.empty() || place(tick.at) - place(kept.back().at) >= room) {
            kept.push_back(tick);
        }
    }
    axis.ticks = std::move(kept);
}

// 1 4 7 10, not 1 2 4 8: no gap is twice another. Sorted and different.
bool evenly_spaced(const std::vector<double>& values) {
    if (values.size() < 3) {
        return false;
    }
    double least = values[1] - values[0];
    double most = least;
    for (std::size_t i = 2; i < values.size(); ++i) {
        least = std::min(least, values[i] - values[i - 1]);
        most = std::max(most, values[i] - values[i - 1]);
    }
    return most < 2 * least;
}

}  // namespace

ShownUnit shown_unit(const std::string& unit, double largest) {
    struct Step {
        double above, factor;
        const char* name;
    };
    const auto choose = [&](const std::vector<Step>& steps) {
        const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return largest >= s.above; });
        const Step& step = found == steps.end() ? steps.back() : *found;
        return ShownUnit{step.factor, step.name};
    };
    if (unit == "s" || unit == "seconds") {
        return choose({{0.5, 1, "s"}, {0.5e-3, 1e3, "ms"}, {0.5e-6, 1e6, "µs"}, {0, 1e9, "ns"}});
    }
    if (unit == "bytes" || unit == "B") {
        return choose({{0x1p40, 0x1p-40, "TiB"},
                       {0x1p30, 0x1p-30, "GiB"},
                       {0x1p20, 0x1p-20, "MiB"},
                       {0x1p10, 0x1p-10, "KiB"},
                       {0, 1, "bytes"}});
    }
    if (unit == "J") {
        return choose({{1e6, 1e-6, "MJ"}, {1e4, 1e-3, "kJ"}, {0, 1, "J"}});
    }
    if (unit == "fraction") {
        return {100, "%"};
    }
    const std::string space = unit.empty() ? "" : " ";
    return largest >= 1e7   ? ShownUnit{1e-6, "million" + space + unit}
           : largest >= 1e5 ? ShownUnit{1e-3, "thousand" + space + unit}
                            : ShownUnit{1, unit};
}

Axis value_axis(const std::string& name, const std::string& unit, const std::vector<double>& values, bool from_zero) {
    const std::vector<double> numbers = known(values);
    Axis axis;
    if (!numbers.empty()) {
        const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
        axis.low = *least;
        axis.high = *most;
    }
    const ShownUnit shown = shown_unit(unit, std::max(std::abs(axis.low), std::abs(axis.high)));
    axis.label = label_of(name, shown.name);
    axis.log = axis.low > 0 && axis.high / axis.low >= kLogSpan && unit != "fraction";
    if (axis.log) {
        axis.low /= 1.25;
        axis.high *= 1.25;
        decade_ticks(axis, shown.factor);
        return axis;
    }
    axis.low = from_zero ? std::min(axis.low, 0.0) : axis.low;
    axis.high = from_zero ? std::max(axis.high, 0.0) : axis.high;
    if (axis.high <= axis.low) {
        const double room = axis.low == 0 ? 1 : std::abs(axis.low) / 10;
        axis.low -= from_zero ? 0 : room;
        axis.high += room;
    }
    linear_ticks(axis, shown.factor);
    return axis;
}

Axis ratio_axis(const std::string& name, const std::vector<double>& values) {
    Axis axis;
    axis.label = label_of(name, "");
    axis.log = true;
    axis.low = axis.high = 1;
    for (const double v : known(values)) {
        axis.low = v > 0 ? std::min(axis.low, v) : axis.low;
        axis.high = std::max(axis.high, v);
    }
    const auto first = static_cast<int>(std::floor(std::log2(axis.low)));
    const auto last = std::max(first + 1, static_cast<int>(std::ceil(std::log2(axis.high) - 1e-9)));
    axis.low = std::exp2(first);
    axis.high = std::exp2(last);
    const int every = (last - first) / static_cast<int>(kMostTicks) + 1;
    for (int power = first; power <= last; power += every) {
        axis.ticks.push_back({std::exp2(power), plain_number(std::exp2(power))});
    }
    return axis;
}

Axis parameter_axis(const std::string& name, std::vector<double> values) {
    values = known(values);
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    Axis axis;
    axis.label = label_of(name, "");
    if (values.empty()) {
        return axis;
    }
    axis.log =
        values.front() > 0 && values.back() / values.front() >= (evenly_spaced(values) ? kEvenSpan : kLogParameters);
    if (axis.log) {
        const double room = std::pow(values.back() / values.front(), 0.06);
        axis.low = values.front() / room;
        axis.high = values.back() * room;
    } else {
        const double range = values.back() - values.front();
        const double room = range > 0 ? 0.06 * range : std::max(1.0, std::abs(values.front()) / 10);
        axis.low = values.front() - room;
        axis.high = values.back() + room;
    }
    for (const double v : values) {
        axis.ticks.push_back({v, plain_number(v)});
    }
    thin_out(axis);
    return axis;
}

Axis category_axis(const std::string& name, const std::vector<std::string>& names) {
    Axis axis;
    axis.label = label_of(name, "");
    axis.low = -0.5;
    axis.high = static_cast<double>(names.size()) - 0.5;
    for (std::size_t i = 0; i < names.size(); ++i) {
        axis.ticks.push_back({static_cast<double>(i), names[i]});
    }
    return axis;
}

}  // namespace inferstep::report
