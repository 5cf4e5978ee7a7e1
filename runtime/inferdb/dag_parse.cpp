#include "inferdb/dag_parse.hpp"

#include "inferdb/execute_parse.hpp"

namespace inferstep {
namespace {

constexpr std::string_view kPipe = "|>";

Status read_keys(Args& args, const char* word, std::vector<int>& positions) {
    const auto count = args.number(1, args.left() - 1);
    if (!count) {
        return fail("{} is followed by how many keys there are, and by the keys", word);
    }
    for (std::int64_t i = 0; i < *count; ++i) {
        positions.push_back(args.position());
        args.string();
    }
    return Status::ok();
}

Status read_option(Args& args, const DagForm& form, DagWords& words) {
    if (words.load.empty() && args.take("LOAD")) {
        return read_keys(args, "LOAD", words.load);
    }
    if (words.persist.empty() && args.take("PERSIST")) {
        return form.read_only ? Status(fail("PERSIST cannot be specified in a read-only DAG"))
                              : read_keys(args, "PERSIST", words.persist);
    }
    if (words.routing == 0 && !form.old && args.left() >= 2 && args.take("ROUTING")) {
        words.routing = args.position();
        args.string();
        return Status::ok();
    }
    if (words.timeout_ms == 0 && args.take("TIMEOUT")) {
        const auto timeout = read_timeout(args);
        words.timeout_ms = timeout ? *timeout : 0;
        return timeout ? Status::ok() : Status(timeout.error());
    }
    return fail("{} is no word of this command, stands in it twice or lacks what follows it",
                args.peek().substr(0, 64));
}

// One command, up to the next |>, which the data of an AI.TENSORSET may look like.
Status read_command(Args& args, DagWords& words) {
    DagWords::Command command{args.position(), args.position()};
    const bool sets = args.more() && same_word(args.peek(), "AI.TENSORSET");
    while (args.more() && args.peek() != kPipe) {
        const bool data = sets && args.position() > command.first + 2 && same_word(args.peek(), "BLOB");
        args.string();
        if (data && args.more()) {
            args.string();
        }
    }
    command.end = args.position();
    if (command.end == command.first) {
        return fail("a command is missing behind |>");
    }
    words.commands.push_back(command);
    return words.commands.size() <= kMaxDagCommands ? Status::ok()
                                                    : Status(fail("a DAG has at most {} commands", kMaxDagCommands));
}

}  // namespace

Result<DagWords> read_dag(Args args, const DagForm& form) {
    DagWords words;
    while (args.more() && args.peek() != kPipe) {
        if (const Status status = read_option(args, form, words); !status) {
            return status.error();
        }
    }
    while (args.take(kPipe)) {
        if (const Status status = read_command(args, words); !status) {
            return status.error();
        }
    }
    if (words.commands.empty()) {
        return Error{"DAG is empty", {}};
    }
    return words;
}

}  // namespace inferstep
