#include <fmt/format.h>

#include "report/page_parts.hpp"
#include "report/plot_script.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

std::string figure(const Plot& plot) {
    std::string files;
    for (const char* form : {"svg", "png", "dat", "gp"}) {
        files += fmt::format(" <a href=\"./plots/{0}.{1}\">{1}</a>", plot.stem, form);
    }
    return fmt::format(
        "<figure id=\"plot-{0}\" class=\"{1}\" style=\"max-width:{5}px\">\n<div "
        "class=\"box\">{2}</div>\n<figcaption>{3} <span class=\"act\">{4}"
        "</span></figcaption>\n</figure>\n",
        plot.stem, plot.width > kNarrow ? "wide" : "narrow", plot.svg, escaped(plot.caption), files, plot.width);
}

template <typename Each>
std::string listed(const char* title, const std::vector<Each>& all, const char* kind) {
    std::string html;
    for (const Each& one : all) {
        html += fmt::format("<li class=\"{}\">{}</li>\n", kind, one);
    }
    return html.empty() ? "" : fmt::format("<h3>{}</h3>\n<ul>\n{}</ul>\n", title, html);
}

// The place in its tree, since many files have the same name.
std::string with_source(const PageContent& page, const std::string& text, const Source& source) {
    std::string name = source.file;
    for (const Tree& tree : page.collection.trees) {
        name = name.starts_with(tree.path + "/") ? name.substr(tree.path.size() + 1) : name;
    }
    name += source.line > 0 ? fmt::format(":{}", source.line) : "";
    return escaped(text) + (source.file.empty() ? "" : " (" + file_link(source.file, name, page.folder) + ")");
}

// A sentence about an execution, which mostly begins with its name.
std::string about(const PageContent& page, std::size_t execution, const std::string& sentence, const Source& source) {
    const std::string& id = page.collection.executions[execution].id;
    const std::string link = execution_link(page, execution);
    return sentence.starts_with(id + " ") ? link + with_source(page, sentence.substr(id.size()), source)
                                          : link + ": " + with_source(page, sentence, source);
}

}  // namespace

std::string figures_of(const PageContent& page, Plot::Section section, const std::string& subject) {
    std::string html;
    for (const Plot& plot : page.plots.drawn) {
        html += plot.section == section && plot.subject == subject ? figure(plot) : "";
    }
    return html.empty() ? "" : "<div class=\"plots\">\n" + html + "</div>\n";
}

std::string remarks(const PageContent& page) {
    std::vector<std::string> failures;
    for (const Failure& one : page.figures.failures) {
        std::string logs;
        for (const Source& log : page.collection.executions[one.execution].logs) {
            logs += " " + source_link(log, page.folder);
        }
        failures.push_back(about(page, one.execution, one.text, {}) + logs);
    }
    std::vector<std::string> outliers;
    for (const Outlier& one : page.figures.outliers) {
        outliers.push_back(about(page, one.execution, one.text, one.source));
    }
    std::vector<std::string> notes;
    for (const Note& one : page.figures.notes) {
        notes.push_back(with_source(page, one.text, one.source));
    }
    std::vector<std::string> left_out;
    for (const std::string& one : page.plots.left_out) {
        left_out.push_back(escaped(one));
    }
    return listed("Executions that did not succeed", failures, "failure") + listed("Outliers", outliers, "outlier") +
           listed("Notes", notes, "note") + listed("Plots that were left out", left_out, "note");
}

}  // namespace inferstep::report
