// Plots of reports: axes that can be read, names that cannot do harm, and drawings that gnuplot draws without a word.
#include <algorithm>
#include <filesystem>

#include "check.hpp"
#include "core/file.hpp"
#include "core/process.hpp"
#include "core/text.hpp"
#include "folder.hpp"
#include "report/plot_axis.hpp"
#include "report/plot_density.hpp"
#include "report/plot_script.hpp"
#include "report/plots.hpp"
#include "report/svg.hpp"
#include "report/text.hpp"
#include "report_samples.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::report;  // NOLINT(google-build-using-namespace): the part that is tested

void texts_of_others_are_shown_and_nothing_more() {
    CHECK_EQ(clean_text("größe\n\x1b[2J \xff\xc0\x80\xed\xa0\x80"), "größe��[2J ����");
    CHECK_EQ(clean_text("a\u202Eb\u2028c\u200Fd"), "a�b�c�d");
    CHECK_EQ(escaped("<a href='x' title=\"y\">&"), "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;");
    CHECK_EQ(quoted("it's `x` @y \"z\" ]]>"), "'it’s `x` @y \"z\" ]] >'");
    CHECK_EQ(abridged("größenordnung", 13), "größenordnung");
    CHECK_EQ(abridged("größenordnung", 8), "größ…ung");
    CHECK_EQ(seen_width("größe"), 5U);
    CHECK(text_pixels("illi") < text_pixels("name") && text_pixels("name") < text_pixels("NAME"));
    CHECK(text_pixels("NAME") < text_pixels("日本語名") && text_pixels("\xff") > 0);
    CHECK_EQ(with_unit("time", "ms") + with_unit("share", "") + with_unit("images", "images"), "time [ms]shareimages");
    CHECK_EQ(file_word("../Run Model (fp32)"), "run-model-fp32");
    CHECK_EQ(file_word("模型"), "unnamed");
}

std::string ticks(const Axis& axis) {
    std::string text;
    for (const Tick& tick : axis.ticks) {
        text += (text.empty() ? "" : " ") + tick.text;
    }
    return text;
}

void axes_are_of_round_numbers() {
    const Axis times = value_axis("time", "s", {0.0011, 0.0042, kUnknown});
    CHECK_EQ(times.label, "time [ms]");
    CHECK_EQ(ticks(times), "0 1 2 3 4 5");
    CHECK(!times.log && times.high >= 0.0042);
    const Axis wide = value_axis("time", "s", {0.002, 3});
    CHECK(wide.log && wide.low < 0.002 && wide.high > 3);
    CHECK_EQ(ticks(wide), "0.01 0.1 1");
    CHECK_EQ(ticks(value_axis("efficiency", "fraction", {0.31, 1})), "0 20 40 60 80 100");
    CHECK_EQ(ticks(value_axis("memory", "bytes", {3.0 * 1024 * 1024, 0})), "0.0 0.5 1.0 1.5 2.0 2.5 3.0");
    CHECK_EQ(ticks(parameter_axis("nodes", {8, 1, 2, 4, 2})), "1 2 4 8");
    CHECK(parameter_axis("nodes", {8, 1, 2, 4}).log && parameter_axis("nodes", {1, 4}).log);
    CHECK(!parameter_axis("first layers", {1, 4, 7, 10, 13, 16, 19, 22, 25}).log);
    CHECK(!parameter_axis("first layers", {1, 4, 8, 11}).log && parameter_axis("n", {1, 20, 40}).log);
    CHECK_EQ(ticks(ratio_axis("speed-up", {0.7, 7.1})), "0.5 1 2 4 8");
    CHECK_EQ(value_axis("rate", "images/s", {2e6}).label, "rate [thousand images/s]");
}

void no_axis_is_empty() {
    for (const std::vector<double>& values :
         {std::vector<double>{}, {0}, {5}, {5, 5}, {-3}, {1e-12}, {1e300}, {kUnknown}, {-2, 7}}) {
        for (const Axis& axis : {value_axis("a", "s", values), value_axis("a", "", values, false),
                                 parameter_axis("a", values), ratio_axis("a", values)}) {
            CHECK_IN(fmt::format("{}", fmt::join(values, " ")), axis.high > axis.low);
        }
    }
}

void densities_are_within_their_sample() {
    const Distribution sample = sample_times("f", 0.02, 500, 1, {});
    for (const bool log : {false, true}) {
        const std::vector<Density> d = density(sample, log);
        if (!CHECK(d.size() > 20)) {
            return;
        }
        double highest = 0;
        double at = 0;
        for (const Density& one : d) {
            CHECK(one.at > sample.min * 0.999 && one.at < sample.max * 1.001 && one.height >= 0 && one.height <= 1);
            at = one.height > highest ? one.at : at;
            highest = std::max(highest, one.height);
        }
        CHECK_EQ(highest, 1.0);
        CHECK(at > 0.017 && at < 0.022);
    }
    Distribution constant = sample;
    std::fill(constant.quantiles.begin(), constant.quantiles.end(), 0.02);
    CHECK(density(constant, false).empty());
}

