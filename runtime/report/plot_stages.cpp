#include "report/plot_stages.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/compute_stages.hpp"
#include "report/plot_bars.hpp"
#include "report/plot_lines.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

double number(const StageFigures& stage, const char* key) {
    const double value = stage.values[stage_column(key)].value;
    return std::isfinite(value) && value > 0 ? value : 0;
}

struct PartOfTime {
    const char* name;
    const char* colour;
    double (*seconds)(const StageFigures& stage);
};
constexpr std::array<PartOfTime, 7> kParts = {
    {{"load", "#CC79A7", [](const StageFigures& s) { return number(s, "load_s"); }},
     {"preprocess", "#56B4E9", [](const StageFigures& s) { return number(s, "preprocess_s"); }},
     {"prefill", "#009E73", [](const StageFigures& s) { return number(s, "prefill_s"); }},
     {"decode", "#0072B2", [](const StageFigures& s) { return number(s, "decode_s"); }},
     {"send", "#D55E00", [](const StageFigures& s) { return number(s, "send_s"); }},
     {"wait", "#E69F00",
      [](const StageFigures& s) { return std::max(0.0, number(s, "receive_wait_s") - number(s, "bubble_s")); }},
     {"bubble", "#F0E442", [](const StageFigures& s) {
          const double wait = number(s, "receive_wait_s");
          return wait > 0 ? std::min(wait, number(s, "bubble_s")) : number(s, "bubble_s");
      }}}};

std::vector<const PartOfTime*> parts_in(const std::vector<Bar>& bars) {
    std::vector<const PartOfTime*> parts;
    for (const PartOfTime& part : kParts) {
        if (std::any_of(bars.begin(), bars.end(), [&](const Bar& bar) { return part.seconds(*bar.stage) > 0; })) {
            parts.push_back(&part);
        }
    }
    return parts;
}

std::vector<StackPart> stack_of(const std::vector<const PartOfTime*>& parts) {
    std::vector<StackPart> stack(parts.size());
    std::transform(parts.begin(), parts.end(), stack.begin(), [](const PartOfTime* part) {
        return StackPart{part->name, Look{part->colour, 0, 1}};
    });
    return stack;
}

std::string boxes_of(const std::vector<Bar>& bars, const std::vector<const PartOfTime*>& parts) {
    std::vector<std::string> blocks(parts.size());
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const auto y = static_cast<double>(i);
        double left = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
            const double right = left + parts[p]->seconds(*bars[i].stage);
            blocks[p] += stack_line(y, left, right);
            left = right;
        }
    }
    return stack_data(stack_of(parts), blocks);
}

double seconds_of(const Bar& bar) {
    double sum = 0;
    for (const PartOfTime& part : kParts) {
        sum += part.seconds(*bar.stage);
    }
    return sum;
}

Drawing draw_bars(const std::vector<Bar>& bars, const std::string& stem, const std::string& title) {
    Axis names;
    Frame frame = bar_frame(bars, names);
    const std::vector<const PartOfTime*> parts = parts_in(bars);
    const std::vector<StackPart> stack = stack_of(parts);
    const std::string legends = stack_legend(frame, stack);
    double most = 0;
    for (const Bar& bar : bars) {
        most = std::max(most, seconds_of(bar));
    }
    const Axis across = value_axis("time", "s", {0, most});
    Drawing one = drawing(frame, stem, title, "bars");
    one.data = boxes_of(bars, parts);
    one.plot.section = Plot::Section::kStages;
    one.plot.caption = fmt::format(
        "Seconds of each stage: loading its layers, computing prompts (prefill) and tokens (decode), sending, "
        "receiving "
        "and waiting for prompts (wait), and waiting while other stages work (bubble). Means; {}.",
        repeats_words(rows_of(bars)));
    one.commands = frame_commands(frame, title) + legends + axis_commands('x', across, true) +
                   axis_commands('y', names, false) + axis_label('x', across, frame) + stack_plot(stack, stem);
    return one;
}

