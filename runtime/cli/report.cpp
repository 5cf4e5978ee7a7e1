// inferstep report: tables, files and a page of what batteries and steps have measured.
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "report/compute.hpp"
#include "report/read.hpp"
#include "report/smartsim.hpp"
#include "report/tables.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::vector<std::string> trees;
    std::string run_ids, smartsim, x, series, rate, time, baseline;
    bool compare = false, warmups = false;
};

// "nodes=1,strategy=ddp"
Result<std::vector<std::pair<std::string, std::string>>> parse_baseline(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> words;
    for (const std::string& part : split(text, ',')) {
        const std::size_t sign = part.find('=');
        if (sign == std::string::npos || sign == 0) {
            return fail("--baseline={}: '{}' is no NAME=VALUE, such as nodes=1", text, part);
        }
        words.emplace_back(part.substr(0, sign), part.substr(sign + 1));
    }
    return words;
}

int report(const Arguments& a) {
    const auto baseline = parse_baseline(a.baseline);
    if (!baseline) {
        print_error(baseline.error());
        return 2;
    }
    const auto collection = report::read_trees(a.trees, {a.compare, split(a.run_ids, ','), a.warmups});
    if (!collection) {
        print_error(collection.error());
        return 1;
    }
    if (!a.smartsim.empty()) {
        const auto sessions = report::write_smartsim(a.smartsim, *collection);
        if (!sessions) {
            print_error(sessions.error());
            return 1;
        }
    }
    const report::Figures figures =
        report::compute(*collection, {a.x, split(a.series, ','), a.rate, a.time, *baseline});
    const std::string text = report::tables(figures, *collection);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
}

}  // namespace

void add_report(CLI::App& app, Outcome& outcome) {
    CLI::App* sub = app.add_subcommand("report", "tables, plots and a page of what batteries and steps have measured");
    auto a = std::make_shared<Arguments>();
    sub->add_option("tree", a->trees, "run of a sweep, step records, SmartSim-Scaling's or itwinai's folder")
        ->required()
        ->type_name("TREE");
    sub->add_flag("--compare", a->compare, "show the trees side by side; else they are one");
    sub->add_option("--run-ids", a->run_ids, "read only what lies in folders of these names")->type_name("NAME,NAME");
    sub->add_flag("--include-warmups", a->warmups, "count warm-ups as repeats");
    sub->add_option("--x", a->x, "parameter on the horizontal axis (default: what the tree says, else nodes)")
        ->type_name("NAME");
    sub->add_option("--series", a->series, "parameters that make a line each (default: all that vary)")
        ->type_name("NAME,NAME");
    sub->add_option("--rate", a->rate, "metric of which more is better")->type_name("METRIC");
    sub->add_option("--time", a->time, "metric or timed function of which less is better")->type_name("NAME");
    sub->add_option("--baseline", a->baseline,
                    "what all series are compared with (default: the best at the smallest x)")
        ->type_name("NAME=VALUE,…");
    sub->add_option("--smartsim-files", a->smartsim, "write the times as sessions of SmartSim-Scaling, too")
        ->type_name("DIR");
    sub->callback([a, &outcome] { outcome.exit_code = report(*a); });
}

}  // namespace inferstep::cli
