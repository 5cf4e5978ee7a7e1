// AI.DAGEXECUTE and its kin: calls of several steps, whose tensors have names of their own and are not stored, unless
// PERSIST says so.
#include <algorithm>
#include <memory>
#include <unordered_map>

#include "inferdb/commands.hpp"
#include "inferdb/dag_parse.hpp"
#include "inferdb/execute.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/tensor_words.hpp"

namespace inferstep {
namespace {

using redis::Context;
using redis::String;

// How one command of a DAG is answered.
struct Answer {
    enum class Kind { set, get, run } kind;
    std::size_t index;  // get: the place; run: the step
    TensorParts parts;  // get
};
using Answers = std::vector<Answer>;

// What was not executed after an error is answered so.
int reply_not_executed(Context* context) { return redis::ReplyWithSimpleString(context, "NA"); }

void reply_command(Context* context, const Call& call, const Answer& answer) {
    if (answer.kind == Answer::Kind::get) {
        const TensorRef& tensor = call.places[answer.index];
        tensor ? reply_tensor(context, *tensor, answer.parts) : reply_not_executed(context);
        return;
    }
    const Step* step = answer.kind == Answer::Kind::run ? &call.steps[answer.index] : nullptr;
    if (step != nullptr && step->state != Step::State::ended) {
        reply_not_executed(context);
    } else if (step != nullptr && !step->error().empty()) {
        reply_error(context, Error{step->error(), {}});
    } else {
        redis::ReplyWithSimpleString(context, "OK");
    }
}

// One reply for each command; a single error where all were executed and the results could not be stored.
int reply_dag(Context* context, const Call& call, const Answers& answers, const Status& stored) {
    const bool failed =
        std::any_of(call.steps.begin(), call.steps.end(), [](const Step& step) { return !step.error().empty(); });
    if (!stored && !failed) {
        return reply_error(context, stored.error());
    }
    redis::ReplyWithArray(context, static_cast<long>(answers.size()));
    for (const Answer& answer : answers) {
        reply_command(context, call, answer);
    }
    return redis::kOk;
}

// Makes a call of a DAG, command by command. A name means what was last given it by a command before.
class Builder {
   public:
    Builder(Context* context, String** argv, const DagForm& form) : context_(context), argv_(argv), form_(form) {}

    Result<std::unique_ptr<Call>> build(const DagWords& words) {
        Status status = load(words.load);
        for (std::size_t i = 0; i < words.commands.size() && status; ++i) {
            status = add(words.commands[i]);
        }
        status = status ? persist(words.persist) : status;
        if (!status) {
            return status.error();
        }
        call_->timeout_ms = words.timeout_ms;
        call_->answer = [answers = std::move(answers_)](Context* in, const Call& call, const Status& stored) {
            return reply_dag(in, call, answers, stored);
        };
        return std::move(call_);
    }

   private:
    std::string name(int at) const { return std::string(text_of(argv_[at])); }

    Result<std::size_t> find(int at) const {
        const auto found = names_.find(name(at));
        return found != names_.end() ? Result<std::size_t>(found->second) : fail("INPUT key cannot be found in DAG");
    }

    Status load(const std::vector<int>& keys) {
        for (const int at : keys) {
            auto tensor = find_tensor(context_, argv_[at]);
            if (!tensor) {
                return tensor.error();
            }
            names_[name(at)] = call_->add_place(std::move(*tensor));
        }
        return Status::ok();
    }

    Status persist(const std::vector<int>& keys) {
        for (const int at : keys) {
            const auto place = find(at);
            if (!place) {
                return fail("PERSIST key cannot be found in DAG");
            }
            call_->stored.push_back({name(at), *place});
        }
        return Status::ok();
    }

    Status add(const DagWords::Command& command) {
        const std::string_view word = text_of(argv_[command.first]);
        const Args args(argv_, command.end, command.first + 1);
        if (same_word(word, "AI.TENSORSET")) {
            return add_set(args);
        }
        if (same_word(word, "AI.TENSORGET")) {
            return add_get(args);
        }
        const ExecuteForm* form = find_execute_form(word);
        if (form == nullptr || (!form->counted && !form_.old)) {
            return fail("unsupported command within DAG: {}", word.substr(0, 64));
        }
        return add_step(args, *form);
    }

