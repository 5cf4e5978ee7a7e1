#include "report/plot_bars.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr int kBar = 24;               // pixels from bar to bar
constexpr std::size_t kMostBars = 40;  // in one plot
constexpr std::size_t kLongestName = 56;

}  // namespace

Frame bar_frame(const std::vector<Bar>& bars, Axis& rows) {
    std::size_t longest = 0;
    for (const Bar& bar : bars) {
        longest = std::max(longest, std::min(seen_width(bar.name), kLongestName));
    }
    std::vector<std::string> names(bars.size());
    std::transform(bars.begin(), bars.end(), names.begin(),
                   [longest](const Bar& bar) { return abridged(bar.name, longest); });
    rows = category_axis("", names);
    std::swap(rows.low, rows.high);  // the first is above
    Frame frame;
    frame.left = left_margin(names);
    frame.width = frame.left > kNarrow / 2 ? kWide : kNarrow;
    frame.right = 30;
    frame.top = 44;
    frame.height = frame.top + frame.bottom + 10 + kBar * static_cast<int>(std::max<std::size_t>(bars.size(), 2));
    return frame;
}

std::vector<Drawing> in_parts(const std::vector<Bar>& bars, const std::string& stem, const std::string& title,
                              const DrawBars& draw) {
    std::vector<Drawing> drawings;
    const std::size_t parts = (bars.size() + kMostBars - 1) / kMostBars;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto begin = bars.begin() + static_cast<std::ptrdiff_t>(part * kMostBars);
        const auto end = bars.begin() + static_cast<std::ptrdiff_t>(std::min(bars.size(), (part + 1) * kMostBars));
        const std::string number = parts > 1 ? fmt::format("-{}", part + 1) : "";
        const std::string words = parts > 1 ? fmt::format(" ({} of {})", part + 1, parts) : "";
        drawings.push_back(draw(std::vector<Bar>(begin, end), stem + number, title + words));
    }
    return drawings;
}

std::string stack_legend(Frame& frame, const std::vector<StackPart>& parts) {
    std::vector<LegendEntry> entries;
    entries.reserve(parts.size());
    for (const StackPart& part : parts) {
        entries.push_back({part.name, part.look, LegendEntry::Mark::kBox});
    }
    return legend(frame, entries);
}

std::string stack_line(double row, double from, double to) {
    return fmt::format("{} {} {} {} {} {}\n", exact((from + to) / 2), row, exact(from), exact(to), row - kBarThickness,
                       row + kBarThickness);
}

std::string stack_data(const std::vector<StackPart>& parts, const std::vector<std::string>& blocks) {
    std::string data;
    for (std::size_t p = 0; p < parts.size(); ++p) {
        data += fmt::format("# {}\n{}\n\n", parts[p].name, blocks[p]);
    }
    return data;
}

std::string stack_plot(const std::vector<StackPart>& parts, const std::string& stem) {
    std::string commands = "set style fill solid 1 border linecolor rgb '#ffffff'\nplot";
    for (std::size_t p = 0; p < parts.size(); ++p) {
        commands += fmt::format(" \\\n  '{}.dat' index {} using 1:2:3:4:5:6 with boxxyerror fillcolor rgb '{}',", stem,
                                p, parts[p].look.colour);
    }
    commands.back() = '\n';
    return commands;
}

std::vector<const Row*> rows_of(const std::vector<Bar>& bars) {
    std::vector<const Row*> rows;
    std::transform(bars.begin(), bars.end(), std::back_inserter(rows), [](const Bar& bar) { return bar.row; });
    return rows;
}

}  // namespace inferstep::report
