// inferstep stage: a language model in stages over the ranks of a step.
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/step.hpp"
#include "core/words.hpp"
#include "llm/run/logits_file.hpp"
#include "llm/run/profiler.hpp"
#include "llm/run/run.hpp"
#include "llm/run/settings_read.hpp"
#include "llm/run/settings_table.hpp"

namespace inferstep::cli {
namespace {

// The texts of the options that may be given, two for each with a hyphen in its name. A deque: they stay where they
// are.
struct Text {
    std::string name;
    std::optional<std::string> text;
};
using Texts = std::deque<Text>;

// "--limit,--prompt-limit" out of "limit,prompt-limit"; "!no-x" gives "!--no-x".
std::string option_names(const std::string& names) {
    std::string list;
    for (const std::string& name : split(names, ',')) {
        const bool negated = name.front() == '!';
        list += fmt::format("{}{}--{}", list.empty() ? "" : ",", negated ? "!" : "", name.substr(negated ? 1 : 0));
    }
    return list;
}

// --batch-size, and --batch_size, which --help does not repeat. No argument: a flag.
void add_setting(CLI::App* sub, Texts& texts, std::string names, const char* argument, const char* help) {
    std::string name = names.substr(0, names.find(','));
    const auto add = [&](const char* text) {
        Text& given = texts.emplace_back(Text{name, {}});
        CLI::Option* option = argument == nullptr
                                  ? sub->add_flag(option_names(names), given.text, text)
                                  : sub->add_option(option_names(names), given.text, text)->type_name(argument);
        return option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    };
    add(help);
    std::replace(names.begin(), names.end(), '-', '_');
    if (names.find('_') != std::string::npos) {
        std::string only;  // the names that are other ones with underscores
        for (const std::string& each : split(names, ',')) {
            only += each.find('_') == std::string::npos ? "" : (only.empty() ? "" : ",") + each;
        }
        names = only;
        add("")->group("");
    }
}

Result<llm::StageSettings> settings_of(const Texts& texts) {
    llm::GivenOptions options;
    for (const Text& each : texts) {
        if (each.text && !options.emplace(each.name, *each.text).second) {
            return fail("--{} is given twice, once with underscores", each.name);
        }
    }
    return llm::read_stage_settings(options);
}

// Whether the command, which may be one that cannot be read, meets other ranks if it is right.
bool meets_others() {
    const std::vector<std::string> words = own_command();
    return std::none_of(words.begin(), words.end(), [](std::string word) {
        std::replace(word.begin(), word.end(), '_', '-');
        return word == "--dry-run" || word == "--local-debug" || word.rfind("--logits", 0) == 0;
    });
}

void tell_others(const Error& why) {
    if (meets_others()) {
        llm::tell_ranks(why);
    }
}

int stage(const Texts& texts) {
    const Result<llm::StageSettings> settings = settings_of(texts);
    if (!settings) {
        print_error(settings.error());
        tell_others(settings.error());
        return 2;
    }
    set_verbose(settings->verbose);
    if (step_identity().rank == 0) {  // one rank speaks for all, who read the same
        for (const std::string& note : settings->notes) {
            print_warning(note);
        }
    }
    if (!settings->logits.empty() && !settings->dry_run) {
        const Status status = llm::write_logits(*settings);
        if (!status) {
            print_error(status.error());
        }
        return status ? 0 : 1;
    }
    if (const std::string why = settings->dry_run ? "" : llm::run_under_profiler(*settings, step_identity());
        !why.empty()) {
        print_warning(why);
    }
    const Result<int> code = llm::run_stage(*settings);
    if (!code) {
        print_error(code.error());
        return 1;
    }
    return *code;
}

}  // namespace

void add_stage(CLI::App& app, Outcome& outcome) {
    CLI::App* sub = app.add_subcommand("stage", "run a Llama model over prompts, in stages on the ranks of a step");
    auto texts = std::make_shared<Texts>();
    add_setting(sub, *texts, "exp-config", "FILE", "exp_config.json (default: the one that is there)");
    add_setting(sub, *texts, "ds-config", "FILE", "ds_config.json (default: the one that is there)");
    for (const llm::Setting& setting : llm::stage_settings()) {
        if (setting.help != nullptr) {
            add_setting(sub, *texts, setting.options, setting.argument, setting.help);
        }
    }
    // For commands that were written for others.
    for (const char* size : {"tensor-parallel-size", "data-parallel-size"}) {
        add_setting(sub, *texts, size, "N", "");
        sub->get_option(fmt::format("--{}", size))->group("");
    }
    outcome.refused = [sub](const std::string& why) {
        if (sub->count() > 0) {
            tell_others(Error{why, {}});
        }
    };
    sub->callback([texts, &outcome] { outcome.exit_code = stage(*texts); });
}

}  // namespace inferstep::cli