void svg_of_gnuplot_becomes_an_element() {
    const std::string file =
        "<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 1 1\">\n<title>Gnuplot</title><desc>x</desc><g id='gpPt1'/>"
        "<use xlink:href='#gpPt1'/><g color='a'>\n</g><g><title>gnuplot_plot_1</title><text>a id='b' &lt;i> "
        "></text></g></svg>\n";
    CHECK_EQ(svg_element(file, "p-", "T<", "D"),
             "<svg viewBox=\"0 0 1 1\" role=\"img\" aria-labelledby=\"p-title p-desc\">\n<title id=\"p-title\">T&lt;"
             "</title>\n<desc id=\"p-desc\">D</desc>\n\n<g id='p-gpPt1'/><use xlink:href='#p-gpPt1'/><g>"
             "<text>a id='b' &lt;i&gt; &gt;</text></g></svg>");
}

// Draws them and returns the stems; gnuplot must not have said a word.
std::vector<std::string> drawn(const Sample& sample, const std::string& folder) {
    const Result<Plots> plots = write_plots(sample.figures, folder);
    std::vector<std::string> stems;
    if (!CHECK_IN(plots ? "" : plots.error().message, plots)) {
        return stems;
    }
    CHECK_EQ(fmt::format("{}", fmt::join(plots->troubles, "; ")), "");
    for (const Plot& plot : plots->drawn) {
        CHECK_IN(plot.stem, plot.svg.find("</svg>") != std::string::npos && !plot.caption.empty());
        CHECK_IN(plot.stem, std::filesystem::file_size(folder + "/plots/" + plot.stem + ".png") > 2000);
        stems.push_back(plot.stem);
    }
    return stems;
}

bool gnuplot_is_here() {
    const bool here = static_cast<bool>(find_program("gnuplot"));
    if (!here) {
        fmt::print("gnuplot is not installed: not tested\n");
    }
    return here;
}

void a_scaling_test_has_all_plots() {
    if (!gnuplot_is_here()) {
        return;
    }
    const Folder folder;
    const std::vector<std::string> stems = drawn(sample_figures({}), folder.path());
    for (const char* wanted : {"time", "rate", "speedup", "speedup-own", "efficiency-strong", "breakdown", "change",
                               "sensitivity-strategy", "times-run-model", "energy", "memory", "metric-accuracy"}) {
        CHECK_IN(wanted, std::find(stems.begin(), stems.end(), wanted) != stems.end());
    }
}

void few_numbers_are_drawn_too() {
    if (!gnuplot_is_here()) {
        return;
    }
    SampleShape shape;
    shape.nodes = {4};
    const Folder one_scale;
    CHECK(!drawn(sample_figures(shape), one_scale.path()).empty());
    shape.series = {"alone"};
    shape.repeats = 1;
    shape.times = 3;
    const Folder one_row;
    CHECK(!drawn(sample_figures(shape), one_row.path()).empty());
    Sample nothing = sample_figures(shape);
    nothing.figures = {};
    const Folder none;
    CHECK(drawn(nothing, none.path()).empty());
}

void names_cannot_do_harm() {
    if (!gnuplot_is_here()) {
        return;
    }
    const Folder folder;
    SampleShape shape;
    const std::string touch = "touch " + (folder / "harm");
    shape.series = {"`" + touch + "`",       "'; system('" + touch + "')",
                    "\"; system \"",         "''; system('" + touch + "')",
                    "@{x}_y^z {a} %s %d %%", "\xff\n\"]]>&lt;模型"};
    Sample sample = sample_figures(shape);
    sample.figures.x_name = "no_des's `" + touch + "` %d";
    sample.figures.rate_name = "\" system \"" + touch;
    sample.figures.functions[0] = "run_model' `" + touch + "`";
    for (Row& row : sample.figures.rows) {
        row.functions[0].function = sample.figures.functions[0];
    }
    const std::vector<std::string> stems = drawn(sample, folder.path());
    CHECK(stems.size() > 10);
    CHECK(!std::filesystem::exists(folder / "harm"));
    const Result<std::string> svg = read_file(folder / "plots/time.svg");
    CHECK(svg && svg->find("@{x}_y^z {a} %s %d %%") != std::string::npos);
    CHECK(svg && svg->find("]]>") == std::string::npos);
}

CU_TestInfo kTests[] = {{"texts of others are shown, and nothing more", texts_of_others_are_shown_and_nothing_more},
                        {"axes are of round numbers", axes_are_of_round_numbers},
                        {"no axis is empty", no_axis_is_empty},
                        {"densities are within their sample", densities_are_within_their_sample},
                        {"SVG of gnuplot becomes an element", svg_of_gnuplot_becomes_an_element},
                        {"a scaling test has all plots", a_scaling_test_has_all_plots},
                        {"few numbers are drawn, too", few_numbers_are_drawn_too},
                        {"names cannot do harm", names_cannot_do_harm},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kReportPlotsSuite = suite("report plots", kTests);

}  // namespace inferstep::test
