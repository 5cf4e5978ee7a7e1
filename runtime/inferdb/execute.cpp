// AI.MODELEXECUTE, AI.SCRIPTEXECUTE and their older forms: calls of one step, whose outputs are all stored.
#include "inferdb/execute.hpp"

#include <algorithm>

#include "inferdb/commands.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/model.hpp"
#include "inferdb/script.hpp"

namespace inferstep {
namespace {

using redis::Context;
using redis::String;

Status check_count(const char* word, std::size_t given, const std::vector<std::string>& named) {
    return named.empty() || given == named.size()
               ? Status::ok()
               : Status(fail("Number of keys given as {} here does not match model definition", word));
}

Result<Step> model_step(Context* context, String** argv, const ExecuteWords& words) {
    auto model = find_model(context, argv[words.key]);
    if (!model) {
        return model.error();
    }
    Status status = check_count("INPUTS", words.inputs.size(), (*model)->definition.inputs);
    status = status ? check_count("OUTPUTS", words.outputs.size(), (*model)->definition.outputs) : status;
    if (!status) {
        return status.error();
    }
    Step step;
    step.target = std::move(*model);
    return step;
}

std::vector<std::string> texts(String** argv, const std::vector<int>& positions) {
    std::vector<std::string> all;
    std::transform(positions.begin(), positions.end(), std::back_inserter(all),
                   [argv](int at) { return std::string(text_of(argv[at])); });
    return all;
}

Result<Step> script_step(Context* context, String** argv, const ExecuteWords& words) {
    auto script = find_script(context, argv[words.key]);
    if (!script) {
        return script.error();
    }
    ScriptCall how{std::string(text_of(argv[words.function])), texts(argv, words.keys), texts(argv, words.args),
                   words.list_from};
    const std::vector<std::string>& entries = (*script)->definition.entry_points;
    if (!entries.empty() && std::find(entries.begin(), entries.end(), how.function) == entries.end()) {
        return fail("function {} is no entry point of the script", how.function);
    }
    Step step;
    step.request->call = [script = *script, how = std::move(how)](const std::vector<TensorView>& inputs) {
        return script->script->run(how, inputs);
    };
    step.target = std::move(*script);
    return step;
}

int report_keys(Context* context, int argc, const Result<ExecuteWords>& words) {
    if (words) {
        report_target_keys(context, *words);
        for (const std::vector<int>* list : {&words->inputs, &words->outputs}) {
            std::for_each(list->begin(), list->end(), [&](int at) { redis::KeyAtPos(context, at); });
        }
    } else if (argc >= 2) {
        redis::KeyAtPos(context, 1);
    }
    return redis::kOk;
}

// Inputs come from the database and outputs go there.
Result<std::unique_ptr<Call>> make_call(Context* context, String** argv, const ExecuteWords& words,
                                        const ExecuteForm& form) {
    auto step = make_step(context, argv, words, form);
    if (!step) {
        return step.error();
    }
    auto call = std::make_unique<Call>();
    for (const int at : words.inputs) {
        auto tensor = find_tensor(context, argv[at]);
        if (!tensor) {
            return tensor.error();
        }
        step->inputs.push_back(call->add_place(std::move(*tensor)));
    }
    for (const int at : words.outputs) {
        step->outputs.push_back(call->add_place());
        call->stored.push_back({std::string(text_of(argv[at])), step->outputs.back()});
    }
    call->steps.push_back(std::move(*step));
    call->timeout_ms = words.timeout_ms;
    call->answer = [](Context* in, const Call&, const Status& stored) { return reply_outcome(in, stored); };
    return call;
}

int execute(Context* context, String** argv, int argc, const ExecuteForm& form) {
    const auto words = read_execute(Args(argv, argc, 1), form);
    if (redis::IsKeysPositionRequest(context) != 0) {
        return report_keys(context, argc, words);
    }
    if (argc < (form.script ? 3 : 6)) {
        return redis::WrongArity(context);
    }
    if (!words) {
        return reply_error(context, words.error());
    }
    if (const Status status = check_may_block(context, form.command); !status) {
        return reply_error(context, status.error());
    }
    return Call::begin(context, make_call(context, argv, *words, form));
}

}  // namespace

Result<Step> make_step(Context* context, String** argv, const ExecuteWords& words, const ExecuteForm& form) {
    return form.script ? script_step(context, argv, words) : model_step(context, argv, words);
}

void report_target_keys(Context* context, const ExecuteWords& words) {
    redis::KeyAtPos(context, words.key);
    std::for_each(words.keys.begin(), words.keys.end(), [&](int at) { redis::KeyAtPos(context, at); });
}

namespace command {

// AI.MODELEXECUTE key INPUTS n key… OUTPUTS n key… [TIMEOUT ms]
int model_execute(Context* context, String** argv, int argc) { return execute(context, argv, argc, kExecuteForms[0]); }

// AI.MODELRUN key [TIMEOUT ms] INPUTS key… OUTPUTS key…
int model_run(Context* context, String** argv, int argc) { return execute(context, argv, argc, kExecuteForms[1]); }

// AI.SCRIPTEXECUTE key function [KEYS n key…] [INPUTS n key…] [ARGS n text…] [OUTPUTS n key…] [TIMEOUT ms]
int script_execute(Context* context, String** argv, int argc) { return execute(context, argv, argc, kExecuteForms[2]); }

// AI.SCRIPTRUN key function [TIMEOUT ms] [INPUTS key… [$ key…]] [OUTPUTS key…]
int script_run(Context* context, String** argv, int argc) { return execute(context, argv, argc, kExecuteForms[3]); }

}  // namespace command
}  // namespace inferstep
