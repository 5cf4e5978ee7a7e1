#include <algorithm>
#include <array>
#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/plot_bars.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr double kNumbered = 0.06;  // parts from here have room for their number

struct PartOfTime {
    const char* name;
    Value Breakdown::*value;
    Look look;
    const char* text;  // colour of the number in it
};
constexpr Look box(const char* colour) { return {colour, 0, 1}; }
constexpr std::array<PartOfTime, 6> kParts = {{{"compute", &Breakdown::compute, box("#0072B2"), "#ffffff"},
                                               {"communication", &Breakdown::communication, box("#D55E00"), "#ffffff"},
                                               {"I/O", &Breakdown::io, box("#009E73"), "#ffffff"},
                                               {"preprocess", &Breakdown::preprocess, box("#56B4E9"), kText},
                                               {"bubble", &Breakdown::bubble, box("#F0E442"), kText},
                                               {"other", &Breakdown::other, box("#c8c8c8"), kText}}};

// Parts that some bar has.
std::vector<const PartOfTime*> parts_in(const std::vector<Bar>& bars) {
    std::vector<const PartOfTime*> parts;
    for (const PartOfTime& part : kParts) {
        if (std::any_of(bars.begin(), bars.end(),
                        [&](const Bar& bar) { return (bar.row->breakdown.*part.value).value > 0; })) {
            parts.push_back(&part);
        }
    }
    return parts;
}

std::vector<StackPart> stack_of(const std::vector<const PartOfTime*>& parts) {
    std::vector<StackPart> stack(parts.size());
    std::transform(parts.begin(), parts.end(), stack.begin(), [](const PartOfTime* part) {
        return StackPart{part->name, part->look};
    });
    return stack;
}

struct Boxes {
    std::string data;
    std::string labels;  // commands: the numbers in them
};

Boxes boxes_of(const std::vector<Bar>& bars, const std::vector<const PartOfTime*>& parts) {
    std::vector<std::string> blocks(parts.size());
    Boxes boxes;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const auto y = static_cast<double>(i);
        double left = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
            const double part = (bars[i].row->breakdown.*parts[p]->value).value;
            const double right = left + (std::isfinite(part) ? part : 0);
            blocks[p] += stack_line(y, left, right);
            if (right - left >= kNumbered) {
                boxes.labels += fmt::format("set label '{:.0f}' at {},{} center front textcolor rgb '{}'\n",
                                            100 * (right - left), exact((left + right) / 2), y, parts[p]->text);
            }
            left = right;
        }
    }
    boxes.data = stack_data(stack_of(parts), blocks);
    return boxes;
}

Axis percent_axis() {
    Axis axis;
    axis.label = "of the time [%]";
    axis.ticks = {{0, "0"}, {0.25, "25"}, {0.5, "50"}, {0.75, "75"}, {1, "100"}};
    return axis;
}

Drawing draw_part(const std::vector<Bar>& bars, const std::string& stem, const std::string& title) {
    Axis names;
    Frame frame = bar_frame(bars, names);
    const std::vector<const PartOfTime*> parts = parts_in(bars);
    const std::vector<StackPart> stack = stack_of(parts);
    const std::string legends = stack_legend(frame, stack);
    const Axis across = percent_axis();
    const Boxes boxes = boxes_of(bars, parts);
    Drawing one = drawing(frame, stem, title, "bars");
    one.plot.section = Plot::Section::kParts;
    one.plot.caption = fmt::format(
        "Where the time went, measured by wall clock around the operations; the parts of a bar add up to 100 %. "
        "Parts from {:.0f} % have their number. Means; {}.",
        100 * kNumbered, repeats_words(rows_of(bars)));
    one.data = boxes.data;
    one.commands = frame_commands(frame, title) + legends + boxes.labels + axis_commands('x', across, false) +
                   axis_commands('y', names, false) + axis_label('x', across, frame) + stack_plot(stack, stem);
    return one;
}

}  // namespace

std::vector<Drawing> draw_breakdown(const Figures& figures) {
    std::vector<Bar> bars;
    for (const Row& row : figures.rows) {
        const Breakdown& b = row.breakdown;
        if (std::any_of(kParts.begin(), kParts.end(), [&](const PartOfTime& p) { return (b.*p.value).value > 0; })) {
            bars.push_back({&row, clean_text(name_of(figures, row)), {}});
        }
    }
    return in_parts(bars, "breakdown", "Where the time went", draw_part);
}

}  // namespace inferstep::report
