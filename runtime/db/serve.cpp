#include "db/serve.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "core/log.hpp"
#include "core/words.hpp"
#include "db/guard.hpp"
#include "db/supervisor.hpp"

namespace inferstep {
namespace {

constexpr int kWrongCommandLine = 2;

// The fd of an option, owned from now on and hidden from the databases; empty when the option is not given.
Result<UniqueFd> take_fd(const char* option, const std::string& text) {
    if (text.empty()) {
        return UniqueFd();
    }
    const Result<long> number = parse_number(option, text, 3, 1 << 20);
    if (!number) {
        return number.error();
    }
    UniqueFd fd(static_cast<int>(*number));
    if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
        return fail("{}: {} is not open", option, fd.release());
    }
    return fd;
}

Result<std::optional<MappedPage>> take_page(const std::string& text) {
    Result<UniqueFd> fd = take_fd("--page-fd", text);
    if (!fd) {
        return fd.error();
    }
    if (!*fd) {
        return std::optional<MappedPage>();
    }
    Result<MappedPage> page = MappedPage::open(std::move(*fd));
    if (!page) {
        return page.error();
    }
    return std::optional<MappedPage>(std::move(*page));
}

// Whoever is in one of our processes has the step's page and the databases' secret: none is traced or leaves a core,
// and no program that they start has more rights than they.
void shut_doors() {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace

int serve(const DbArguments& arguments) {
    shut_doors();
    Result<std::optional<MappedPage>> page = take_page(arguments.page_fd);
    if (!page) {
        print_error(page.error());
        return kWrongCommandLine;
    }
    const auto refuse = [&page](const Error& error) {
        tell_failure(*page ? &***page : nullptr, error);
        return kWrongCommandLine;
    };
    Result<UniqueFd> life = take_fd("--life-fd", arguments.life_fd);
    if (!life) {
        return refuse(life.error());
    }
    if (static_cast<bool>(*page) != static_cast<bool>(*life)) {
        return refuse(fail("--page-fd and --life-fd go together: give both, or none for a server of its own"));
    }
    DbArguments wanted = arguments;
    if (wanted.option[kColocate].empty()) {
        wanted.option[kColocate].assign(1, '1');  // assigning "1" trips a false warning of g++ 12
    }
    const Result<DbOptions> options = parse_db_options(wanted);
    if (!options) {
        return refuse(options.error());
    }
    StepTasks tasks = *page ? StepTasks(***page) : StepTasks();
    UniqueFd guard;
    if (*page && (**page)->job_id != 0) {
        const Result<std::optional<int>> guarded = fork_guarded(*options, ***page, tasks, life->get(), guard);
        if (!guarded) {
            return refuse(guarded.error());
        }
        if (*guarded) {
            return **guarded;
        }
    }
    Result<Events> events = Events::create(std::move(*life));
    if (!events) {
        return refuse(events.error());
    }
    set_verbose(options->verbose);
    return Supervisor(*options, std::move(*page), std::move(*events), std::move(tasks), std::move(guard)).run();
}

int serve_standard(const DbArguments& arguments) {
    shut_doors();
    const Result<DbOptions> options = parse_standard_options(arguments);
    if (!options) {
        print_error(in_own_words(options.error()));
        return kWrongCommandLine;
    }
    Result<Events> events = Events::create(UniqueFd());
    if (!events) {
        print_error(events.error());
        return 1;
    }
    set_verbose(options->verbose);
    return Supervisor(*options, std::nullopt, std::move(*events), StepTasks(), UniqueFd()).run();
}

}  // namespace inferstep
