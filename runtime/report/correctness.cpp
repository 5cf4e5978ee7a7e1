// What the runs' own comparisons say, and the completions beside those of --reference: a table for the terminal, and a
// section of the page.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "report/compute_grouping.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/reference.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kMostPrompts = 100;  // of a run on the page
constexpr std::size_t kMostText = 4000;    // bytes of a text there

// Of a run: "20/20 identical; token agreement 0.98, perplexity +0.13". Empty where it was compared with nothing.
std::string own_words(const Execution& execution) {
    if (!execution.stages || !execution.stages->comparison) {
        return "";
    }
    const sweep::StageComparison& c = *execution.stages->comparison;
    std::string text = fmt::format("{}/{} identical", plain(c.identical), plain(c.prompts));
    if (!c.first_divergence.empty()) {
        text += fmt::format("; first in prompt {}, at token {}", c.first_divergence.front().first,
                            c.first_divergence.front().second);
        text += std::isfinite(c.token_agreement)
                    ? fmt::format("; {} % of the tokens agree", significant(100 * c.token_agreement, kDigits))
                    : "";
    }
    return text + (std::isfinite(c.perplexity_delta) && c.perplexity_delta != 0
                       ? fmt::format("; perplexity {:+.4g}", c.perplexity_delta)
                       : "");
}

// Of a row: what its repeats say, once where all say the same.
std::string row_words(const Collection& collection, const Row& row) {
    std::vector<std::string> all;
    for (const std::size_t i : row.executions) {
        const std::string words = own_words(collection.executions[i]);
        if (!words.empty() && std::find(all.begin(), all.end(), words) == all.end()) {
            all.push_back(words);
        }
    }
    return fmt::format("{}", fmt::join(all, " | "));
}

const ReferenceRun* run_of(const Reference& reference, std::size_t execution) {
    const auto found = std::find_if(reference.runs.begin(), reference.runs.end(),
                                    [&](const ReferenceRun& run) { return run.execution == execution; });
    return found == reference.runs.end() ? nullptr : &*found;
}

std::string against_reference(const Collection& collection, const Row& row) {
    std::vector<std::string> all;
    for (const std::size_t i : row.executions) {
        const ReferenceRun* run = run_of(*collection.reference, i);
        const std::string words = run == nullptr ? "no completions" : in_words(*run);
        if (std::find(all.begin(), all.end(), words) == all.end()) {
            all.push_back(words);
        }
    }
    return fmt::format("{}", fmt::join(all, " | "));
}

std::string text_cell(const std::string& text) {
    return escaped(text.size() > kMostText ? text.substr(0, kMostText) + " …" : text);
}

// The run's text, with what is not the reference's marked.
std::string marked(const std::string& reference, const std::string& text) {
    auto at = static_cast<std::size_t>(
        std::mismatch(text.begin(), text.end(), reference.begin(), reference.end()).first - text.begin());
    while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) {
        --at;  // no character is cut
    }
    if (at >= kMostText) {
        return text_cell(text);
    }
    const std::string rest = text.substr(at);
    return text_cell(text.substr(0, at)) + (rest.empty() ? "" : "<mark>" + text_cell(rest) + "</mark>");
}

std::string place_of(const PromptComparison& one) {
    return one.divergence < 0 ? "identical"
           : one.other_prompt ? "another prompt"
                              : fmt::format("{} {}", one.by_tokens ? "token" : "byte", one.divergence);
}

std::string side_by_side(const Reference& reference, const ReferenceRun& run, const std::string& id) {
    HtmlTable table(id, "");
    table.column("prompt", true);
    table.column("first difference", false);
    table.column("text of the prompt", false);
    table.column("reference", false);
    table.column("this run", false);
    for (std::size_t i = 0; i < std::min(run.prompts.size(), kMostPrompts); ++i) {
        const PromptComparison& one = run.prompts[i];
        const auto known = std::find_if(reference.prompts.begin(), reference.prompts.end(),
                                        [&](const auto& p) { return p.prompt_index == one.prompt_index; });
        table.row("");
        table.plain(one.prompt_index);
        table.text(place_of(one));
        table.text(text_cell(known->prompt));
        table.text(text_cell(known->text));
        table.text(one.divergence < 0 ? text_cell(one.text) : marked(known->text, one.text));
    }
    const std::string more =
        run.prompts.size() > kMostPrompts
            ? fmt::format("<p class=\"quiet\">The first {} of {} prompts.</p>\n", kMostPrompts, run.prompts.size())
            : "";
    return "<div class=\"texts\">" + table.html() + "</div>" + more;
}

// Of each row the first run, which can be unfolded.
std::string texts_of(const PageContent& page) {
    std::string html;
    const Reference& reference = *page.collection.reference;
    for (std::size_t i = 0; i < page.figures.rows.size(); ++i) {
        const Row& row = page.figures.rows[i];
        const ReferenceRun* run = row.executions.empty() ? nullptr : run_of(reference, row.executions.front());
        if (run != nullptr && !run->prompts.empty()) {
            html +=
                fmt::format("<details><summary>{}: {}</summary>\n{}</details>\n", escaped(name_of(page.figures, row)),
                            escaped(in_words(*run)), side_by_side(reference, *run, fmt::format("texts-{}", i)));
        }
    }
    return html;
}

bool any_compared(const Figures& figures, const Collection& collection) {
    return collection.reference || std::any_of(figures.rows.begin(), figures.rows.end(),
                                               [&](const Row& row) { return !row_words(collection, row).empty(); });
}

}  // namespace

std::string correctness_words(const Collection& collection, const Row& row) {
    const std::string own = row_words(collection, row);
    return own.empty() && collection.reference ? against_reference(collection, row) : own;
}

std::string correctness_text(const Figures& figures, const Collection& collection) {
    if (!any_compared(figures, collection)) {
        return "";
    }
    TextTable table = table_of_rows(figures);
    table.column("in the run", true);
    table.column("against --reference", true);
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        const std::string own = printable(row_words(collection, row));
        cells.push_back(own.empty() ? "-" : own);
        cells.push_back(collection.reference ? printable(against_reference(collection, row)) : "-");
        table.row(std::move(cells));
    }
    return table.draw();
}

std::string correctness(const PageContent& page) {
    if (!any_compared(page.figures, page.collection)) {
        return "";
    }
    HtmlTable table("correctness-table", "Completions against the reference");
    table.column("series", false);
    table.column(clean_text(page.figures.x_name), true);
    table.column("by the run itself", false);
    table.column("by this report", false);
    for (const Row& row : page.figures.rows) {
        table.row("");
        table.text(escaped(page.figures.series[row.series].name), true);
        table.plain(row.x);
        table.text(escaped(row_words(page.collection, row)));
        table.text(page.collection.reference ? escaped(against_reference(page.collection, row)) : "");
    }
    std::string html = table.html();
    if (page.collection.reference) {
        const Reference& reference = *page.collection.reference;
        html += fmt::format(
            "<p>The reference is {}, {} prompts. Texts of one run of each row stand beside it; what is "
            "not the same is marked.</p>\n{}",
            file_link(reference.path, reference.path, page.folder), reference.prompts.size(), texts_of(page));
    }
    return html;
}

}  // namespace inferstep::report
