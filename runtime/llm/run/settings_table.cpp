#include "llm/run/settings_table.hpp"

#include <cstdlib>
#include <limits>

#include "core/words.hpp"

namespace inferstep::llm {
namespace {

using Settings = StageSettings;
using Words = std::vector<std::string_view>;

Status read_number(const std::string& label, const std::string& text, long low, long high, long& value) {
    const Result<long> number = parse_number(label, text, low, high);
    if (!number) {
        return number.error();
    }
    value = *number;
    return Status::ok();
}

Status read_real(const std::string& label, const std::string& text, double low, double high, double& value) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(number >= low && number <= high)) {
        return fail("{}: '{}' is no number between {} and {}", label, text, low, high);
    }
    value = number;
    return Status::ok();
}

Status read_flag(const std::string& label, const std::string& text, bool& value) {
    const Result<std::size_t> choice =
        parse_choice(label, text, {"true", "false", "True", "False", "yes", "no", "on", "off", "1", "0"});
    if (!choice) {
        return choice.error();
    }
    constexpr bool kValues[] = {true, false, true, false, true, false, true, false, true, false};
    value = kValues[*choice];
    return Status::ok();
}

// --- One function makes the table's functions for each kind of member.

template <std::string Settings::*member>
Status text(const std::string& label, const std::string& given, Settings& s) {
    if (given.empty()) {
        return fail("{} is empty", label);
    }
    s.*member = given;
    return Status::ok();
}
template <std::string Settings::*member>
std::string show_text(const Settings& s) {
    return s.*member;
}

template <auto member, long low, long high>
Status number(const std::string& label, const std::string& given, Settings& s) {
    long value = 0;
    Status right = read_number(label, given, low, high, value);
    if (right) {
        s.*member = static_cast<int>(value);
    }
    return right;
}
template <auto member>
std::string show_number(const Settings& s) {
    return fmt::format("{}", s.*member);
}

template <bool Settings::*member>
Status flag(const std::string& label, const std::string& given, Settings& s) {
    return read_flag(label, given, s.*member);
}
template <bool Settings::*member>
std::string show_flag(const Settings& s) {
    return s.*member ? "yes" : "no";
}

Status choose(const std::string& label, const std::string& given, const Words& words, std::string& value) {
    const Result<std::size_t> choice = parse_choice(label, given, words);
    if (!choice) {
        return choice.error();
    }
    value = words[*choice];
    return Status::ok();
}

// --- What is not one of these kinds.

