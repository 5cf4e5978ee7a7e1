// inferstep report: tables, files and a page of what batteries and steps have measured.
#include <memory>

#include "cli/commands.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "report/outline.hpp"
#include "report/read.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::vector<std::string> trees;
    std::string output, run_ids, series, baseline, x, rate, time, format = "table", smartsim;
    bool compare = false, warmups = false, no_plots = false;
};

int report(const Arguments& a) {
    const report::ReadOptions options{a.compare, split(a.run_ids, ','), a.warmups};
    const Result<report::Collection> collection = report::read_trees(a.trees, options);
    if (!collection) {
        print_error(collection.error());
        return 1;
    }
    fmt::print("{}", report::outline(*collection));
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
    sub->callback([a, &outcome] { outcome.exit_code = report(*a); });
}

}  // namespace inferstep::cli