std::string name_of_line(const Figures& figures, const Row& row, int stage) {
    return fmt::format("{}stage {}", figures.series.size() > 1 ? figures.series[row.series].name + ", " : "", stage);
}

std::vector<Line> stage_lines(const Figures& figures, std::size_t column) {
    std::vector<Line> lines;
    for (const Row& row : figures.rows) {
        for (const StageFigures& stage : row.stages) {
            if (!std::isfinite(stage.values[column].value)) {
                continue;
            }
            const std::string name = name_of_line(figures, row, stage.stage);
            auto at = std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.name == name; });
            if (at == lines.end()) {
                at = lines.insert(lines.end(), {name, {}});
            }
            at->points.push_back({row.x, stage.values[column], &row});
        }
    }
    return lines;
}

void add_lines(const Figures& figures, const char* key, Curve curve, std::vector<Drawing>& drawings) {
    std::vector<Line> lines = stage_lines(figures, stage_column(key));
    std::vector<double> x = all_x(lines);
    std::sort(x.begin(), x.end());
    x.erase(std::unique(x.begin(), x.end()), x.end());
    if (x.size() < 2 || lines.size() < 2 || lines.size() > kMostSeries) {
        return;  // the bars show it
    }
    curve.section = Plot::Section::kStages;
    drawings.push_back(draw_lines(curve, lines, parameter_axis(figures.x_name, x),
                                  value_axis(curve.name, curve.unit, all_values(lines)), {}));
}

}  // namespace

std::vector<Drawing> draw_experiment(const Figures& figures) {
    std::vector<Drawing> drawings;
    for (std::size_t i = 0; i < figures.experiment.size(); ++i) {
        const ExperimentColumn& column = figures.experiment[i];
        Curve curve;
        curve.stem = "experiment-" + file_word(column.key);
        curve.title = curve.name = column.title;
        curve.unit = column.fraction ? "fraction" : "";
        curve.caption = fmt::format("{}: {}.", column.title, column.rule);
        curve.value = [i](const Row& row) { return row.experiment[i]; };
        curve.ratio = !column.fraction;
        curve.section = Plot::Section::kExperiment;
        if (column.fraction) {
            curve.ideal = Curve::Ideal::kOne;
        } else if (column.key.ends_with("speedup")) {
            curve.ideal = Curve::Ideal::kProportional;
            curve.ideal_from = [x = figures.rows[figures.common_baseline].x](const Row&) { return x; };
        }
        std::vector<Drawing> some = draw_curve(figures, curve);
        std::move(some.begin(), some.end(), std::back_inserter(drawings));
    }
    return drawings;
}

std::vector<Drawing> draw_stages(const Figures& figures) {
    std::vector<Bar> bars;
    for (const Row& row : figures.rows) {
        for (const StageFigures& stage : row.stages) {
            Bar bar{&row, clean_text(fmt::format("{}, stage {}", name_of(figures, row), stage.stage)), {}, &stage};
            if (seconds_of(bar) > 0) {
                bars.push_back(std::move(bar));
            }
        }
    }
    std::vector<Drawing> drawings = in_parts(bars, "stages", "Where each stage's time went", draw_bars);
    Curve compute;
    compute.stem = "stages-compute";
    compute.title = "Computing time of each stage";
    compute.name = "computing";
    compute.unit = "s";
    compute.caption = "The slowest stage sets the pace: lines that meet mean that the layers are divided well.";
    add_lines(figures, "compute_s", compute, drawings);
    Curve bubble;
    bubble.stem = "stages-bubble";
    bubble.title = "Bubble of each stage";
    bubble.name = "bubble";
    bubble.unit = "fraction";
    bubble.caption = "Part of its time that a stage waited while others worked: less is better.";
    add_lines(figures, "bubble_fraction", bubble, drawings);
    return drawings;
}

}  // namespace inferstep::report
