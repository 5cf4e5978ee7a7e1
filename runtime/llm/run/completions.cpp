#include "llm/run/completions.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/text.hpp"
#include "llm/text/json_lines.hpp"

namespace inferstep::llm {
namespace {

// JSON has no infinities.
std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

Error there_already(const std::string& path) {
    return with_hint(fail("the completions {} exist already and are not overwritten", path),
                     "--output-dir names another place, --overwrite replaces them");
}

bool is_completions(std::string_view name) {
    constexpr std::string_view kBegin = "completions_rank_";
    constexpr std::string_view kEnd = ".jsonl";
    return name.starts_with(kBegin) && name.ends_with(kEnd) && name.size() > kBegin.size() + kEnd.size() &&
           all_digits(name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size()));
}

bool whole(double value, double high) { return value >= 0 && value <= high && value == std::floor(value); }

Result<Completion> read_completion(const JsonLine& line) {
    constexpr double kMost = std::numeric_limits<int>::max();
    Completion c;
    const double index = line.value.number("prompt_index", -1);
    if (!whole(index, kMost)) {
        return fail("{}: prompt_index is missing, or no whole number", line.label);
    }
    c.prompt_index = static_cast<int>(index);
    c.prompt = line.value.text("prompt");
    c.completion = line.value.text("completion");
    c.latency_s = line.value.number("latency_s");
    c.ttft_s = line.value.number("ttft_s");
    c.log_probability = line.value.number("log_probability");
    c.finish = line.value.text("finish");
    c.id = line.value.text("id");
    for (const Json& token : line.value.copy_of("tokens").items()) {
        const double id = token.as_number();
        if (!whole(id, kMost)) {
            return fail("{}: tokens are whole numbers", line.label);
        }
        c.tokens.push_back(static_cast<int>(id));
    }
    return c;
}

}  // namespace

std::string completions_path(const std::string& directory, int rank) {
    return fmt::format("{}/completions_rank_{}.jsonl", directory, rank);
}

Status clear_completions(const std::string& directory, int rank, bool overwrite) {
    const std::string own = completions_path(directory, rank);
    std::vector<std::string> found;
    std::error_code code;
    for (std::filesystem::directory_iterator i(directory, code), end; !code && i != end; i.increment(code)) {
        if (is_completions(i->path().filename().string())) {
            found.push_back(i->path().string());
        }
    }
    if (!overwrite && !found.empty()) {
        return there_already(*std::min_element(found.begin(), found.end()));
    }
    for (const std::string& path : found) {
        if (path != own && !std::filesystem::remove(path, code) && code) {
            return fail("cannot remove {}, of an earlier run: {}", path, code.message());
        }
    }
    return Status::ok();
}

Result<CompletionWriter> CompletionWriter::create(const std::string& path, bool overwrite) {
    if (!overwrite && exists(path)) {
        return there_already(path);
    }
    Result<LineFile> file = LineFile::create(path);
    if (!file) {
        return file.error();
    }
    return CompletionWriter(std::move(*file));
}

void CompletionWriter::write(const Completion& completion) { file_.line(completion_line(completion)); }

Status CompletionWriter::finish() { return file_.finish(); }

std::string completion_line(const Completion& c) {
    const double tokens = static_cast<double>(c.tokens.size());
    return fmt::format(
        R"({{"prompt_index": {}, "prompt": {}, "completion": {}, "tokens_generated": {}, "latency_s": {:.6f}, )"
        R"("throughput_tok_s": {:.4f}, "id": {}, "tokens": [{}], "ttft_s": {:.6f}, "finish": {}, )"
        R"("log_probability": {}}})",
        c.prompt_index, json_quoted(c.prompt), json_quoted(c.completion), c.tokens.size(), c.latency_s,
        tokens / std::max(c.latency_s, 1e-6), json_quoted(c.id), fmt::join(c.tokens, ", "), c.ttft_s,
        json_quoted(c.finish), number(c.log_probability));
}

Result<std::vector<Completion>> read_completions(const std::string& path) {
    const Result<std::vector<JsonLine>> lines = read_json_lines(path, true);
    if (!lines) {
        return lines.error();
    }
    std::vector<Completion> completions;
    for (const JsonLine& line : *lines) {
        Result<Completion> completion = read_completion(line);
        if (!completion) {
            return completion.error();
        }
        completions.push_back(std::move(*completion));
    }
    return completions;
}

}  // namespace inferstep::llm
