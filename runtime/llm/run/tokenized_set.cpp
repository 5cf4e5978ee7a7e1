#include "llm/run/tokenized_set.hpp"

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/step.hpp"
#include "llm/text/json_lines.hpp"

namespace inferstep::llm {
namespace {

constexpr const char* kSchema = "inferstep-tokenized/1";

std::string checksum(const Tokenizer& tokenizer, const std::vector<Prompt>& prompts) {
    std::string all = fmt::format("{}\n{}\n", kSchema, tokenizer.identity());
    for (const Prompt& prompt : prompts) {
        all += fmt::format("{} {} {}\n", prompt.index, prompt.text.size(), prompt.text);
    }
    return sha256_of(all);
}

}  // namespace

TokenizedSet::TokenizedSet(const StageSettings& settings, const Tokenizer& tokenizer,
                           const std::vector<Prompt>& prompts)
    : folder_(settings.output_dir + "/tokenized"),
      path_(fmt::format("{}/{}.jsonl", folder_, checksum(tokenizer, prompts).substr(0, 32))) {}

bool TokenizedSet::read(std::vector<Prompt>& prompts) const {
    if (!exists(path_)) {
        return false;
    }
    const Result<std::vector<JsonLine>> lines = read_json_lines(path_, false);
    if (!lines || lines->size() != prompts.size()) {
        print_note(fmt::format("{} is not whole and made anew", path_));
        return false;
    }
    std::vector<Prompt> read = prompts;
    for (std::size_t i = 0; i < read.size(); ++i) {
        const Json& line = (*lines)[i].value;
        for (const Json& token : line.copy_of("tokens").items()) {
            const double id = token.as_number();
            read[i].tokens.push_back(id >= 0 && id < 2e9 ? static_cast<int>(id) : -1);
        }
        if (static_cast<int>(line.number("prompt_index", -1)) != read[i].index || read[i].tokens.empty()) {
            return false;
        }
    }
    prompts = std::move(read);
    return true;
}

void TokenizedSet::write(const std::vector<Prompt>& prompts) const {
    if (step_identity().rank != 0) {
        return;
    }
    std::string text;
    for (const Prompt& prompt : prompts) {
        text +=
            fmt::format("{{\"prompt_index\": {}, \"tokens\": [{}]}}\n", prompt.index, fmt::join(prompt.tokens, ", "));
    }
    Status written = make_directories(folder_);
    written = written ? write_file(path_, text) : written;
    if (!written) {
        print_note(written.error().message);
    }
}

}  // namespace inferstep::llm