Status read_split(const std::string& label, const std::string& given, Settings& s) {
    s.split.clear();
    for (const std::string& part : split(given, ',')) {
        long layers = 0;
        if (Status right = read_number(label, part, 1, 100'000, layers); !right) {
            return right;
        }
        s.split.push_back(static_cast<int>(layers));
    }
    return s.split.empty() ? Status(fail("{} is empty; the layers of each stage are right, such as 13,13", label))
                           : Status::ok();
}

Status read_precision(const std::string& label, const std::string& given, Settings& s) {
    const Words words = {"bf16", "int8",    "int4", "bfloat16", "fp16", "float16",
                         "half", "float32", "fp32", "float",    "auto"};
    const Result<std::size_t> choice = parse_choice(label, given, words);
    if (!choice) {
        return choice.error();
    }
    s.format = *choice == 1 ? Format::kInt8 : *choice == 2 ? Format::kInt4 : Format::kBf16;
    if (*choice > 3) {
        s.notes.push_back(
            fmt::format("{}: {} means bf16 here, in which weights of 16 and 32 bits are kept", label, given));
    }
    return Status::ok();
}

Status read_seed(const std::string& label, const std::string& given, Settings& s) {
    long seed = 0;
    Status right = read_number(label, given, 0, std::numeric_limits<long>::max(), seed);
    s.sampling.seed = static_cast<std::uint64_t>(seed);
    return right;
}

Status read_top_p(const std::string& label, const std::string& given, Settings& s) {
    Status right = read_real(label, given, 0, 1, s.sampling.top_p);
    return right && s.sampling.top_p == 0 ? Status(fail("{}: a number above 0 and up to 1 is right", label)) : right;
}

Status read_output_dir(const std::string& label, const std::string& given, Settings& s) {
    s.explicit_output_dir = true;
    return text<&Settings::output_dir>(label, given, s);
}

Status read_profiler(const std::string& label, const std::string& given, Settings& s) {
    return choose(label, given, {"none", "nsys", "perf"}, s.profiler);
}

Status read_isa(const std::string& label, const std::string& given, Settings& s) {
    Status right = choose(label, given, {"auto", "portable", "avx2", "avx512"}, s.isa);
    s.isa = s.isa == "auto" ? "" : s.isa;
    return right;
}

std::string or_auto(long value) { return value == 0 ? "auto" : std::to_string(value); }

constexpr Setting kSettings[] = {
    {"model", "PATH", "Hugging Face directory or GGUF file", nullptr, "model.model_path", nullptr,
     text<&Settings::model>, show_text<&Settings::model>},
    {"model-name", nullptr, nullptr, nullptr, "model.model_name", nullptr, text<&Settings::model_name>,
     show_text<&Settings::model_name>},
    {"tokenizer", "PATH", "tokenizer.model, or a directory with one (default: the model's)", nullptr,
     "model.tokenizer_path", nullptr, text<&Settings::tokenizer>, show_text<&Settings::tokenizer>},
    {"precision", "bf16|int8|int4", "of the weights in memory (default bf16)", nullptr, "model.precision", nullptr,
     read_precision,
     [](const Settings& s) -> std::string {
         return s.format == Format::kInt8 ? "int8" : s.format == Format::kInt4 ? "int4" : "bf16";
     }},
    {"prompts", "FILE", "prompts.jsonl", nullptr, "inputs.prompt_path", nullptr, text<&Settings::prompts>,
     show_text<&Settings::prompts>},
    {"variant", "NAME", "only prompts of this variant, such as 2k or 4k", nullptr, "inputs.variant", nullptr,
     text<&Settings::variant>, [](const Settings& s) { return s.variant.empty() ? "all" : s.variant; }},
    {"limit,prompt-limit", "N", "only the first N prompts (default: all)", "PROMPT_LIMIT", "inputs.prompt_limit",
     nullptr, number<&Settings::prompt_limit, 0, 1'000'000'000>,
     [](const Settings& s) { return s.prompt_limit == 0 ? "all" : std::to_string(s.prompt_limit); }},
    {"override,!no-override", nullptr, "make the tokenized set of the prompts anew", nullptr, nullptr, nullptr,
     flag<&Settings::override_cache>, show_flag<&Settings::override_cache>},
    {"max-new-tokens", "N", "tokens to generate for each prompt, at most (default 64)", nullptr,
     "inference.max_new_tokens", nullptr, number<&Settings::max_new_tokens, 1, 10'000'000>,
     show_number<&Settings::max_new_tokens>},
    {"ignore-eos", nullptr, "go on behind the end of a text", nullptr, "inference.ignore_eos", nullptr,
     flag<&Settings::ignore_eos>, show_flag<&Settings::ignore_eos>},
    {"temperature", "X", "of sampling; 0 takes the likeliest token (default)", nullptr, "inference.temperature",
     nullptr,
     [](const std::string& l, const std::string& t, Settings& s) {
         return read_real(l, t, 0, 1000, s.sampling.temperature);
     },
     [](const Settings& s) { return fmt::format("{}", s.sampling.temperature); }},
    {"top-p", "P", "sample from the likeliest tokens that have this probability together (default 1)", nullptr,
     "inference.top_p", nullptr, read_top_p, [](const Settings& s) { return fmt::format("{}", s.sampling.top_p); }},
    {"seed", "N", "of sampling (default 42)", nullptr, "seed,inference.seed", nullptr, read_seed,
     [](const Settings& s) { return fmt::format("{}", s.sampling.seed); }},
    {"local-debug", nullptr, "one process with the whole model: the reference", nullptr, nullptr, nullptr,
     flag<&Settings::local_debug>, show_flag<&Settings::local_debug>},
    {"pipeline-size", "P", "stages (default: the ranks)", "PIPELINE_SIZE,NUM_NODES",
     "parallelism.pipeline_parallel_size", "distributed_training.pipeline_parallel_size",
     number<&Settings::stages, 0, 100'000>, [](const Settings& s) { return or_auto(s.stages); }},
    {"split", "N,N", "layers of each stage (default: balanced)", nullptr, "parallelism.split", nullptr, read_split,
     [](const Settings& s) {
         return s.split.empty() ? std::string("balanced") : fmt::format("{}", fmt::join(s.split, ","));
     }},
    {"batch-size", "N", "sequences of one group (default 1)", "BATCH_SIZE", "inference.batch_size", nullptr,
     number<&Settings::batch_size, 1, 65'536>, show_number<&Settings::batch_size>},
    {"groups", "M", "groups of sequences in flight (default: the stages)", nullptr, "parallelism.groups", nullptr,
     number<&Settings::groups, 0, 65'536>, [](const Settings& s) { return or_auto(s.groups); }},
    {"prefill-chunk", "N", "rows of a prompt that a stage takes at once (default 64)", nullptr,
     "inference.prefill_chunk", nullptr, number<&Settings::prefill_chunk, 1, 65'536>,
     show_number<&Settings::prefill_chunk>},
    {"kv-cache,!no-kv-cache", nullptr, "keep keys and values (default), or compute them anew for each token", nullptr,
     "inference.kv_cache", nullptr, flag<&Settings::kv_cache>, show_flag<&Settings::kv_cache>},
    {"transport", "auto|shm|tcp|ucx|nccl", "between stages (default auto)", nullptr, "parallelism.transport", nullptr,
     [](const std::string& l, const std::string& t, Settings& s) {
         return choose(l, t, {"auto", "shm", "tcp", "ucx", "nccl"}, s.transport);
     },
     show_text<&Settings::transport>},
    {"timeout", "SECONDS", "for ranks to arrive, and for a silent one (default 60)", nullptr, "parallelism.timeout",
     nullptr,
     [](const std::string& l, const std::string& t, Settings& s) { return read_real(l, t, 0.1, 86'400, s.timeout_s); },
     [](const Settings& s) { return fmt::format("{}", s.timeout_s); }},
    {"device", "auto|cpu|gpu", "where the stages run (default auto)", nullptr, "inference.device", nullptr,
     [](const std::string& l, const std::string& t, Settings& s) {
         return choose(l, t, {"auto", "cpu", "gpu"}, s.device);
     },
     show_text<&Settings::device>},
    {"threads", "N", "of a stage on CPUs (default: the rank's CPUs)", nullptr, "inference.threads", nullptr,
     number<&Settings::threads, 0, 4096>, [](const Settings& s) { return or_auto(s.threads); }},
    {"isa", "auto|portable|avx2|avx512", "kernels of the CPUs (default: the best that all ranks have)", nullptr,
     "inference.isa", nullptr, read_isa, [](const Settings& s) { return s.isa.empty() ? "auto" : s.isa; }},
    {"output-dir", "DIR", "where the records go (default: outputs/JOB.STEP)", "OUTPUT_DIR", "outputs.output_dir",
     nullptr, read_output_dir,
     [](const Settings& s) { return s.output_dir + (s.explicit_output_dir ? "" : "/JOB.STEP"); }},
    {"overwrite", nullptr, "replace completions that are there", nullptr, nullptr, nullptr, flag<&Settings::overwrite>,
     show_flag<&Settings::overwrite>},
    {"write-per-rank", nullptr, nullptr, nullptr, "outputs.write_per_rank", nullptr, flag<&Settings::write_per_rank>,
     show_flag<&Settings::write_per_rank>},
    {"reference", "FILE", "completions to compare with, such as those of --local-debug", nullptr, nullptr, nullptr,
     text<&Settings::reference>, [](const Settings& s) { return s.reference.empty() ? "none" : s.reference; }},
    {"expect-identical", nullptr, "a difference from the reference is a failure", nullptr, nullptr, nullptr,
     flag<&Settings::expect_identical>, show_flag<&Settings::expect_identical>},
    {"logits", "DIR", "write the logits of every position of the prompts, and generate nothing", nullptr, nullptr,
     nullptr, text<&Settings::logits>, [](const Settings& s) { return s.logits.empty() ? "none" : s.logits; }},
    {"profiler", "none|nsys|perf", "run each rank under it (default none)", "PROFILER", nullptr, nullptr, read_profiler,
     show_text<&Settings::profiler>},
    {"dry-run", nullptr, "print settings, stages and memory, and run nothing", nullptr, nullptr, nullptr,
     flag<&Settings::dry_run>, show_flag<&Settings::dry_run>},
    {"json", nullptr, "print the summary as JSON", nullptr, nullptr, nullptr, flag<&Settings::json>,
     show_flag<&Settings::json>},
    {"verbose", nullptr, "say what is going on", nullptr, nullptr, nullptr, flag<&Settings::verbose>,
     show_flag<&Settings::verbose>},
};

}  // namespace

std::span<const Setting> stage_settings() { return kSettings; }

std::string name_of(const Setting& setting) { return split(setting.options, ',').front(); }

}  // namespace inferstep::llm
