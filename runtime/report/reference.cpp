#include "report/reference.hpp"

#include <algorithm>
#include <map>

#include "llm/run/completions.hpp"

namespace inferstep::report {
namespace {

using llm::Completion;

// What was generated; the file's text begins with the prompt.
std::string generated(const Completion& c) {
    return c.completion.starts_with(c.prompt) ? c.completion.substr(c.prompt.size()) : c.completion;
}

template <typename Sequence>
long first_other(const Sequence& a, const Sequence& b) {
    const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return at == a.end() && other == b.end() ? -1 : static_cast<long>(at - a.begin());
}

PromptComparison compare(const Completion& reference, const Completion& run) {
    PromptComparison one;
    one.prompt_index = run.prompt_index;
    one.by_tokens = !reference.tokens.empty() && !run.tokens.empty();
    one.text = generated(run);
    one.divergence =
        one.by_tokens ? first_other(reference.tokens, run.tokens) : first_other(generated(reference), one.text);
    if (run.prompt != reference.prompt) {
        one.other_prompt = true;
        one.divergence = 0;
    }
    return one;
}

Result<std::vector<Completion>> completions_of(const Execution& execution, std::vector<Note>& notes) {
    std::vector<Completion> all;
    for (const std::string& path : execution.completions) {
        Result<std::vector<Completion>> some = llm::read_completions(path);
        if (!some) {
            notes.push_back({{path, 0}, some.error().message});
            continue;
        }
        std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    std::sort(all.begin(), all.end(),
              [](const Completion& a, const Completion& b) { return a.prompt_index < b.prompt_index; });
    return all;
}

}  // namespace

Status compare_with_reference(const std::string& path, Collection& collection) {
    const Result<std::vector<Completion>> lines = llm::read_completions(path);
    if (!lines) {
        return lines.error();
    }
    Reference reference;
    reference.path = path;
    std::map<int, const Completion*> known;
    for (const Completion& line : *lines) {
        known[line.prompt_index] = &line;
        reference.prompts.push_back({line.prompt_index, line.prompt, generated(line)});
    }
    std::sort(reference.prompts.begin(), reference.prompts.end(),
              [](const ReferencePrompt& a, const ReferencePrompt& b) { return a.prompt_index < b.prompt_index; });
    for (std::size_t i = 0; i < collection.executions.size(); ++i) {
        const Execution& execution = collection.executions[i];
        if (execution.completions.empty()) {
            continue;
        }
        const auto completions = completions_of(execution, collection.notes);
        ReferenceRun run;
        run.execution = i;
        for (const Completion& completion : *completions) {
            if (const auto at = known.find(completion.prompt_index); at != known.end()) {
                run.prompts.push_back(compare(*at->second, completion));
                run.identical += run.prompts.back().divergence < 0 ? 1 : 0;
            } else {
                ++run.without_reference;
            }
        }
        reference.runs.push_back(std::move(run));
    }
    if (reference.runs.empty()) {
        return with_hint(fail("--reference={}: nothing of what was read has completions to compare with it", path),
                         "records of inferstep stage have them, completions_rank_N.jsonl");
    }
    collection.reference = std::move(reference);
    return Status::ok();
}

std::string in_words(const ReferenceRun& run) {
    if (run.prompts.empty()) {
        return "no prompt in common";
    }
    std::string text = fmt::format("{}/{} identical", run.identical, run.prompts.size());
    const auto first =
        std::find_if(run.prompts.begin(), run.prompts.end(), [](const auto& p) { return p.divergence >= 0; });
    if (first != run.prompts.end()) {
        text += first->other_prompt ? fmt::format("; prompt {} is another text", first->prompt_index)
                                    : fmt::format("; first in prompt {}, at {} {}", first->prompt_index,
                                                  first->by_tokens ? "token" : "byte", first->divergence);
    }
    return text +
           (run.without_reference > 0 ? fmt::format("; {} are not in the reference", run.without_reference) : "");
}

}  // namespace inferstep::report
