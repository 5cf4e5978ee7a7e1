#include "report/page.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "core/file.hpp"
#include "core/version.hpp"
#include "report/page_parts.hpp"
#include "report/plot_script.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// Only our script runs, by its checksum, and nothing is fetched from anywhere: whatever a name in the files smuggled
// in.
std::string policy(const std::string& script) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(script.data(), script.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::array<unsigned char, std::size_t{2} * EVP_MAX_MD_SIZE> text{};
    EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
    return fmt::format("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'",
                       reinterpret_cast<const char*>(text.data()));
}

std::string title_of(const Collection& collection) {
    std::string title;
    for (const Tree& tree : collection.trees) {
        const bool named = !tree.about.empty() && tree.about.front().first == "battery";
        const std::string battery = named ? clean_text(tree.about.front().second) : "";
        const std::string label = clean_text(tree.label);
        title += title.empty() ? "" : ", ";
        title += battery.empty() || label.starts_with(battery) ? label : fmt::format("{} {}", battery, label);
    }
    return abridged(title, 100);
}

std::string fact(const std::string& name, const std::string& html) {
    return html.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped(name), html);
}

// When the executions ran: first begin and last end.
std::string period(const Collection& collection) {
    double first = kUnknown;
    double last = kUnknown;
    for (const Execution& e : collection.executions) {
        first = std::fmin(first, e.begin);
        last = std::fmax(last, e.begin + (std::isfinite(e.seconds) ? e.seconds : 0));
    }
    return std::isfinite(first) ? fmt::format("{} to {} UTC", time_text(first), time_text(last)) : "";
}

std::string head(const PageContent& page) {
    const Collection& c = page.collection;
    std::string html = fmt::format("<header>\n<h1>{}</h1>\n<dl>\n", escaped(title_of(c)));
    for (const Tree& tree : c.trees) {
        html += fact(c.trees.size() > 1 ? tree.label : "results",
                     fmt::format("{} <span class=\"quiet\">({})</span>", file_link(tree.path, tree.path, page.folder),
                                 escaped(tree.format)));
        for (const auto& [name, value] : tree.about) {
            html += fact(name, escaped(value));
        }
    }
    html += fact("ran", period(c));
    const auto warmups =
        std::count_if(c.executions.begin(), c.executions.end(), [](const Execution& e) { return e.warmup; });
    html += fact("executions", fmt::format("{}{}", c.executions.size(),
                                           warmups > 0 ? fmt::format(", {} of them to warm up", warmups) : ""));
    html += fact("compared", fmt::format("{} series over {} ({})", page.figures.series.size(),
                                         escaped(page.figures.x_name), escaped(page.figures.x_rule)));
    return html + "</dl>\n";
}

std::string rules(const Figures& figures) {
    std::string html;
    html += fact("time", escaped(figures.time_rule));
    html += fact("rate", escaped(figures.rate_rule));
    html += fact("common baseline", escaped(figures.baseline_rule));
    html += fact("own baseline", escaped(fmt::format("each series against its own smallest {}", figures.x_name)));
    html += fact("efficiency", escaped(figures.scaling_rule));
    return "<dl>\n" + html + "</dl>\n";
}

struct Section {
    const char* id;
    const char* title;
    std::string html;
};

std::vector<Section> sections_of(const PageContent& page) {
    const std::string scaling = scaling_table(page);
    std::vector<Section> all = {
        {"scaling", "Scaling",
         scaling.empty() ? "" : scaling + rules(page.figures) + figures_of(page, Plot::Section::kScaling)},
        {"experiment", "The experiment", experiment_table(page) + figures_of(page, Plot::Section::kExperiment)},
        {"stages", "Stages", stages_table(page) + figures_of(page, Plot::Section::kStages)},
        {"correctness", "Correctness", correctness(page)},
        {"parts", "Where the time went", breakdown_table(page) + figures_of(page, Plot::Section::kParts)},
        {"resources", "Resources", resources_table(page) + figures_of(page, Plot::Section::kResources)},
        {"metrics", "Metrics", metrics_table(page) + figures_of(page, Plot::Section::kMetrics)},
        {"times", "Distributions of times", distributions(page)},
        {"profile", "Profile", profile_table(page)},
        {"remarks", "Failures, outliers and notes", remarks(page)},
        {"sources", "Where the numbers come from", executions(page)}};
    std::erase_if(all, [](const Section& one) { return one.html.empty(); });
    return all;
}

std::string files(const PageContent& page, const std::string& directory) {
    std::string html;
    for (const char* name :
         {"report.json", "scaling.csv", "functions.csv", "breakdown.csv", "metrics.csv", "experiment.csv", "stages.csv",
          "executions.csv", "failures.csv", "outliers.csv", "samples.csv"}) {
        if (exists(directory + "/" + name)) {
            html += (html.empty() ? "" : ", ") + file_link(directory + "/" + name, name, page.folder);
        }
    }
    return html.empty() ? "" : "<p class=\"act\">The same numbers for programs: " + html + ".</p>\n";
}

std::string document(const PageContent& page, const std::string& directory) {
    const std::string script = page_script();
    const std::vector<Section> sections = sections_of(page);
    std::string nav;
    std::string body;
    for (const Section& one : sections) {
        nav += fmt::format("<a href=\"#{}\">{}</a>\n", one.id, one.title);
        body += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", one.id, one.title, one.html);
    }
    return fmt::format(
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\""
               "Content-Security-Policy\" content=\"{}\">\n<meta name=\"viewport\" content=\"width=device-width, "
               "initial-scale=1\">\n<meta name=\"generator\" content=\"inferstep {}\">\n<title>{}: "
               "report</title>\n<style>"
               "{}</style>\n</head>\n<body>\n",
               policy(script), INFERSTEP_VERSION, escaped(title_of(page.collection)), page_style()) +
           head(page) + verdict(page) + files(page, directory) + "<nav>\n" + nav + "</nav>\n</header>\n<main>\n" +
           "<p class=\"quiet\"><span class=\"act\">Click on the head of a column to sort by it, on a number to see "
           "what "
           "it was computed from. </span>± is half of the 95 % confidence interval over the repeats; - was not "
           "measured.</p>\n" +
           body + "</main>\n<script>" + script + "</script>\n</body>\n</html>\n";
}

}  // namespace

Status write_page(const Collection& collection, const Figures& figures, const Plots& plots,
                  const std::string& directory) {
    const PageContent page{
        collection, figures, plots, {std::filesystem::path(absolute_path(directory)).lexically_normal().string()}};
    return write_file(directory + "/index.html", document(page, directory));
}

}  // namespace inferstep::report
