#include "llm/run/prompts.hpp"

#include <algorithm>
#include <set>

#include "core/text.hpp"
#include "core/words.hpp"
#include "llm/run/tokenized_set.hpp"
#include "llm/text/json_lines.hpp"

namespace inferstep::llm {
namespace {

Result<Prompt> read_prompt(const JsonLine& line, int index) {
    Prompt prompt;
    prompt.index = index;
    prompt.line = line.number;
    const Json text = line.value.copy_of("prompt");
    prompt.text = text.as_text();
    prompt.id = line.value.text("id");
    prompt.variant = line.value.text("variant");
    if (!line.value.has("prompt")) {
        return fail("{} has no \"prompt\"", line.label);
    }
    if (prompt.text.empty()) {
        return fail("{}: \"prompt\" is {}", line.label, text.dump() == "\"\"" ? "empty" : "not a text");
    }
    if (line.nul) {
        return fail("{} has a NUL character (\\u0000), which no text here can have", line.label);
    }
    return prompt;
}

Error no_such_variant(const std::string& path, const std::string& variant, const std::set<std::string>& variants) {
    const std::vector<std::string_view> names(variants.begin(), variants.end());
    const std::string_view meant = nearest(variant, names);
    return with_hint(
        fail("{} has no prompt of variant {}", path, variant),
        meant.empty() ? fmt::format("it has {}", fmt::join(variants, ", ")) : fmt::format("did you mean {}?", meant));
}

// The first prompt that does not fit.
Status check_lengths(const StageSettings& settings, const Shape& shape, const std::vector<Prompt>& prompts) {
    for (const Prompt& prompt : prompts) {
        if (prompt.tokens.size() > static_cast<std::size_t>(shape.context)) {
            return fail("{}, line {}: the prompt has {} tokens, and the model's context is {}", settings.prompts,
                        prompt.line, prompt.tokens.size(), shape.context);
        }
        const auto bad = std::find_if(prompt.tokens.begin(), prompt.tokens.end(),
                                      [&](int token) { return token < 0 || token >= shape.vocab; });
        if (bad != prompt.tokens.end()) {
            return fail("{}, line {}: the tokenizer made token {}, and the model has {}", settings.prompts, prompt.line,
                        *bad, counted(shape.vocab, "token"));
        }
    }
    return Status::ok();
}

}  // namespace

Result<std::vector<Prompt>> read_prompts(const std::string& path, const std::string& variant, int limit) {
    const Result<std::vector<JsonLine>> lines = read_json_lines(path, false);
    if (!lines) {
        return lines.error();
    }
    std::vector<Prompt> prompts;
    std::set<std::string> variants;
    for (int index = 0; index < static_cast<int>(lines->size()); ++index) {
        Result<Prompt> prompt = read_prompt((*lines)[static_cast<std::size_t>(index)], index);
        if (!prompt) {
            return prompt.error();
        }
        variants.insert(prompt->variant);
        const bool wanted = variant.empty() || prompt->variant == variant;
        if (wanted && (limit == 0 || prompts.size() < static_cast<std::size_t>(limit))) {
            prompts.push_back(std::move(*prompt));
        }
    }
    if (prompts.empty()) {
        return lines->empty() ? fail("{} has no prompts", path) : no_such_variant(path, variant, variants);
    }
    return prompts;
}

Status tokenize(const StageSettings& settings, const Shape& shape, const Tokenizer& tokenizer,
                std::vector<Prompt>& prompts) {
    for (Prompt& prompt : prompts) {
        Result<std::vector<int>> tokens = tokenizer.encode(prompt.text);
        if (!tokens) {
            return fail("{}, line {}: {}", settings.prompts, prompt.line, tokens.error().message);
        }
        prompt.tokens = std::move(*tokens);
    }
    return check_lengths(settings, shape, prompts);
}

Result<TokenizedPrompts> load_prompts(const StageSettings& settings, const Shape& shape, const Tokenizer& tokenizer) {
    Result<std::vector<Prompt>> prompts = read_prompts(settings.prompts, settings.variant, settings.prompt_limit);
    if (!prompts) {
        return prompts.error();
    }
    TokenizedPrompts result{std::move(*prompts), false};
    const TokenizedSet set(settings, tokenizer, result.prompts);
    result.from_cache = !settings.override_cache && set.read(result.prompts);
    const Status right = result.from_cache ? check_lengths(settings, shape, result.prompts)
                                           : tokenize(settings, shape, tokenizer, result.prompts);
    if (!right) {
        return right.error();
    }
    if (!result.from_cache) {
        set.write(result.prompts);
    }
    return result;
}

}  // namespace inferstep::llm
