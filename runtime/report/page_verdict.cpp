#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

bool known(const Value& v) { return std::isfinite(v.value); }

std::string linked(const PageContent& page, const Row& row, const std::string& text) {
    const auto index = static_cast<std::size_t>(&row - page.figures.rows.data());
    return fmt::format("<a href=\"#{}\">{}</a>", row_anchor(index), escaped(text));
}

std::string amount(const Value& value, const std::string& unit) {
    const double half = half_width(value);
    return fmt::format("{}{} {}", significant(value.value, kDigits),
                       std::isfinite(half) ? " ± " + significant(half, kIntervalDigits) : "", unit);
}

std::string result_of(const Figures& figures, const Row& row) {
    if (known(row.rate)) {
        return amount(row.rate, figures.rate_unit);
    }
    const Unit unit = time_unit(row.time.value);
    return fmt::format("{} of {}", amount(scaled(row.time, 1 / unit.size), unit.name), figures.time_name);
}

bool better(const Row& a, const Row& b) {
    return known(a.rate) && known(b.rate) ? a.rate.value > b.rate.value : a.time.value < b.time.value;
}

const Row* best_of(const Figures& figures) {
    const Row* best = nullptr;
    for (const Row& row : figures.rows) {
        if ((known(row.rate) || known(row.time)) && (best == nullptr || better(row, *best))) {
            best = &row;
        }
    }
    return best;
}

std::string about_best(const PageContent& page, const Row& best) {
    const Figures& figures = page.figures;
    std::string text = fmt::format("Best result: <strong>{}</strong> by {}", escaped(result_of(figures, best)),
                                   linked(page, best, name_of(figures, best)));
    const Row& base = figures.rows[figures.common_baseline];
    if (&best == &base) {
        return text + ", which is the common baseline, too. ";
    }
    if (known(best.speedup_common)) {
        text += fmt::format(": {} × the common baseline, {}", significant(best.speedup_common.value, kDigits),
                            linked(page, base, name_of(figures, base)));
    }
    text += ". ";
    if (known(best.strong_common) && base.x > 0 && best.x != base.x) {
        text +=
            fmt::format("Ideal would be {} ×: a strong scaling efficiency of {} %. ",
                        significant(best.x / base.x, kDigits), significant(100 * best.strong_common.value, kDigits));
    }
    if (known(best.weak_common) && best.x != base.x) {
        text += fmt::format("Weak scaling efficiency: {} %. ", significant(100 * best.weak_common.value, kDigits));
    }
    return text;
}

// The others at the same x.
std::string about_others(const PageContent& page, const Row& best) {
    const Row* worst = nullptr;
    std::size_t others = 0;
    for (const Row& row : page.figures.rows) {
        if (row.x == best.x && &row != &best && (known(row.rate) || known(row.time))) {
            worst = worst == nullptr || better(*worst, row) ? &row : worst;
            ++others;
        }
    }
    if (worst == nullptr) {
        return "";
    }
    const Value share =
        known(worst->rate) && known(best.rate) ? ratio(worst->rate, best.rate) : ratio(best.time, worst->time);
    return fmt::format("Of {} series there, the slowest is {} with {} % of the best. ", others + 1,
                       linked(page, *worst, page.figures.series[worst->series].name),
                       significant(100 * share.value, kDigits));
}

std::string about_parts(const Row& best) {
    const Breakdown& b = best.breakdown;
    std::string text;
    const auto add = [&](const char* name, const Value& part) {
        if (known(part) && part.value > 0) {
            text += fmt::format("{}{} {} %", text.empty() ? "" : ", ", name, significant(100 * part.value, kDigits));
        }
    };
    add("compute", b.compute);
    add("communication", b.communication);
    add("I/O", b.io);
    add("preprocessing", b.preprocess);
    add("bubble", b.bubble);
    add("other", b.other);
    return text.empty() ? "" : "Of its time: " + text + ". ";
}

std::string about_success(const PageContent& page) {
    const std::size_t all = page.collection.executions.size();
    const std::size_t failed = page.figures.failures.size();
    const std::size_t outliers = page.figures.outliers.size();
    std::string text = failed == 0 ? fmt::format("{} execution{} succeeded",
                                                 all == 1 ? "The one" : fmt::format("All {}", all), all == 1 ? "" : "s")
                                   : fmt::format(
                                         "<a href=\"#remarks\"><strong>{} of {} executions did not succeed"
                                         "</strong></a>",
                                         failed, all);
    text += outliers == 0 ? "; none is an outlier."
                          : fmt::format("; <a href=\"#remarks\">{} outlier{}</a>.", outliers, outliers == 1 ? "" : "s");
    return text;
}

}  // namespace

std::string verdict(const PageContent& page) {
    const Row* best = best_of(page.figures);
    std::string text;
    if (best == nullptr) {
        text = "Nothing was measured. ";
    } else {
        text = about_best(page, *best) + about_others(page, *best) + about_parts(*best);
    }
    return fmt::format("<p id=\"verdict\">{}{}</p>\n", text,
                       page.collection.executions.empty() ? "" : about_success(page));
}

}  // namespace inferstep::report
