#include <algorithm>
#include <array>

#include "core/cpulist.hpp"
#include "place/draw.hpp"
#include "place/marks.hpp"

namespace inferstep {
namespace {

// Distances in pixels. A cell is one hardware thread; a core is a column of its threads.
constexpr int kCell = 26, kCellHeight = 20, kGap = 2, kCoreGap = 6;
constexpr int kPad = 14, kTitle = 28, kChip = 22, kMargin = 24, kLine = 25;
constexpr std::size_t kMostColumns = 16;

struct Colour {
    const char* strong;  // the database
    const char* light;   // its tasks
};
constexpr std::array<Colour, 8> kColours = {{{"#1d6fa5", "#cfe4f3"},
                                             {"#c8552b", "#f8dccf"},
                                             {"#2b8a5f", "#cdebdd"},
                                             {"#7a4fa3", "#e4d8f0"},
                                             {"#b0831a", "#f5e6bd"},
                                             {"#b03a6c", "#f5d3e1"},
                                             {"#3d7f8c", "#d0e8ec"},
                                             {"#6b7280", "#e1e4e9"}}};
constexpr Colour kNobody = {"#9aa3ad", "#f1f3f5"};
Colour colour_of(int instance) {
    return instance < 0 ? kNobody : kColours[static_cast<std::size_t>(instance) % kColours.size()];
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    }
    return out;
}

std::string text_at(int x, int y, const char* style, const std::string& text) {
    return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, style, escaped(text));
}

std::string box(int x, int y, int width, int height, int radius, const char* fill, const char* line) {
    return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" stroke=\"{}\"/>\n", x,
                       y, width, height, radius, fill, line);
}

// A part of the picture, drawn at the origin.
struct Part {
    int width = 0;
    int height = 0;
    std::string svg;
};

std::string placed(const Part& part, int x, int y) {
    return fmt::format("<g transform=\"translate({},{})\">\n{}</g>\n", x, y, part.svg);
}

std::string draw_cell(int x, int y, const Mark& mark, int cpu) {
    const Colour colour = colour_of(mark.instance);
    const bool idle = mark.text == ".";
    return fmt::format("<g><title>CPU {}</title>\n", cpu) +
           box(x, y, kCell, kCellHeight, 4,
               mark.database ? colour.strong
               : idle        ? "#ffffff"
                             : colour.light,
               idle ? "#d5dae0" : colour.strong) +
           (idle ? "" : text_at(x + kCell / 2, y + 14, mark.database ? "db" : "task", mark.text)) + "</g>\n";
}

Part draw_gpus(const Topology& topology, const Plan& plan, int domain) {
    Part part;
    for (const Gpu& gpu : topology.gpus) {
        if (gpu.domain != domain) {
            continue;
        }
        int owner = -1;
        for (std::size_t i = 0; i < plan.instances.size(); ++i) {
            const auto& mine = plan.instances[i].gpus;
            owner = std::find(mine.begin(), mine.end(), gpu.index) != mine.end() ? static_cast<int>(i) : owner;
        }
        part.svg +=
            box(part.width, 0, 58, kChip, 11, owner < 0 ? "#ffffff" : colour_of(owner).strong, colour_of(owner).strong);
        part.svg += text_at(part.width + 29, 15, owner < 0 ? "task" : "db", fmt::format("GPU {}", gpu.index));
        part.width += 58 + kCoreGap;
        part.height = kChip + kCoreGap;
    }
    return part;
}

Part draw_domain(const Topology& topology, const Plan& plan, int index, const std::vector<Mark>& marks) {
    const auto cores = cores_of(topology, index);
    std::size_t threads = 1;
    for (const auto& core : cores) {
        threads = std::max(threads, core.size());
    }
    const std::size_t lines = (cores.size() + kMostColumns - 1) / kMostColumns;
    const std::size_t columns = (cores.size() + lines - 1) / std::max<std::size_t>(lines, 1);
    const int line_height = static_cast<int>(threads) * (kCellHeight + kGap) - kGap + kCoreGap;
    const Domain& domain = topology.domains[static_cast<std::size_t>(index)];
    Part cells;
    for (std::size_t c = 0; c < cores.size(); ++c) {
        for (std::size_t t = 0; t < cores[c].size(); ++t) {
            cells.svg +=
                draw_cell(static_cast<int>(c % columns) * (kCell + kCoreGap),
                          static_cast<int>(c / columns) * line_height + static_cast<int>(t) * (kCellHeight + kGap),
                          marks[cores[c][t]], topology.cpus[cores[c][t]].os);
        }
    }
    const Part gpus = draw_gpus(topology, plan, index);
    Part part;
    part.width = std::max({static_cast<int>(columns) * (kCell + kCoreGap) - kCoreGap, gpus.width, 200}) + 2 * kPad;
    part.height = kTitle + static_cast<int>(lines) * line_height + gpus.height + kPad - kCoreGap;
    part.svg = box(0, 0, part.width, part.height, 8, "#ffffff", "#d5dae0") +
               text_at(kPad, 19, "label", domain_name(domain)) + placed(cells, kPad, kTitle) +
               placed(gpus, kPad, kTitle + static_cast<int>(lines) * line_height + kCoreGap);
    return part;
}

