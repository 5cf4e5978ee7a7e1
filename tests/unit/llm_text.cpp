// What is read and written as text: completions, and words in byte-pair encoding.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "folder.hpp"
#include "llm/run/completions.hpp"
#include "llm/text/byte_letters.hpp"
#include "llm/text/byte_pairs.hpp"
#include "llm/text/json_lines.hpp"
#include "llm/text/word_split.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

Completion sample_completion() {
    Completion c;
    c.prompt_index = 7;
    c.prompt = "say \"é\"\n";
    c.completion = c.prompt + "\\ \x01 \x7f \xff 日";
    c.tokens = {5, 0, 31999};
    c.latency_s = 0.5;
    c.ttft_s = 0.25;
    c.log_probability = -1.0625;
    c.finish = "length";
    c.id = "2k_7";
    return c;
}

void completions_come_back() {
    const Folder folder;
    const std::string path = completions_path(folder.path(), 3);
    CHECK_EQ(path, folder.path() + "/completions_rank_3.jsonl");
    Result<CompletionWriter> writer = CompletionWriter::create(path, false);
    if (!CHECK(writer)) {
        return;
    }
    writer->write(sample_completion());
    CHECK(writer->finish());
    CHECK_FAILS(CompletionWriter::create(path, false), "exist already and are not overwritten");
    const Result<std::vector<Completion>> back = read_completions(path);
    if (!CHECK(back) || !CHECK_EQ(back->size(), 1U)) {
        return;
    }
    const Completion& c = back->front();
    CHECK_EQ(c.prompt_index, 7);
    CHECK_EQ(c.prompt, "say \"é\"\n");
    CHECK_EQ(c.completion, "say \"é\"\n\\ \x01 \x7f \xef\xbf\xbd 日");
    CHECK(c.tokens == sample_completion().tokens);
    CHECK_EQ(c.latency_s, 0.5);
    CHECK_EQ(c.ttft_s, 0.25);
    CHECK_EQ(c.log_probability, -1.0625);
    CHECK_EQ(c.finish, "length");
    CHECK_EQ(c.id, "2k_7");
}

void lines_are_json_whatever_they_hold() {
    Completion c;
    c.prompt = std::string("\0nul", 4);
    c.log_probability = -std::numeric_limits<double>::infinity();
    const Result<Json> json = Json::parse(completion_line(c), "line");
    if (!CHECK(json)) {
        return;
    }
    CHECK_EQ(json->number("throughput_tok_s", -1), 0);
    CHECK_EQ(json->number("log_probability", 5), 5);  // JSON has no infinity
    CHECK_EQ(json_quoted(std::string("a\0b", 3)), "\"a\\u0000b\"");
    CHECK_EQ(completion_line(c).find('\n'), std::string::npos);
}

void cut_and_foreign_files() {
    const Folder folder;
    const std::string path = folder / "c.jsonl";
    const std::string theirs =
        R"({"prompt_index": 1, "prompt": "a", "completion": "a b", "tokens_generated": 1, "latency_s": 1.5, "throughput_tok_s": 0.66})";
    CHECK(write_file(path, theirs + "\n" + theirs.substr(0, 30)));
    const Result<std::vector<Completion>> cut = read_completions(path);
    if (CHECK(cut) && CHECK_EQ(cut->size(), 1U)) {
        CHECK_EQ(cut->front().completion, "a b");
        CHECK(cut->front().tokens.empty());
    }
    CHECK(write_file(path, theirs.substr(0, 30) + "\n" + theirs + "\n"));
    CHECK_FAILS(read_completions(path), "c.jsonl, line 1 is not one JSON object");
    CHECK(write_file(path, "{\"prompt\": \"a\"}\n"));
    CHECK_FAILS(read_completions(path), "c.jsonl, line 1: prompt_index is missing");
    CHECK(write_file(path, "{\"prompt_index\": 1, \"tokens\": [1.5]}\n"));
    CHECK_FAILS(read_completions(path), "c.jsonl, line 1: tokens are whole numbers");
    CHECK_FAILS(read_completions(folder / "none"), "none");
}

void pairs_by_rank_then_from_the_left() {
    BytePairs pairs;  // tokens: 0 a, 1 b, 2 aa, 3 ab, 4 aab
    pairs.add(0, 0, 2, 1);
    pairs.add(0, 1, 3, 0);
    pairs.add(0, 3, 4, 2);
    pairs.add(0, 1, 99, 3);  // a later one of the same pair counts for nothing
    const auto merged = [&](std::vector<int> word) {
        pairs.merge(word);
        return fmt::format("{}", fmt::join(word, " "));
    };
    CHECK_EQ(merged({0, 0, 0}), "2 0");
    CHECK_EQ(merged({0, 0, 1}), "4");  // ab goes before aa
    CHECK_EQ(merged({0, 0, 0, 0, 1, 0, 1}), "2 4 3");
    CHECK_EQ(merged({1}), "1");
    CHECK_EQ(merged({}), "");
}

void bytes_have_letters() {
    std::string all, letters;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
        letters += byte_letters()[static_cast<std::size_t>(byte)];
    }
    CHECK(bytes_of_letters(letters) == all);
    CHECK_EQ(byte_letters()[' '], "Ġ");
    CHECK_EQ(byte_letters()['\n'], "Ċ");
    CHECK_EQ(bytes_of_letters("a日"), "a日");
}

void words_of(const char* kind, const char* text, const std::string& expected) {
    const Result<WordSplit> split = WordSplit::create(kind);
    if (!CHECK(split)) {
        return;
    }
    const Result<std::vector<std::string_view>> words = split->words(text);
    if (CHECK(words)) {
        CHECK_EQ(fmt::format("{}", fmt::join(*words, "|")), expected);
    }
}

void words_are_cut() {
    words_of("gpt-2", "I'll go  to 2026!", "I|'ll| go| | to| 2026|!");
    words_of("smollm", "it's 42 °", "it|'s| |4|2| °");
    words_of("llama-bpe", "I'LL 12345\n\n x", "I|'LL| |123|45|\n\n| x");
    words_of("default", "$12345!", "$|123|45|!");
    words_of("gpt-2", "", "");
    CHECK_FAILS(WordSplit::create("gpt-9"), "texts are cut into words as 'gpt-9' does");
}

CU_TestInfo kTests[] = {{"completions come back as they were written", completions_come_back},
                        {"lines are JSON whatever they hold", lines_are_json_whatever_they_hold},
                        {"files that are cut off, damaged, or another program's", cut_and_foreign_files},
                        {"pairs are merged by rank, equal ones from the left", pairs_by_rank_then_from_the_left},
                        {"each byte has a letter, and back", bytes_have_letters},
                        {"texts are cut into words", words_are_cut},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kLlmTextSuite = suite("language models: texts", kTests);

}  // namespace inferstep::test
