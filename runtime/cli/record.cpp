// inferstep record: complete the record directory of a step that has ended.
#include <memory>

#include "cli/commands.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "db/step_record.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::string job, step, directory;
    std::string restart = "0";
};

Result<StepName> parse(const Arguments& a) {
    constexpr long kMost = 0xffffffff;
    if (a.job != "local") {
        if (const Result<long> job = parse_number("--job", a.job, 1, kMost); !job) {
            return job.error();
        }
    }
    if (const Result<long> step = parse_number("--step", a.step, 0, kMost); !step) {
        return step.error();
    }
    const Result<long> restart = parse_number("--restart", a.restart, 0, 1 << 20);
    if (!restart) {
        return restart.error();
    }
    return StepName{a.job, a.step, static_cast<int>(*restart), a.directory};
}

int record(const Arguments& a) {
    const Result<StepName> name = parse(a);
    if (!name) {
        print_error(name.error());
        return 2;
    }
    if (Status s = complete_step_record(*name); !s) {
        print_error(s.error());
        return 1;
    }
    return 0;
}

}  // namespace

void add_record(CLI::App& app, Outcome& outcome) {
    CLI::App* command = app.add_subcommand("record", "Complete the record directory of a step that has ended");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("--job", arguments->job, "the job's number, or local")->required()->type_name("JOB");
    command->add_option("--step", arguments->step, "the step's number")->required()->type_name("STEP");
    command->add_option("--restart", arguments->restart, "how often the job was requeued (default: 0)")->type_name("N");
    command->add_option("directory", arguments->directory, "the step's record directory")->required()->type_name("DIR");
    command->callback([arguments, &outcome] { outcome.exit_code = record(*arguments); });
}

}  // namespace inferstep::cli