    Status add_set(Args args) {
        if (args.left() < 3) {
            return fail("wrong number of arguments for 'AI.TENSORSET' command");
        }
        const int key = args.position();
        args.string();
        auto tensor = read_tensor_set(args);
        if (!tensor) {
            return tensor.error();
        }
        names_[name(key)] = call_->add_place(std::move(*tensor));
        answers_.push_back({Answer::Kind::set, 0, {}});
        return Status::ok();
    }

    Status add_get(Args args) {
        if (!args.more()) {
            return fail("wrong number of arguments for 'AI.TENSORGET' command");
        }
        const auto place = find(args.position());
        args.string();
        const auto parts = read_tensor_get(args);
        if (!place || !parts) {
            return !place ? place.error() : parts.error();
        }
        answers_.push_back({Answer::Kind::get, *place, *parts});
        return Status::ok();
    }

    Status add_step(Args args, const ExecuteForm& form) {
        const auto words = read_execute(args, form);
        if (!words) {
            return words.error();
        }
        if (words->timeout_ms != 0) {
            return fail("ERR TIMEOUT not allowed within a DAG command");
        }
        auto step = make_step(context_, argv_, *words, form);
        if (!step) {
            return step.error();
        }
        for (const int at : words->inputs) {
            const auto place = find(at);
            if (!place) {
                return place.error();
            }
            step->inputs.push_back(*place);
        }
        for (const int at : words->outputs) {
            step->outputs.push_back(call_->add_place());
            names_[name(at)] = step->outputs.back();
        }
        answers_.push_back({Answer::Kind::run, call_->steps.size(), {}});
        call_->steps.push_back(std::move(*step));
        return Status::ok();
    }

    Context* context_;
    String** argv_;
    const DagForm& form_;
    std::unique_ptr<Call> call_ = std::make_unique<Call>();
    std::unordered_map<std::string, std::size_t> names_;  // to places
    Answers answers_;
};

// The keys of the database: what is loaded and stored, where to go, and the models and scripts of the commands.
int report_keys(Context* context, String** argv, const DagWords& words) {
    const auto report = [context](int at) { redis::KeyAtPos(context, at); };
    std::for_each(words.load.begin(), words.load.end(), report);
    std::for_each(words.persist.begin(), words.persist.end(), report);
    if (words.routing != 0) {
        report(words.routing);
    }
    for (const DagWords::Command& command : words.commands) {
        if (const ExecuteForm* form = find_execute_form(text_of(argv[command.first]))) {
            if (const auto said = read_execute(Args(argv, command.end, command.first + 1), *form)) {
                report_target_keys(context, *said);
            }
        }
    }
    return redis::kOk;
}

int execute(Context* context, String** argv, int argc, const DagForm& form) {
    const auto words = read_dag(Args(argv, argc, 1), form);
    if (redis::IsKeysPositionRequest(context) != 0) {
        return words ? report_keys(context, argv, *words) : redis::kOk;
    }
    if (argc < 3) {
        return redis::WrongArity(context);
    }
    if (!words) {
        return reply_error(context, words.error());
    }
    if (const Status status = check_may_block(context, form.command); !status) {
        return reply_error(context, status.error());
    }
    return Call::begin(context, Builder(context, argv, form).build(*words));
}

}  // namespace

namespace command {

// AI.DAGEXECUTE [LOAD n key…] [PERSIST n key…] [ROUTING key] [TIMEOUT ms] |> command… [|> command…]…
int dag_execute(Context* context, String** argv, int argc) { return execute(context, argv, argc, kDagForms[0]); }

// AI.DAGEXECUTE_RO [LOAD n key…] [ROUTING key] [TIMEOUT ms] |> command… [|> command…]…
int dag_execute_ro(Context* context, String** argv, int argc) { return execute(context, argv, argc, kDagForms[1]); }

// AI.DAGRUN [LOAD n key…] [PERSIST n key…] [TIMEOUT ms] |> command… [|> command…]…
int dag_run(Context* context, String** argv, int argc) { return execute(context, argv, argc, kDagForms[2]); }

// AI.DAGRUN_RO [LOAD n key…] [TIMEOUT ms] |> command… [|> command…]…
int dag_run_ro(Context* context, String** argv, int argc) { return execute(context, argv, argc, kDagForms[3]); }

}  // namespace command
}  // namespace inferstep