// Put parts below each other, or beside each other, in a frame.
Part stack(const std::vector<Part>& parts, bool beside, const std::string& title) {
    Part frame;
    int x = kPad;
    int y = kTitle + 4;
    for (const Part& part : parts) {
        frame.svg += placed(part, x, y);
        frame.width = std::max(frame.width, x + part.width + kPad);
        frame.height = std::max(frame.height, y + part.height + kPad);
        (beside ? x : y) += (beside ? part.width : part.height) + kPad;
    }
    frame.svg =
        box(0, 0, frame.width, frame.height, 10, "#f7f8fa", "#c3cad2") + text_at(kPad, 20, "label", title) + frame.svg;
    return frame;
}

Part draw_machine(const Topology& topology, const Plan& plan, const std::vector<Mark>& marks) {
    std::vector<Part> packages;
    int total = 0;
    for (std::size_t first = 0; first < topology.domains.size();) {
        const int package = topology.domains[first].package;
        std::vector<Part> domains;
        for (; first < topology.domains.size() && topology.domains[first].package == package; ++first) {
            domains.push_back(draw_domain(topology, plan, static_cast<int>(first), marks));
        }
        packages.push_back(stack(domains, false, fmt::format("package {}", package)));
        total += packages.back().width;
    }
    constexpr int kMostWidth = 1300;
    Part machine = stack(packages, total <= kMostWidth,
                         fmt::format("{} cores, {} CPUs; the step has {}", cores_in(topology), topology.cpus.size(),
                                     step_cpus(plan).count()));
    if (const Part elsewhere = draw_gpus(topology, plan, -1); elsewhere.height > 0) {
        machine.svg += placed(elsewhere, 0, machine.height + kPad);
        machine.height += elsewhere.height + kPad;
    }
    return machine;
}

Part draw_legend(const Topology& topology, const Plan& plan, const std::vector<Mark>& marks, int width) {
    constexpr int kLetter = 7;  // the mean width of a letter at this size
    constexpr int kTextAt = kCell + 12;
    const auto columns = static_cast<std::size_t>((width - kTextAt) / kLetter);
    Part part;
    const auto line = [&](const std::string& swatch, const std::string& text, const char* style) {
        part.svg += swatch.empty() ? "" : fmt::format("<g transform=\"translate(0,{})\">{}</g>\n", part.height, swatch);
        for (const std::string& piece : wrapped(text, columns)) {
            part.svg += text_at(kTextAt, part.height + 15, style, piece);
            part.height += kLine;
        }
    };
    for (int i = 0; i < static_cast<int>(plan.instances.size()); ++i) {
        const PlannedInstance& one = plan.instances[static_cast<std::size_t>(i)];
        const std::string served = served_words(plan, i);
        const std::string text = fmt::format(
            "database {} · {} · CPUs {}{}{}", i, domain_name(topology.domains[static_cast<std::size_t>(one.domain)]),
            cpu_list(one.cpus), one.gpus.empty() ? "" : " · GPUs " + number_list(one.gpus),
            served.empty() ? "" : " · " + served);
        const std::string swatch = box(0, 0, kCell, kCellHeight, 4, colour_of(i).strong, colour_of(i).strong) +
                                   text_at(kCell / 2, 14, "db", fmt::format("D{}", i));
        line(swatch, text, "text");
    }
    const auto any = [&](const char* text) {
        return std::any_of(marks.begin(), marks.end(), [&](const Mark& m) { return m.text == text; });
    };
    const auto sample = [](const Colour& colour, const char* text) {
        return box(0, 0, kCell, kCellHeight, 4, colour.light, colour.strong) + text_at(kCell / 2, 14, "task", text);
    };
    if (!plan.tasks.empty()) {
        line(sample(colour_of(0), "n"), "task n, in the colour of its database", "text");
    }
    if (any("*")) {
        line(sample(kNobody, "*"), "several tasks; grey where their databases differ", "text");
    }
    if (any(".")) {
        line(box(0, 0, kCell, kCellHeight, 4, "#ffffff", "#d5dae0"), "not in the step", "text");
    }
    for (const std::string& note : plan.notes) {
        line("", "note: " + note, "note");
    }
    part.width = width;
    return part;
}

constexpr const char* kStyle =
    "<style>text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#27313b}"
    ".label{font-size:13px;font-weight:600}.text{font-size:13px}.note{font-size:13px;fill:#5d6874}"
    ".task{font-size:11px;text-anchor:middle}.db{font-size:11px;font-weight:600;fill:#ffffff;text-anchor:middle}</"
    "style>\n";

}  // namespace

std::string draw_svg(const Topology& topology, const Plan& plan) {
    const std::vector<Mark> marks = marks_of(topology, plan);
    const Part machine = draw_machine(topology, plan, marks);
    const Part legend = draw_legend(topology, plan, marks, std::max(machine.width, 640));
    const int width = std::max(machine.width, legend.width) + 2 * kMargin;
    const int height = machine.height + legend.height + 3 * kMargin;
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n",
               width, height) +
           kStyle + fmt::format("<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n", width, height) +
           placed(machine, kMargin, kMargin) + placed(legend, kMargin, machine.height + 2 * kMargin) + "</svg>\n";
}

}  // namespace inferstep
