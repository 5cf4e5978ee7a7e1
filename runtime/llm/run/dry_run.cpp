#include "llm/run/dry_run.hpp"

#include <algorithm>

#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "llm/files/model_files.hpp"
#include "llm/run/prompts.hpp"
#include "llm/run/run_plan.hpp"
#include "llm/run/settings_read.hpp"
#include "llm/stage/formats.hpp"
#include "llm/stage/partition.hpp"

namespace inferstep::llm {
namespace {

struct DryRun {
    Shape shape;
    std::string format;  // of the files
    WeightFormats formats;
    std::string note;  // why the precision that was asked for does not hold
    std::vector<LayerRange> ranges;
    std::vector<Prompt> prompts;
    std::vector<std::string> decoded;  // what the tokens of each prompt say
    std::size_t longest = 0;           // tokens
    std::int64_t slots = 0;            // sequences in flight
    std::int64_t context = 0;          // positions of a slot

    std::int64_t cache_bytes(const LayerRange& range) const {
        constexpr std::int64_t kBytes = 4;  // a key and a value of 16 bits
        return kBytes * (range.last - range.first) * shape.kv_heads * shape.head_dim * context * slots;
    }
};

Status read_texts(const StageSettings& s, const ModelFiles& files, DryRun& run) {
    const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::open(files, s.tokenizer);
    if (!tokenizer) {
        return tokenizer.error();
    }
    Result<std::vector<Prompt>> prompts = read_prompts(s.prompts, s.variant, s.prompt_limit);
    Status tokenized = prompts ? tokenize(s, run.shape, **tokenizer, *prompts) : Status(prompts.error());
    if (!tokenized) {
        return tokenized;
    }
    run.prompts = std::move(*prompts);
    for (const Prompt& prompt : run.prompts) {
        run.longest = std::max(run.longest, prompt.tokens.size());
        run.decoded.push_back((*tokenizer)->decode(prompt.tokens));
    }
    return Status::ok();
}

Result<DryRun> look(const StageSettings& s, int ranks) {
    const Result<ModelFiles> files = ModelFiles::open(s.model);
    if (!files) {
        return files.error();
    }
    DryRun run;
    run.shape = files->shape();
    run.format = files->format();
    run.formats = weight_formats(*files, s.format);
    run.note = precision_note(s, *files);
    Result<std::vector<LayerRange>> ranges = plan_ranges(s, run.shape, ranks);
    if (!ranges) {
        return ranges.error();
    }
    run.ranges = std::move(*ranges);
    if (Status read = read_texts(s, *files, run); !read) {
        return read.error();
    }
    const std::int64_t groups = s.groups > 0 ? s.groups : static_cast<std::int64_t>(run.ranges.size());
    run.slots = groups * s.batch_size;
    run.context = std::min<std::int64_t>(static_cast<std::int64_t>(run.longest) + s.max_new_tokens, run.shape.context);
    return run;
}

std::size_t tokens_of(const DryRun& run) {
    std::size_t tokens = 0;
    for (const Prompt& prompt : run.prompts) {
        tokens += prompt.tokens.size();
    }
    return tokens;
}

std::string text_of(const StageSettings& s, const DryRun& run) {
    std::string text = settings_text(s) + "\n";
    text += fmt::format("model: {}, {}, {} in memory, {}, hidden {}, context {}\n",
                        run.shape.name.empty() ? s.model : run.shape.name, run.format, name_of(run.formats.layers),
                        counted(run.shape.layers, "layer"), run.shape.hidden, run.shape.context);
    text += fmt::format("prompts: {}, {}, the longest {}\n", run.prompts.size(), counted(tokens_of(run), "token"),
                        run.longest);
    text += describe(run.shape, run.ranges, run.formats.layers);
    std::int64_t most = 0;
    for (const LayerRange& range : run.ranges) {
        most = std::max(most, run.cache_bytes(range));
    }
    return text + fmt::format("keys and values: {} of {} in flight, up to {:.3f} GB on a stage\n",
                              counted(run.slots, "sequence"), counted(run.context, "position"),
                              static_cast<double>(most) / 1e9);
}

Json stages_json(const DryRun& run) {
    Json stages = Json::array();
    for (std::size_t i = 0; i < run.ranges.size(); ++i) {
        const LayerRange& range = run.ranges[i];
        Json stage = Json::object();
        stage.set("stage", i).set("first", range.first).set("last", range.last - 1);
        stage.set("embedding", range.embedding).set("head", range.head);
        stage.set("weight_bytes", weight_bytes(run.shape, range, run.formats.layers))
            .set("cache_bytes", run.cache_bytes(range));
        stages.push(std::move(stage));
    }
    return stages;
}

std::string json_of(const StageSettings& s, const DryRun& run) {
    Json settings = Json::array();
    for (const Origin& each : s.origins) {
        Json setting = Json::object();
        setting.set("name", each.name).set("value", each.value).set("where", each.where);
        settings.push(std::move(setting));
    }
    Json prompts = Json::array();
    for (std::size_t i = 0; i < run.prompts.size(); ++i) {
        const Prompt& each = run.prompts[i];
        Json tokens = Json::array();
        for (const int token : each.tokens) {
            tokens.push(static_cast<double>(token));
        }
        Json prompt = Json::object();
        prompt.set("prompt_index", each.index).set("id", each.id).set("variant", each.variant);
        prompt.set("tokens", std::move(tokens)).set("decoded", run.decoded[i]);
        prompts.push(std::move(prompt));
    }
    std::vector<std::string> notes = s.notes;
    notes.insert(notes.end(), run.note.empty() ? 0 : 1, run.note);
    Json model = Json::object();
    model.set("name", run.shape.name).set("path", s.model).set("format", run.format);
    model.set("formats", formats_json(run.formats));
    model.set("layers", run.shape.layers).set("hidden", run.shape.hidden).set("context", run.shape.context);
    Json json = Json::object();
    json.set("schema", "inferstep-stage-plan/1").set("settings", std::move(settings));
    json.set("notes", Json::list(notes)).set("model", std::move(model)).set("stages", stages_json(run));
    json.set("prompts", std::move(prompts));
    return json.dump() + "\n";
}

}  // namespace

Result<std::string> dry_run_text(const StageSettings& settings, int ranks) {
    const Result<DryRun> run = look(settings, ranks);
    if (!run) {
        return run.error();
    }
    if (!run->note.empty()) {
        print_warning(run->note);
    }
    return settings.json ? json_of(settings, *run) : text_of(settings, *run);
}

}  // namespace inferstep::llm
