#include "llm/text/word_split.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <span>

namespace inferstep::llm {
namespace {

// White space as Unicode has it, inside of brackets: PCRE2's \s has one character more.
#define SPACE R"(\t-\r\x{85}\p{Z})"

// An apostrophe's short ending; letters, digits or signs with a blank in front; blanks, the last one left to the word
// behind them.
#define GPT2 \
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
#define LLAMA3                                                                                                         \
    "(?i:'(?:[sdmt]|ll|ve|re))|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE \
    "]*[\\r\\n]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"

struct Kind {
    std::array<const char*, 4> patterns;
    bool whole_words = false;
};
constexpr Kind kGpt2 = {{GPT2}};
constexpr Kind kDigits = {{"\\p{N}", GPT2}};
constexpr Kind kLlama3 = {{LLAMA3}, true};
constexpr Kind kDefault = {{"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}};
#undef SPACE
#undef GPT2
#undef LLAMA3

struct Name {
    std::string_view name;
    const Kind* kind;
};
constexpr Name kNames[] = {{"gpt-2", &kGpt2},      {"smollm", &kDigits},    {"starcoder", &kDigits},
                           {"refact", &kDigits},   {"command-r", &kDigits}, {"llama-bpe", &kLlama3},
                           {"llama3", &kLlama3},   {"llama-v3", &kLlama3},  {"falcon3", &kLlama3},
                           {"default", &kDefault}, {"", &kDefault}};

struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, FreeCode>;

// Error: the library gave up.
Status cut(const pcre2_code* code, std::string_view text, std::vector<std::string_view>& out) {
    const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
    const auto* bytes = reinterpret_cast<PCRE2_SPTR>(text.data());
    std::size_t at = 0;
    while (at < text.size()) {
        const int found = data ? pcre2_match(code, bytes, text.size(), at, PCRE2_NO_UTF_CHECK, data.get(), nullptr)
                               : PCRE2_ERROR_NOMEMORY;
        if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
            return fail("a word of the text is too long to be cut (PCRE2 error {})", found);
        }
        const std::size_t* ends = found < 0 ? nullptr : pcre2_get_ovector_pointer(data.get());
        const std::size_t begin = ends != nullptr ? ends[0] : text.size();
        const std::size_t end = ends != nullptr ? ends[1] : text.size();
        if (begin > at) {
            out.push_back(text.substr(at, begin - at));
        }
        if (end > begin) {
            out.push_back(text.substr(begin, end - begin));
        }
        at = end;
    }
    return Status::ok();
}

}  // namespace

struct WordSplit::State {
    std::vector<Code> patterns;
    bool whole_words = false;
};

WordSplit::WordSplit(std::unique_ptr<State> state) : state_(std::move(state)) {}
WordSplit::WordSplit(WordSplit&&) noexcept = default;
WordSplit& WordSplit::operator=(WordSplit&&) noexcept = default;
WordSplit::~WordSplit() = default;

bool WordSplit::whole_words() const { return state_->whole_words; }

Result<WordSplit> WordSplit::create(const std::string& name) {
    const Name* known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& each) { return each.name == name; });
    if (known == std::end(kNames)) {
        return fail("texts are cut into words as '{}' does (tokenizer.ggml.pre), which is not known here", name);
    }
    auto state = std::make_unique<State>();
    state->whole_words = known->kind->whole_words;
    for (const char* pattern : known->kind->patterns) {
        if (pattern == nullptr) {
            break;
        }
        int error = 0;
        std::size_t at = 0;
        Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                &error, &at, nullptr));
        if (!code) {
            return fail("PCRE2 does not understand '{}': error {} at {}", pattern, error, at);
        }
        pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // without it matching is slower, and the same
        state->patterns.push_back(std::move(code));
    }
    return WordSplit(std::move(state));
}

Result<std::vector<std::string_view>> WordSplit::words(std::string_view text) const {
    std::vector<std::string_view> pieces = {text};
    for (const Code& code : state_->patterns) {
        std::vector<std::string_view> next;
        for (const std::string_view piece : pieces) {
            if (Status s = cut(code.get(), piece, next); !s) {
                return s.error();
            }
        }
        pieces = std::move(next);
    }
    return pieces;
}

}  // namespace inferstep::llm
