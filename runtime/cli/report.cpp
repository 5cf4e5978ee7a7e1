// inferstep report: tables, files and a page of what batteries and steps have measured.
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "report/bundle.hpp"
#include "report/bundle_parts.hpp"
#include "report/compute.hpp"
#include "report/output.hpp"
#include "report/paper.hpp"
#include "report/read.hpp"
#include "report/reference.hpp"
#include "report/smartsim.hpp"
#include "report/tables.hpp"

namespace inferstep::cli {
namespace {

enum Format { kTable, kJson, kCsv };

struct Arguments {
    std::vector<std::string> trees;
    std::string output, run_ids, smartsim, x, series, rate, time, baseline, reference, paper, format = "table";
    bool compare = false, warmups = false, no_plots = false, samples = false;
};

struct Wishes {
    report::ReadOptions read;
    report::FigureOptions figures;
    Format format = kTable;
};

Result<Wishes> parse(const Arguments& a) {
    Wishes wishes;
    const auto format = parse_choice("--format", a.format, {"table", "json", "csv"});
    if (!format) {
        return format.error();
    }
    wishes.format = static_cast<Format>(*format);
    wishes.read = {a.compare, split(a.run_ids, ','), a.warmups, !a.paper.empty()};
    wishes.figures = {a.x, split(a.series, ','), a.rate, a.time, {}};
    if (!a.paper.empty() && (!a.paper.ends_with(".md") || a.paper.size() < 4)) {
        return fail("--paper={}: a name that ends in .md is right", a.paper);
    }
    if (!a.paper.empty() && (a.compare || !a.output.empty() || *format != kTable)) {
        return fail("--paper goes with none of --compare, --output and --format: it writes files of its own");
    }
    for (const std::string& part : split(a.baseline, ',')) {  // "nodes=1,strategy=ddp"
        const std::size_t sign = part.find('=');
        if (sign == std::string::npos || sign == 0) {
            return fail("--baseline={}: '{}' is no NAME=VALUE, such as nodes=1", a.baseline, part);
        }
        wishes.figures.baseline.emplace_back(part.substr(0, sign), part.substr(sign + 1));
    }
    return wishes;
}

// Tables for people, the rest for programs. With those no files are written unless they are asked for.
Status print(const Wishes& wishes, const report::Figures& figures, const report::Collection& collection) {
    const std::string text = wishes.format == kJson ? report::report_json_text(figures, collection, {{}, own_command()})
                             : wishes.format == kCsv ? report::scaling_csv(figures, collection)
                                                     : report::tables(figures, collection);
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? Status::ok() : Status(fail("cannot write to standard output"));
}

Status write_files(const Arguments& a, const Wishes& wishes, const report::Figures& figures,
                   const report::Collection& collection) {
    if (!a.smartsim.empty()) {
        const auto sessions = report::write_smartsim(a.smartsim, collection);
        if (!sessions) {
            return sessions.error();
        }
        print_note(fmt::format("{} sessions are in {}", *sessions, a.smartsim));
    }
    if (a.output == "-" || (a.output.empty() && wishes.format != kTable)) {
        return Status::ok();
    }
    const std::string directory = a.output.empty() ? report::default_directory(collection) : a.output;
    const auto left_out = report::write_report(directory, collection, figures, {!a.no_plots, a.samples, own_command()});
    if (!left_out) {
        return left_out.error();
    }
    for (const std::string& sentence : *left_out) {
        print_warning(sentence);
    }
    if (wishes.format == kTable) {
        fmt::print("\nreport  {}/index.html\n", absolute_path(directory));
    }
    return Status::ok();
}

int paper(const Arguments& a, report::Collection collection) {
    const auto left_out = report::write_paper(a.paper, std::move(collection), {!a.no_plots, own_command()});
    if (!left_out) {
        print_error(left_out.error());
        return 1;
    }
    for (const std::string& sentence : *left_out) {
        print_warning(sentence);
    }
    fmt::print("paper  {}\n", absolute_path(a.paper));
    return 0;
}

int report(const Arguments& a) {
    const Result<Wishes> wishes = parse(a);
    if (!wishes) {
        print_error(wishes.error());
        return 2;
    }
    if (!a.output.empty() && a.output != "-") {  // known before the reading, which may take long
        if (Status s = report::check_directory(a.output); !s) {
            print_error(s.error());
            return 1;
        }
    }
    auto collection = report::read_trees(a.trees, wishes->read);
    const Status compared =
        collection && !a.reference.empty() ? report::compare_with_reference(a.reference, *collection) : Status::ok();
    if (!collection || !compared) {
        print_error(collection ? compared.error() : collection.error());
        return 1;
    }
    if (!a.paper.empty()) {
        return paper(a, std::move(*collection));
    }
    if (Status s = report::check_names(*collection, wishes->figures); !s) {
        print_error(s.error());
        return 2;
    }
    const report::Figures figures = report::compute(*collection, wishes->figures);
    for (const Status& s : {print(*wishes, figures, *collection), write_files(a, *wishes, figures, *collection)}) {
        if (!s) {
            print_error(s.error());
            return 1;
        }
    }
    return 0;
}

void add_meaning(CLI::App* sub, const std::shared_ptr<Arguments>& a) {
    sub->add_option("--x", a->x, "parameter on the horizontal axis (default: what the tree says, else nodes)")
        ->type_name("NAME");
    sub->add_option("--series", a->series, "parameters that make a line each (default: all that vary)")
        ->type_name("NAME,NAME");
    sub->add_option("--rate", a->rate, "metric of which more is better")->type_name("METRIC");
    sub->add_option("--time", a->time, "metric or timed function of which less is better")->type_name("NAME");
    sub->add_option("--baseline", a->baseline,
                    "what all series are compared with (default: the best at the smallest x)")
        ->type_name("NAME=VALUE,NAME=VALUE");
}

}  // namespace

void add_report(CLI::App& app, Outcome& outcome) {
    CLI::App* sub = app.add_subcommand("report", "tables, plots and a page of what batteries and steps have measured");
    auto a = std::make_shared<Arguments>();
    sub->add_option("tree", a->trees, "run of a sweep, step records, SmartSim-Scaling's or itwinai's folder")
        ->required()
        ->type_name("TREE");
    sub->add_option("-o,--output", a->output,
                    "where the files go, - for none (default: TREE/report for one tree of ours, else report)")
        ->type_name("DIR");
    sub->add_flag("--compare", a->compare, "show the trees side by side; else they are one");
    sub->add_option("--run-ids", a->run_ids, "read only what lies in folders of these names")->type_name("NAME,NAME");
    sub->add_flag("--include-warmups", a->warmups, "count warm-ups as repeats");
    add_meaning(sub, a);
    sub->add_option("--reference", a->reference, "completions that those of inferstep stage are put beside")
        ->type_name("FILE");
    sub->add_option("--paper", a->paper,
                    "write the short report of the experiments with inferstep stage, and nothing else")
        ->type_name("FILE");
    sub->add_option("--format", a->format, "what is printed; json and csv write no files without -o (default table)")
        ->type_name("table|json|csv");
    sub->add_flag("--no-plots", a->no_plots, "draw nothing");
    sub->add_flag("--samples", a->samples, "write samples.csv, too: every single time");
    sub->add_option("--smartsim-files", a->smartsim, "write the times as sessions of SmartSim-Scaling, too")
        ->type_name("DIR");
    sub->callback([a, &outcome] { outcome.exit_code = report(*a); });
}

}  // namespace inferstep::cli
