#include "llm/run/compare.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "llm/run/completions.hpp"

namespace inferstep::llm {
namespace {

// The tokens that a completion without them must have had: those of its text behind those of the prompt.
Result<std::vector<int>> tokens_of_text(const Completion& completion, const Prompt& prompt,
                                        const Tokenizer& tokenizer) {
    Result<std::vector<int>> all = tokenizer.encode(completion.completion);
    if (!all) {
        return all.error();
    }
    const std::vector<int>& front = prompt.tokens;
    if (all->size() < front.size() || !std::equal(front.begin(), front.end(), all->begin())) {
        return std::vector<int>{};  // the prompt's last token and the first new one are written as one
    }
    return std::vector<int>(all->begin() + static_cast<std::ptrdiff_t>(front.size()), all->end());
}

}  // namespace

Result<Reference> read_reference(const std::string& path, const std::vector<Prompt>& prompts,
                                 const Tokenizer& tokenizer, int context) {
    Result<std::vector<Completion>> list = read_completions(path);
    if (!list) {
        return list.error();
    }
    std::map<int, Completion> found;
    for (Completion& each : *list) {
        found[each.prompt_index] = std::move(each);
    }
    Reference reference;
    reference.path = path;
    std::size_t with_tokens = 0;
    for (const Prompt& prompt : prompts) {
        Completion each = found.count(prompt.index) > 0 ? found[prompt.index] : Completion{};
        if (!each.prompt.empty() && each.prompt != prompt.text) {
            return fail("{}: prompt {} is another one there", path, prompt.index);
        }
        if (each.tokens.empty() && !each.completion.empty()) {
            Result<std::vector<int>> tokens = tokens_of_text(each, prompt, tokenizer);
            if (!tokens) {
                return tokens.error();
            }
            each.tokens = std::move(*tokens);
        }
        const auto room = static_cast<std::size_t>(std::max(context - static_cast<int>(prompt.tokens.size()), 0));
        reference.known.push_back(each.tokens);
        reference.known.back().resize(std::min(each.tokens.size(), room));
        with_tokens += each.tokens.empty() ? 0U : 1U;
        each.prompt_index = prompt.index;
        reference.completions.push_back(std::move(each));
    }
    if (with_tokens == 0) {
        return fail("{} has none of the {}", path, counted(prompts.size(), "prompt"));
    }
    return reference;
}

Difference compare_tokens(int prompt_index, const std::vector<int>& tokens, const std::vector<int>& reference) {
    Difference d;
    d.prompt_index = prompt_index;
    d.positions = static_cast<int>(std::max(tokens.size(), reference.size()));
    const auto at = [](const std::vector<int>& list, int i) {
        return static_cast<std::size_t>(i) < list.size() ? list[static_cast<std::size_t>(i)] : -1;
    };
    for (int i = 0; i < d.positions; ++i) {
        const bool same = at(tokens, i) == at(reference, i);
        d.equal += same ? 1 : 0;
        if (!same && d.position < 0) {
            d.position = i;
            d.token = at(tokens, i);
            d.reference_token = at(reference, i);
        }
    }
    return d;
}

int Comparison::identical() const {
    return static_cast<int>(
        std::count_if(differences.begin(), differences.end(), [](const Difference& d) { return d.position < 0; }));
}

double Comparison::token_agreement() const {
    std::int64_t equal = 0;
    std::int64_t positions = 0;
    for (const Difference& d : differences) {
        equal += d.equal;
        positions += d.positions;
    }
    return positions > 0 ? static_cast<double>(equal) / static_cast<double>(positions) : 1;
}

Comparison compare(const Reference& reference, const std::map<int, std::vector<int>>& tokens_by_index,
                   const std::vector<double>& scores) {
    Comparison c;
    c.reference = reference.path;
    double ours = 0;
    double theirs = 0;
    std::int64_t tokens = 0;
    bool whole = true;  // all of the reference's tokens were scored, and it says how probable they are
    for (std::size_t i = 0; i < reference.completions.size(); ++i) {
        const Completion& each = reference.completions[i];
        const auto mine = tokens_by_index.find(each.prompt_index);
        if (each.tokens.empty()) {
            ++c.missing;
            continue;
        }
        if (mine != tokens_by_index.end()) {
            c.differences.push_back(compare_tokens(each.prompt_index, mine->second, each.tokens));
        }
        ours += scores.empty() ? 0 : scores[i];
        theirs += each.log_probability;
        tokens += static_cast<std::int64_t>(reference.known[i].size());
        whole = whole && each.log_probability < 0 && reference.known[i].size() == each.tokens.size();
    }
    const auto perplexity = [tokens](double sum) { return std::exp(-sum / static_cast<double>(tokens)); };
    c.perplexity = tokens > 0 && !scores.empty() ? perplexity(ours) : 0;
    c.reference_perplexity = tokens > 0 && whole ? perplexity(theirs) : 0;
    return c;
}

Json comparison_json(const Comparison& c) {
    Json parts = Json::array();
    for (const Difference& d : c.differences) {
        if (d.position >= 0) {
            Json part = Json::object();
            part.set("prompt_index", d.prompt_index).set("position", d.position);
            part.set("token", d.token).set("reference_token", d.reference_token);
            parts.push(std::move(part));
        }
    }
    Json json = Json::object();
    json.set("reference", c.reference);
    json.set("prompts", c.differences.size()).set("identical", c.identical());
    if (c.missing > 0) {
        json.set("missing", c.missing);
    }
    json.set("token_agreement", c.token_agreement());
    json.set("first_divergence", std::move(parts));
    if (c.perplexity > 0) {
        json.set("perplexity", c.perplexity);
    }
    if (c.reference_perplexity > 0) {
        json.set("reference_perplexity", c.reference_perplexity);
        json.set("perplexity_delta", c.perplexity - c.reference_perplexity);
    }
    return json;
}

std::string comparison_text(const Json& c) {
    std::string text = fmt::format("{} of {} identical to {}, {:.2f} % of the tokens\n", c.number("identical"),
                                   counted(static_cast<long>(c.number("prompts")), "prompt"), c.text("reference"),
                                   100 * c.number("token_agreement"));
    if (const auto missing = static_cast<long>(c.number("missing")); missing > 0) {
        text += fmt::format("  the reference has no tokens of {}\n", counted(missing, "prompt"));
    }
    for (const Json& each : c.copy_of("first_divergence").items()) {
        const auto token = [&each](const char* key) {
            const double id = each.number(key, -1);
            return id < 0 ? std::string("the end") : fmt::format("token {}", id);
        };
        text +=
            fmt::format("  prompt {} parts at position {}: {}, and {} in the reference\n", each.number("prompt_index"),
                        each.number("position"), token("token"), token("reference_token"));
    }
    if (c.has("perplexity")) {
        text += fmt::format("perplexity of the reference's tokens {:.4f}", c.number("perplexity"));
        text += c.has("reference_perplexity")
                    ? fmt::format(", there {:.4f}, {:+.4f}\n", c.number("reference_perplexity"),
                                  c.number("perplexity_delta"))
                    : "\n";
    }
    return text;
}

}  // namespace inferstep::llm
