#include "report/plots.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/file.hpp"
#include "core/process.hpp"
#include "report/plot_bars.hpp"
#include "report/plot_curves.hpp"
#include "report/plot_distributions.hpp"
#include "report/plot_sensitivity.hpp"
#include "report/plot_stages.hpp"
#include "report/svg.hpp"

namespace inferstep::report {
namespace {

constexpr int kTimeLimitMs = 300'000;
constexpr const char* kScript = "plots.gp";

// All drawings of a report, and the words for those that cannot be.
std::vector<Drawing> draw_all(const Figures& figures, std::vector<std::string>& left_out) {
    std::vector<Drawing> all = draw_curves(figures, left_out);
    const auto add = [&](std::vector<Drawing> some, const std::string& why_not) {
        if (some.empty() && !why_not.empty()) {
            left_out.push_back(why_not);
        }
        std::move(some.begin(), some.end(), std::back_inserter(all));
    };
    add(draw_experiment(figures), "");
    add(draw_stages(figures), "");
    add(draw_breakdown(figures), "no plot of where the time went: nothing tells communication, compute and I/O apart");
    add(draw_changes(figures), "no plot of changes: there are no two series with the same " + figures.x_name);
    add(draw_sensitivity(figures),
        "no plots of sensitivity: no parameter but " + figures.x_name + " has several values");
    std::vector<Drawing> distributions;
    for (const std::string& function : figures.functions) {  // those that a profiler saw are no distributions
        std::vector<Drawing> some = draw_function(figures, function);
        std::move(some.begin(), some.end(), std::back_inserter(distributions));
    }
    add(std::move(distributions), "no distributions: no function was timed");
    return all;
}

// Two names may make the same word: no file is written twice.
void make_unique(std::vector<Drawing>& drawings) {
    std::map<std::string, int> seen;
    for (Drawing& one : drawings) {
        const std::string stem = one.plot.stem;
        if (const int n = ++seen[stem]; n > 1) {
            one.plot.stem = fmt::format("{}_{}", stem, n);  // no stem has an underscore by itself
            const std::string file = fmt::format("'{}.dat'", stem);
            for (std::size_t at = one.commands.find(file); at != std::string::npos;
                 at = one.commands.find(file, at + 1)) {
                one.commands.replace(at, file.size(), fmt::format("'{}.dat'", one.plot.stem));
            }
        }
    }
}

std::string script_of(const std::vector<Drawing>& drawings) {
    std::string script = "# All plots of this folder: gnuplot plots.gp\nset encoding utf8\n";
    for (const Drawing& one : drawings) {
        const Plot& p = one.plot;
        script += fmt::format(
            "\nset terminal svg size {0},{1} dynamic noenhanced rounded font 'sans-serif,14' background rgb '#ffffff'\n"
            "set output '{2}.svg'\nload '{2}.gp'\nset output\nreset\n"
            "set terminal pngcairo size {3},{4} noenhanced rounded font 'sans-serif,14' fontscale 2 linewidth 2 "
            "pointscale "
            "2 background rgb '#ffffff'\nset output '{2}.png'\nload '{2}.gp'\nset output\nreset\n",
            p.width, p.height, p.stem, 2 * p.width, 2 * p.height);
    }
    return script;
}

Status write_inputs(const std::vector<Drawing>& drawings, const std::string& folder) {
    for (const Drawing& one : drawings) {
        const std::string head = "# Drawn by plots.gp, which says what as: gnuplot plots.gp\n";
        if (Status s = write_file(folder + "/" + one.plot.stem + ".gp", head + one.commands); !s) {
            return s;
        }
        if (Status s = write_file(folder + "/" + one.plot.stem + ".dat", one.data); !s) {
            return s;
        }
    }
    return write_file(folder + "/" + kScript, script_of(drawings));
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    const auto end = text.find_last_not_of(' ');
    return end == std::string::npos ? "" : text.substr(0, end + 1);
}

// Runs gnuplot; false when nothing can have been drawn.
bool run_gnuplot(const std::string& folder, std::vector<std::string>& troubles) {
    const Result<std::string> program = find_program("gnuplot");
    if (!program) {
        troubles.emplace_back(
            "no plots: gnuplot is not installed; install it (Debian: gnuplot-nox) and run the report again, or run "
            "`gnuplot plots.gp` in the folder plots");
        return false;
    }
    const Result<Captured> ran = run_capture({"env", "-C", folder, *program, "-d", kScript}, kTimeLimitMs);
    if (!ran || ran->exit_code != 0 || !ran->err.empty()) {
        troubles.push_back("plots may be missing: gnuplot said: " + (ran ? one_line(ran->err) : ran.error().message));
    }
    return static_cast<bool>(ran);
}

}  // namespace

Result<Plots> write_plots(const Figures& figures, const std::string& directory) {
    Plots plots;
    std::vector<Drawing> drawings = draw_all(figures, plots.left_out);
    if (drawings.empty()) {
        return plots;
    }
    make_unique(drawings);
    const std::string folder = directory + "/plots";
    if (Status s = make_directories(folder); !s) {
        return s.error();
    }
    if (Status s = write_inputs(drawings, folder); !s) {
        return s.error();
    }
    const bool ran = run_gnuplot(folder, plots.troubles);
    plots.left_out.insert(plots.left_out.end(), plots.troubles.begin(), plots.troubles.end());
    if (!ran) {
        return plots;
    }
    for (Drawing& one : drawings) {
        const Result<std::string> file = read_file(folder + "/" + one.plot.stem + ".svg");
        if (!file || file->find("</svg>") == std::string::npos) {
            plots.left_out.push_back("no plot " + one.plot.stem + ": gnuplot has not drawn it");
            continue;
        }
        one.plot.svg = svg_element(*file, one.plot.stem + "-", one.plot.title, one.plot.caption);
        plots.drawn.push_back(std::move(one.plot));
    }
    return plots;
}

}  // namespace inferstep::report
