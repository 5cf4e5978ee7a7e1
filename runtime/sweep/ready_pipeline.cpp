#include "sweep/ready_pipeline.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "llm/files/model_files.hpp"
#include "llm/run/settings_read.hpp"
#include "llm/stage/formats.hpp"
#include "sweep/allocation.hpp"
#include "sweep/command_words.hpp"
#include "sweep/ready_checks.hpp"
#include "sweep/ready_pipeline_flags.hpp"
#include "sweep/ready_prompts.hpp"
#include "sweep/ready_splits.hpp"

namespace inferstep::sweep {
namespace {

constexpr const char* kReferenceDir = "{run_dir}/reference";

// What the points have in common.
struct Begun {
    ReadyFlags flags;
    std::string kind, where;
    long per_node = 1;
    std::vector<long> stages;
    llm::StageSettings settings;  // of `inferstep stage` itself
    std::vector<std::string> notes;
    std::vector<std::string> more;  // --stage_options, word by word
};

bool has(const ReadyFlags& flags, const char* name) { return flags.has(name) && !flags.texts(name).empty(); }

// --stages, or --nodes times the stages of a node.
Result<std::vector<long>> stages_of(const ReadyFlags& flags, bool local, long per_node) {
    const bool nodes = has(flags, "nodes");
    if (nodes && flags.given("stages")) {
        return fail("--nodes and --stages: one of the two says how many stages there are");
    }
    if (nodes && local && flags.largest("nodes") > 1) {
        return with_hint(fail("--nodes={}: without Slurm there is one node, this one", flags.largest("nodes")),
                         "give --stages, which run side by side here, or start inside an allocation");
    }
    std::vector<long> stages;
    for (const std::string& text : flags.texts(nodes ? "nodes" : "stages")) {
        stages.push_back(std::strtol(text.c_str(), nullptr, 10) * (nodes ? per_node : 1));
        if (!local && stages.back() > per_node && stages.back() % per_node != 0) {
            return fail("--stages={}: with --stages_per_node={} a multiple of that is right", stages.back(), per_node);
        }
    }
    std::sort(stages.begin(), stages.end());
    return stages;
}

Status check_allocated(const Begun& begun) {
    if (begun.where == "local" || !inside_allocation()) {
        return Status::ok();
    }
    const Result<Allocation> allocation = read_allocation();
    if (!allocation) {
        return allocation.error();
    }
    const long nodes = (begun.stages.back() + begun.per_node - 1) / begun.per_node;
    return nodes <= static_cast<long>(allocation->nodes.size())
               ? Status::ok()
               : Status(with_hint(fail("{} stages need {} nodes, and the allocation {} has {}", begun.stages.back(),
                                       nodes, allocation->job, allocation->nodes.size()),
                                  "--stages_per_node puts several on a node"));
}

// The options that every run has, the reference included.
std::vector<std::string> inputs(const Begun& begun) {
    std::vector<std::string> words = {"inferstep", "stage"};
    for (const auto& [flag, option] : {std::pair("exp_config", "--exp-config"),
                                       {"ds_config", "--ds-config"},
                                       {"model", "--model"},
                                       {"prompts", "--prompts"},
                                       {"max_new_tokens", "--max-new-tokens"},
                                       {"threads", "--threads"}}) {
        if (has(begun.flags, flag)) {
            words.push_back(fmt::format("{}={}", option, begun.flags.text(flag)));
        }
    }
    words.insert(words.end(), begun.more.begin(), begun.more.end());
    return words;
}

// A list has them word by word; one text is split as a shell does it.
Result<std::vector<std::string>> more_options(const ReadyFlags& flags) {
    const std::vector<std::string>& given = flags.texts("stage_options");
    if (given.size() != 1) {
        return given;
    }
    Result<std::vector<std::string>> words = command_words(given.front());
    return words ? std::move(words) : fail("--stage_options: {}", words.error().message);
}

// As `inferstep stage` will read them: its configuration files, its variables, and what is wrong with them.
Result<llm::StageSettings> settings_of(const ReadyFlags& flags) {
    llm::GivenOptions options;
    for (const auto& [flag, option] : {std::pair("exp_config", "exp-config"),
                                       {"ds_config", "ds-config"},
                                       {"model", "model"},
                                       {"prompts", "prompts"}}) {
        if (has(flags, flag)) {
            options.emplace(option, flags.text(flag));
        }
    }
    return llm::read_stage_settings(options);
}

Result<Begun> begin(std::string_view kind, const std::vector<std::string>& words) {
    Result<ReadyFlags> flags = ReadyFlags::parse(pipeline_flags(kind), words);
    if (!flags) {
        return flags.error();
    }
    Begun begun{std::move(*flags), std::string(kind), {}, 1, {}, {}, {}, {}};
    if (Status s = check_folder_name(begun.flags.text("exp_name")); !s) {
        return s.error();
    }
    begun.where = launcher_place(begun.flags);
    const bool local = begun.where == "local";
    begun.per_node = std::strtol(begun.flags.text("stages_per_node").c_str(), nullptr, 10);
    Result<std::vector<long>> stages = stages_of(begun.flags, local, begun.per_node);
    if (!stages) {
        return stages.error();
    }
    begun.stages = std::move(*stages);
    if (Status s = check_allocated(begun); !s) {
        return s.error();
    }
    Result<llm::StageSettings> settings = settings_of(begun.flags);
    if (!settings) {
        return settings.error();
    }
    begun.settings = std::move(*settings);
    Result<std::vector<std::string>> more = more_options(begun.flags);
    if (!more) {
        return more.error();
    }
    begun.more = std::move(*more);
    return begun;
}

// Stages and where they are, as parameters.
Parameters place(const Begun& begun, long stages) {
    const bool local = begun.where == "local";
    const long per_node = local ? stages : std::min(stages, begun.per_node);
    return {{"stages", std::to_string(stages)},
            {"nodes", std::to_string(stages / per_node)},
            {"stages_per_node", std::to_string(per_node)}};
}

// An option of the command, from a parameter of that name or a flag that was given.
void add_option(const Begun& begun, const char* flag, const char* option, std::vector<std::string>& command) {
    if (has(begun.flags, flag)) {
        command.push_back(fmt::format("{}={}", option, begun.flags.text(flag)));
    }
}

// One run of the whole model in one process, which all points are compared with. Slurm finds a node for it.
void add_reference(const Begun& begun, const std::string& prompts, Battery& battery) {
    const std::string& reference = begun.flags.text("reference");
    if (reference == "none") {
        return;
    }
    if (reference != "auto") {
        battery.command.push_back("--reference=" + reference);
        return;
    }
    std::vector<std::string> words;
    if (begun.where != "local") {
        words = {"srun", "--nodes=1", "--ntasks=1", "--job-name=reference"};
    }
    const std::vector<std::string> run = inputs(begun);
    words.insert(words.end(), run.begin(), run.end());
    add_option(begun, "precision", "--precision", words);
    words.insert(words.end(),
                 {"--local-debug", "--overwrite", "--limit=" + prompts, fmt::format("--output-dir={}", kReferenceDir)});
    battery.prepare.push_back(std::move(words));
    battery.command.push_back(fmt::format("--reference={}/completions_rank_0.jsonl", kReferenceDir));
}

std::vector<MetricRule> metrics() {
    MetricRule rule;
    rule.name = "tokens_per_s";
    rule.select = "totals.tokens_per_s";
    rule.unit = "tokens/s";
    rule.from = MetricRule::From::kJson;
    rule.file = "records/*/metrics.json";
    rule.better = "higher";
    return {rule};
}

Battery common(const Begun& begun) {
    Battery battery;
    battery.name = begun.flags.text("exp_name");
    battery.kind = begun.kind;
    std::error_code code;
    battery.folder = std::filesystem::current_path(code).string();
    battery.repeats = 3;
    battery.warmups = 1;
    battery.random = true;
    battery.seed = 1;
    battery.command = inputs(begun);
    battery.command.emplace_back("--pipeline-size={stages}");
    battery.step.nodes = "{nodes}";
    battery.step.tasks_per_node = "{stages_per_node}";
    battery.time_limit = begun.flags.text("wall_time");
    battery.metrics = metrics();
    battery.report.rate = "tokens_per_s";
    battery.report.time = "run";
    return battery;
}

Battery strong(const Begun& begun) {
    Battery battery = common(begun);
    for (const long stages : begun.stages) {
        battery.include.push_back(place(begun, stages));
    }
    for (const auto& [flag, option] : {std::pair("prompt_limit", "--limit"),
                                       {"precision", "--precision"},
                                       {"groups", "--groups"},
                                       {"batch_size", "--batch-size"}}) {
        add_option(begun, flag, option, battery.command);
    }
    add_reference(begun, begun.flags.text("prompt_limit"), battery);
    battery.report.x = "stages";
    return battery;
}

Result<Battery> weak(const Begun& begun) {
    const long each = begun.flags.largest("prompts_per_stage");
    if (Status s = check_prompts(begun.settings, begun.more, begun.stages.back(), each); !s) {
        return s.error();
    }
    Battery battery = common(begun);
    for (const long stages : begun.stages) {
        Parameters point = place(begun, stages);
        point.emplace_back("prompts", std::to_string(stages * each));
        battery.include.push_back(std::move(point));
    }
    battery.command.emplace_back("--limit={prompts}");
    for (const auto& [flag, option] :
         {std::pair("precision", "--precision"), {"groups", "--groups"}, {"batch_size", "--batch-size"}}) {
        add_option(begun, flag, option, battery.command);
    }
    add_reference(begun, std::to_string(begun.stages.back() * each), battery);
    battery.report.x = "stages";
    return battery;
}

Battery batch(const Begun& begun) {
    Battery battery = common(begun);
    for (const std::string& size : begun.flags.texts("batch_sizes")) {
        Parameters point = place(begun, begun.stages.front());
        point.emplace_back("batch_size", size);
        battery.include.push_back(std::move(point));
    }
    battery.command.emplace_back("--batch-size={batch_size}");
    for (const auto& [flag, option] :
         {std::pair("prompt_limit", "--limit"), {"precision", "--precision"}, {"groups", "--groups"}}) {
        add_option(begun, flag, option, battery.command);
    }
    add_reference(begun, begun.flags.text("prompt_limit"), battery);
    battery.report.x = "batch_size";
    return battery;
}

// What the layers lie in where their file has them quantized, which no precision changes; empty: a precision does, or
// the model cannot be read here.
std::string kept_format(const Begun& begun) {
    const Result<llm::ModelFiles> model = llm::ModelFiles::open(begun.settings.model);
    const llm::WeightFormats formats =
        model ? llm::weight_formats(*model, llm::Format::kBf16) : llm::WeightFormats{{}, {}, {}, true};
    return formats.plain ? "" : std::string(name_of(formats.layers));
}

// Each point keeps what those before it have changed; int4 takes the place of int8.
Battery optimization(Begun& begun) {
    Battery battery = common(begun);
    std::string cache = "no";
    std::string groups = "1";
    const std::string kept = kept_format(begun);
    std::string precision = kept.empty() ? "bf16" : kept;
    std::vector<std::string> left_out;
    const auto add = [&](const char* change) {
        Parameters point = place(begun, begun.stages.front());
        point.insert(point.end(),
                     {{"change", change}, {"kv_cache", cache}, {"groups", groups}, {"precision", precision}});
        battery.include.push_back(std::move(point));
    };
    add("baseline");
    for (const std::string& change : begun.flags.texts("changes")) {
        if (change == "kv_cache") {
            cache = "yes";
            add("KV cache");
        } else if (change == "groups") {
            groups = "0";  // the stages
            add("groups in flight");
        } else if (!kept.empty()) {
            left_out.push_back(change);
        } else {
            precision = change;
            add(change == "int8" ? "int8 weights" : "int4 weights");
        }
    }
    battery.command.insert(battery.command.end(), {"--kv-cache={kv_cache}", "--groups={groups}"});
    if (kept.empty()) {
        battery.command.emplace_back("--precision={precision}");
    } else if (!left_out.empty()) {
        begun.notes.push_back(
            fmt::format("{}: left out, because the weights of {} are quantized in its file and stay {}",
                        fmt::join(left_out, ", "), begun.settings.model, kept));
    }
    add_option(begun, "prompt_limit", "--limit", battery.command);
    add_option(begun, "batch_size", "--batch-size", battery.command);
    add_reference(begun, begun.flags.text("prompt_limit"), battery);
    if (battery.prepare.size() == 1 && kept.empty()) {
        battery.prepare.front().emplace_back("--precision=bf16");
    }
    battery.report.x = "stages";
    battery.report.series = {"change"};
    battery.report.baseline = {{"change", "baseline"}};
    return battery;
}

Result<int> layers_of(const Begun& begun) {
    if (has(begun.flags, "layers")) {
        return static_cast<int>(begun.flags.largest("layers"));
    }
    const Result<llm::ModelFiles> model = llm::ModelFiles::open(begun.settings.model);
    return model ? Result<int>(model->shape().layers)
                 : with_hint(model.error(), "--layers says how many it has, where it cannot be read here");
}

Result<Battery> partitions(const Begun& begun) {
    const auto stages = static_cast<int>(begun.stages.front());
    if (stages < 2) {
        return fail("--stages=1: there is nothing to divide; two or more are right");
    }
    const Result<int> layers = layers_of(begun);
    if (!layers) {
        return layers.error();
    }
    const Result<std::vector<std::string>> splits = splits_of(begun.flags.texts("splits"), *layers, stages);
    if (!splits) {
        return splits.error();
    }
    Battery battery = common(begun);
    for (const std::string& split : *splits) {
        Parameters point = place(begun, stages);
        if (stages == 2) {
            point.emplace_back("first_layers", split.substr(0, split.find(',')));
        }
        point.emplace_back("split", split);
        battery.include.push_back(std::move(point));
    }
    battery.command.emplace_back("--split={split}");
    for (const auto& [flag, option] : {std::pair("prompt_limit", "--limit"),
                                       {"precision", "--precision"},
                                       {"groups", "--groups"},
                                       {"batch_size", "--batch-size"}}) {
        add_option(begun, flag, option, battery.command);
    }
    add_reference(begun, begun.flags.text("prompt_limit"), battery);
    battery.report.x = stages == 2 ? "first_layers" : "stages";
    battery.report.series = {stages == 2 ? "stages" : "split"};
    return battery;
}

}  // namespace

Result<ReadyBattery> pipeline_battery(std::string_view kind, const std::vector<std::string>& words) {
    Result<Begun> begun = begin(kind, words);
    if (!begun) {
        return begun.error();
    }
    Result<Battery> battery = kind == kStrongKind         ? Result<Battery>(strong(*begun))
                              : kind == kWeakKind         ? weak(*begun)
                              : kind == kBatchKind        ? Result<Battery>(batch(*begun))
                              : kind == kOptimizationKind ? Result<Battery>(optimization(*begun))
                                                          : partitions(*begun);
    if (!battery) {
        return battery.error();
    }
    return ReadyBattery{std::move(*battery), begun->where, begun->notes};
}

std::string pipeline_help(std::string_view kind) { return flags_help(pipeline_flags(kind)); }

}  // namespace inferstep::sweep
