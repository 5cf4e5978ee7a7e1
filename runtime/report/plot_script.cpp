#include "report/plot_script.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "core/text.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// Widths of letters in pixels: those of DejaVu Sans, the widest font that is common, as PNG has them; SVG has less.
constexpr double kLetter = 11, kNarrowLetter = 7, kCapital = 14, kWideLetter = 19;
constexpr int kLegendLine = 21, kLegendSample = 36, kLegendGap = 26;
constexpr std::size_t kLongestName = 64;

// After Okabe and Ito; their yellow is too faint for a line on white.
constexpr std::array<const char*, 7> kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                 "#E69F00", "#56B4E9", "#000000"};
constexpr std::array<int, 7> kPoints = {7, 5, 9, 13, 11, 15, 6};
constexpr std::array<int, 3> kDashes = {1, 2, 4};

}  // namespace

Look look_of(std::size_t series) {
    return {kColours[series % kColours.size()], kPoints[(series + series / kColours.size()) % kPoints.size()],
            kDashes[series / kColours.size() % kDashes.size()]};
}

double text_pixels(std::string_view text) {
    constexpr std::string_view kNarrowOnes = " fijlrtI'\"()[]{}.,:;!/|-\\";
    constexpr std::string_view kWideOnes = "mwMW@%";
    constexpr std::string_view kSigns = "<>=+~^#&QOG";
    double pixels = 0;
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
        const char c = text.front();
        const bool capital = std::isupper(static_cast<unsigned char>(c)) != 0;
        // Of three bytes and more are the letters that are as wide as high; Greek, Cyrillic and the like have two.
        pixels += length > 2 || kWideOnes.find(c) != std::string_view::npos            ? kWideLetter
                  : kNarrowOnes.find(c) != std::string_view::npos                      ? kNarrowLetter
                  : length == 2 || capital || kSigns.find(c) != std::string_view::npos ? kCapital
                                                                                       : kLetter;
        text.remove_prefix(length);
    }
    return pixels;
}

int left_margin(const std::vector<std::string>& names) {
    constexpr int kTick = 34;  // between a name and the axis, and at the edge
    double longest = 0;
    for (const std::string& name : names) {
        longest = std::max(longest, text_pixels(name));
    }
    return kTick + static_cast<int>(longest);
}

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : clean_text(text)) {
        out += c == '>' && out.ends_with("]]") ? " >" : c == '\'' ? "’" : std::string(1, c);  // no XML has ]]>
    }
    return out + "'";
}

std::string exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "NaN"; }

std::string at_pixel(const Frame& frame, double x, double y) {
    return fmt::format("screen {:.5f},{:.5f}", x / frame.width, 1 - y / frame.height);
}

std::string legend(Frame& frame, const std::vector<LegendEntry>& entries) {
    double longest = 0;
    for (const LegendEntry& entry : entries) {
        longest = std::max(longest, text_pixels(abridged(clean_text(entry.name), kLongestName)));
    }
    const double column = kLegendSample + longest + kLegendGap;
    const int left = 20;
    const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>((frame.width - left) / column));
    const std::size_t lines = (entries.size() + columns - 1) / columns;
    const double top = frame.height + 14;
    const int added = entries.empty() ? 0 : static_cast<int>(lines) * kLegendLine + 18;
    frame.height += added;
    frame.bottom += added;
    std::string out;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const LegendEntry& entry = entries[i];
        const std::size_t in_column = i / lines;
        const std::size_t in_line = i % lines;
        const double x = left + column * static_cast<double>(in_column);
        const double y = top + kLegendLine * static_cast<double>(in_line);
        const bool point = entry.mark == LegendEntry::Mark::kPoint || entry.mark == LegendEntry::Mark::kLinePoint;
        if (entry.mark == LegendEntry::Mark::kBox) {
            out += fmt::format("set object rectangle from {} to {} fillstyle solid noborder fillcolor rgb '{}'\n",
                               at_pixel(frame, x + 10, y + 6), at_pixel(frame, x + 24, y - 6), entry.look.colour);
        } else if (entry.mark != LegendEntry::Mark::kPoint) {
            out += fmt::format("set arrow from {} to {} nohead linewidth 2 dashtype {} linecolor rgb '{}'\n",
                               at_pixel(frame, x, y), at_pixel(frame, x + 28, y), entry.look.dash, entry.look.colour);
        }
        out += fmt::format("set label {} at {} left textcolor rgb '{}'\n",
                           quoted(abridged(clean_text(entry.name), kLongestName)),
                           at_pixel(frame, x + kLegendSample, y), kText);
        if (point) {
            out += fmt::format("set label '' at {} point pointtype {} pointsize 0.9 linecolor rgb '{}'\n",
                               at_pixel(frame, x + 14, y), entry.look.point, entry.look.colour);
        }
    }
    return out;
}

