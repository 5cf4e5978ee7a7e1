// inferstep db standard, address, submit: a database in a step of its own, and how other steps find it.
#include "cli/db_standard.hpp"

#include <cstdio>
#include <memory>

#include "cli/db_arguments.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "db/address.hpp"
#include "db/serve.hpp"
#include "db/standard_submit.hpp"

namespace inferstep::cli {
namespace {

constexpr long kMaxWait = 7L * 24 * 3600;

struct AddressArguments {
    std::string word;
    std::string wait = "0";
};

int print_address(const AddressArguments& a) {
    const Result<long> wait = parse_number("--wait", a.wait, 0, kMaxWait);
    if (!wait) {
        print_error(wait.error());
        return 2;
    }
    Attachment attachment;
    if (Status s = attach(a.word, static_cast<int>(*wait), attachment); !s) {
        print_error(in_own_words(s.error()));
        return 1;
    }
    std::fputs(as_exports(attachment).c_str(), stdout);
    return 0;
}

struct SubmitArguments {
    DbArguments database;  // only so that a mistake shows here and not in the log of a job that waited for its nodes
    std::string ready;     // seconds; empty: not waited for
    std::vector<std::string> sbatch;
};

// The words of db standard among those that `command` was given.
std::vector<std::string> words_of_standard(const CLI::App& command) {
    std::vector<std::string> words;
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_single_name();
        if (option->get_positional() || option->count() == 0 || name == "ready") {
            continue;
        }
        for (const std::string& value : option->results()) {
            words.push_back("--" + name + (option->get_items_expected_max() == 0 ? "" : "=" + value));
        }
    }
    return words;
}

int submit(const CLI::App& command, const SubmitArguments& a) {
    const Result<long> wait = parse_number("--ready", a.ready.empty() ? "0" : a.ready, 0, kMaxWait);
    if (!wait) {
        print_error(wait.error());
        return 2;
    }
    const Result<std::string> step = submit_standard(a.sbatch, words_of_standard(command));
    if (!step) {
        print_error(step.error());
        return 1;
    }
    std::printf("%s\n", step->c_str());
    std::fflush(stdout);
    Attachment attachment;
    if (Status s = a.ready.empty() ? Status::ok() : attach(*step, static_cast<int>(*wait), attachment); !s) {
        print_error(s.error());
        return 1;
    }
    return 0;
}

}  // namespace

void add_db_standard(CLI::App& db, Outcome& outcome) {
    CLI::App* standard =
        db.add_subcommand("standard", "Serve one database, sharded over the nodes of a step of its own");
    auto arguments = std::make_shared<DbArguments>();
    add_standard_arguments(*standard, *arguments);
    standard->callback([arguments, &outcome] { outcome.exit_code = serve_standard(*arguments); });

    CLI::App* address = db.add_subcommand("address", "Print the variables that reach a standard database, for a shell");
    auto asked = std::make_shared<AddressArguments>();
    address->add_option("database", asked->word, "its step, or a directory with its address file")
        ->required()
        ->type_name("JOB.STEP|DIR");
    address->add_option("--wait", asked->wait, "seconds to wait until it is ready (default: 0)")->type_name("S");
    address->callback([asked, &outcome] { outcome.exit_code = print_address(*asked); });

    CLI::App* job = db.add_subcommand("submit", "Serve such a database in a batch job of its own; prints its step");
    auto submitted = std::make_shared<SubmitArguments>();
    add_standard_arguments(*job, submitted->database);
    job->add_option("--ready", submitted->ready, "then wait until it is ready, at most so many seconds")
        ->type_name("S");
    job->add_option("sbatch", submitted->sbatch, "behind --, for sbatch: nodes, CPUs, partition, time, ...")
        ->type_name("SBATCH-OPTION...");
    job->callback([job, submitted, &outcome] { outcome.exit_code = submit(*job, *submitted); });
}

}  // namespace inferstep::cli
