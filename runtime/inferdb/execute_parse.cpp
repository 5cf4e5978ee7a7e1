#include "inferdb/execute_parse.hpp"

#include <algorithm>

namespace inferstep {
namespace {

struct List {
    const char* word;
    std::vector<int>& positions;
};

// Reads one command.
class Reader {
   public:
    Reader(Args args, const ExecuteForm& form) : args_(args), form_(form) {}

    Result<ExecuteWords> read() {
        if (args_.left() < (form_.script ? 2 : 1)) {
            return fail("{} lacks {}", form_.command, form_.script ? "its key or its function" : "its key");
        }
        words_.key = next();
        words_.function = form_.script ? next() : 0;
        while (args_.more()) {
            if (Status status = read_option(); !status) {
                return status.error();
            }
        }
        if (!form_.script && (words_.inputs.empty() || words_.outputs.empty())) {
            return fail("{} is missing", words_.inputs.empty() ? "INPUTS" : "OUTPUTS");
        }
        return std::move(words_);
    }

   private:
    int next() {
        const int position = args_.position();
        args_.string();
        return position;
    }

    bool is_word(std::string_view text) const {
        return same_word(text, "INPUTS") || same_word(text, "OUTPUTS") || same_word(text, "TIMEOUT");
    }

    Status read_option() {
        const List lists[] = {
            {"INPUTS", words_.inputs}, {"OUTPUTS", words_.outputs}, {"KEYS", words_.keys}, {"ARGS", words_.args}};
        // KEYS and ARGS are of the counted form of scripts alone.
        const std::ptrdiff_t known = form_.script && form_.counted ? 4 : 2;
        for (const List& list : std::vector<List>(lists, lists + known)) {
            if (list.positions.empty() && args_.take(list.word)) {
                return read_list(list);
            }
        }
        if (words_.timeout_ms == 0 && args_.take("TIMEOUT")) {
            const auto timeout = read_timeout(args_);
            words_.timeout_ms = timeout ? *timeout : 0;
            return timeout ? Status::ok() : Status(timeout.error());
        }
        return fail("{} is no word of this command, or stands in it twice", args_.peek().substr(0, 64));
    }

    Status read_list(const List& list) {
        std::int64_t count = args_.left();
        if (form_.counted) {
            const auto given = args_.number(1, args_.left() - 1);
            if (!given) {
                return fail("{} is followed by how many keys there are, and by the keys", list.word);
            }
            count = *given;
        }
        const bool marks = form_.script && !form_.counted && &list.positions == &words_.inputs;
        while (count-- > 0 && args_.more() && (form_.counted || !is_word(args_.peek()))) {
            if (marks && args_.peek() == "$") {
                if (words_.list_from) {
                    return fail("Already encountered a variable size list of tensors");
                }
                words_.list_from = list.positions.size();
                args_.string();
            } else {
                list.positions.push_back(next());
            }
        }
        return list.positions.empty() && !words_.list_from ? Status(fail("{} names no key", list.word)) : Status::ok();
    }

    Args args_;
    const ExecuteForm& form_;
    ExecuteWords words_;
};

}  // namespace

const ExecuteForm* find_execute_form(std::string_view command) {
    const auto* found = std::find_if(std::begin(kExecuteForms), std::end(kExecuteForms),
                                     [&](const ExecuteForm& form) { return same_word(command, form.command); });
    return found != std::end(kExecuteForms) ? found : nullptr;
}

Result<std::int64_t> read_timeout(Args& args) {
    const auto timeout = args.number(1, kMaxTimeoutMs);
    return timeout ? Result<std::int64_t>(*timeout)
                   : fail("ERR TIMEOUT is a number of milliseconds from 1 to {}", kMaxTimeoutMs);
}

Result<ExecuteWords> read_execute(Args args, const ExecuteForm& form) { return Reader(args, form).read(); }

}  // namespace inferstep