std::string frame_commands(const Frame& frame, const std::string& title) {
    const auto letters = static_cast<std::size_t>((frame.width - 40) / 8.4);
    const double w = frame.width;
    const double h = frame.height;
    return fmt::format(
        "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\nset bmargin at screen {:.5f}\nset tmargin at "
        "screen {:.5f}\nset border 3 linecolor rgb '{}'\nset tics nomirror out scale 0.5 textcolor rgb '{}'\nset key "
        "off\nset label {} at {} left font "
        "'sans-serif,16' textcolor rgb '{}'\n",
        frame.left / w, 1 - frame.right / w, frame.bottom / h, 1 - frame.top / h, kGrey, kText,
        quoted(abridged(clean_text(title), letters)), at_pixel(frame, 20, 20), kText);
}

std::string axis_commands(char which, const Axis& axis, bool grid) {
    std::string out = fmt::format("set {}range [{}:{}]\n{} logscale {}\n", which, exact(axis.low), exact(axis.high),
                                  axis.log ? "set" : "unset", which);
    out += fmt::format("set {}tics (", which);
    std::string labels;  // of ticks whose text gnuplot would take for a format
    for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
        const Tick& tick = axis.ticks[i];
        const bool format = tick.text.find('%') != std::string::npos;
        out += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted(format ? "" : tick.text), exact(tick.at));
        if (format) {
            labels += fmt::format("set label {} at {} textcolor rgb '{}'\n", quoted(tick.text),
                                  which == 'x' ? fmt::format("first {},graph 0 center offset 0,-1.2", exact(tick.at))
                                               : fmt::format("graph 0,first {} right offset -1,0", exact(tick.at)),
                                  kText);
        }
    }
    out += which == 'x' ? ") offset 0,0.3\n" : ")\n";
    return out + labels +
           (grid ? fmt::format("set grid no{}tics {}tics back linetype 1 linewidth 1 linecolor rgb '{}'\n",
                               which == 'x' ? 'y' : 'x', which, kGrid)
                 : "");
}

std::string axis_label(char which, const Axis& axis, const Frame& frame) {
    const bool below = which == 'x';
    const double x = below ? (frame.left + frame.width - frame.right) / 2.0 : 20;
    const double y = below ? frame.height - frame.bottom + 40 : frame.top - 20;
    return fmt::format("set label {} at {} {} textcolor rgb '{}'\n", quoted(axis.label), at_pixel(frame, x, y),
                       below ? "center" : "left", kGrey);
}

std::string plane_commands(const Frame& asked, const std::string& title, const std::string& legend, const Axis& across,
                           const Axis& up) {
    Frame frame = asked;  // with room for the longest number
    for (const Tick& tick : up.ticks) {
        frame.left = std::max(frame.left, left_margin({tick.text}));
    }
    return frame_commands(frame, title) + legend + axis_commands('x', across, false) + axis_commands('y', up, true) +
           axis_label('x', across, frame) + axis_label('y', up, frame);
}

Drawing drawing(const Frame& frame, const std::string& stem, const std::string& title, const std::string& kind) {
    Drawing one;
    one.plot.stem = stem;
    one.plot.title = clean_text(title);
    one.plot.kind = kind;
    one.plot.width = frame.width;
    one.plot.height = frame.height;
    return one;
}

std::string file_word(const std::string& name) {
    constexpr std::size_t kMost = 40;
    std::string word;
    for (const char c : name) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x80 && std::isalnum(u) != 0) {
            word += static_cast<char>(std::tolower(u));
        } else if (!word.empty() && word.back() != '-') {
            word += '-';
        }
    }
    word = word.substr(0, kMost);
    while (!word.empty() && word.back() == '-') {
        word.pop_back();
    }
    return word.empty() ? "unnamed" : word;
}

std::string repeats_words(const std::vector<const Row*>& rows) {
    std::size_t least = SIZE_MAX;
    std::size_t most = 0;
    for (const Row* row : rows) {
        least = std::min(least, row->executions.size());
        most = std::max(most, row->executions.size());
    }
    if (rows.empty()) {
        return "no repeats";
    }
    return least == most ? fmt::format("n = {} repeat{} a point", most, most == 1 ? "" : "s")
                         : fmt::format("n = {} to {} repeats a point", least, most);
}

}  // namespace inferstep::report
