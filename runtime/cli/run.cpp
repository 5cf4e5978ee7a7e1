// inferstep run: a step with databases on this machine, without Slurm.
#include <memory>

#include "cli/commands.hpp"
#include "cli/db_arguments.hpp"
#include "core/log.hpp"
#include "core/page.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "db/address.hpp"
#include "db/local_step.hpp"

namespace inferstep::cli {
namespace {

constexpr long kMaxTasks = 4096;

struct Arguments {
    DbArguments database;
    std::string tasks = "1";
    std::vector<std::string> command;
};

Result<LocalStep> parse(const Arguments& a) {
    LocalStep step;
    const Result<long> tasks = parse_number("--tasks", a.tasks, 1, kMaxTasks);
    if (!tasks) {
        return tasks.error();
    }
    Result<DbOptions> database = parse_db_options(a.database);
    if (!database) {
        return database.error();
    }
    if (const Result<std::string> program = find_program(a.command[0]); !program) {
        return program.error();
    }
    step.tasks = static_cast<int>(*tasks);
    step.database = std::move(*database);
    step.command = a.command;
    return step;
}

int run(const Arguments& a) {
    const Result<LocalStep> step = parse(a);
    if (!step) {
        print_error(in_own_words(step.error()));
        return 2;
    }
    const std::string& attached = a.database.option[kAttach];
    if (Attachment attachment; !attached.empty()) {
        if (Status s = attach(attached, 0, attachment); !s) {
            print_error(in_own_words(s.error()));
            return 1;
        }
        use_attachment(attachment);
    }
    const Result<int> code = run_local_step(*step);
    if (!code) {
        print_error(in_own_words(code.error()));
        return 1;
    }
    return *code;
}

}  // namespace

void add_run(CLI::App& app, Outcome& outcome) {
    CLI::App* command = app.add_subcommand("run", "Run a program beside databases, without Slurm");
    auto arguments = std::make_shared<Arguments>();
    add_db_arguments(*command, arguments->database, true);
    command->add_option("-n,--tasks", arguments->tasks, "copies of the program to start (default: 1)")->type_name("N");
    // The first word that is no option of ours is the program, and what follows is the program's, as with srun.
    command->positionals_at_end();
    command->add_option("program", arguments->command, "the program and its arguments")
        ->required()
        ->type_name("PROGRAM [ARGUMENT...]");
    command->callback([arguments, &outcome] { outcome.exit_code = run(*arguments); });
}

}  // namespace inferstep::cli
