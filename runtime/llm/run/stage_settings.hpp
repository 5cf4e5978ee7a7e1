// What `inferstep stage` was asked to do: flag before environment before configuration files. Plain values, checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm/stage/sampling.hpp"

namespace inferstep::llm {

// A setting, its value in words, and who gave it: "--batch-size", "BATCH_SIZE", "exp_config.json, line 9:
// inference.batch_size", or "default".
struct Origin {
    std::string name;
    std::string value;
    std::string where;
};

struct StageSettings {
    std::string model;       // directory or GGUF file
    std::string model_name;  // as the configuration calls it; empty: nothing does
    std::string tokenizer;   // file; empty: the model's
    std::string prompts;     // prompts.jsonl
    std::string variant;     // only prompts of this variant; empty: all
    int prompt_limit = 0;    // 0: all
    std::string output_dir = "outputs";
    bool local_debug = false;  // one process, whatever the step has
    int stages = 0;            // pipeline_size; 0: the ranks
    std::vector<int> split;    // layers of each stage; empty: balanced
    int batch_size = 1;        // sequences of one group
    int groups = 0;            // in flight; 0: the stages
    int max_new_tokens = 64;
    int prefill_chunk = 64;  // rows
    bool kv_cache = true;
    bool ignore_eos = false;
    Format format = Format::kBf16;
    SamplingOptions sampling;
    int threads = 0;              // 0: the CPUs of this rank
    std::string isa;              // empty: the best that all ranks have
    std::string device = "auto";  // auto, cpu, gpu
    std::string transport = "auto";
    double timeout_s = 60;             // for ranks to arrive and for silence
    std::string reference;             // completions.jsonl to compare with; empty: none
    bool expect_identical = false;     // a difference from the reference is a failure
    std::string logits;                // directory for the logits of the prompts; nothing is generated then
    bool overwrite = false;            // an existing completions file in output_dir is replaced
    bool explicit_output_dir = false;  // files lie directly in output_dir, not in output_dir/<job>.<step>
    bool write_per_rank = true;
    std::string profiler = "none";  // none, nsys, perf
    bool verbose = false;
    bool override_cache = false;  // make the tokenized set anew
    bool dry_run = false;
    bool json = false;
    std::vector<std::string> notes;    // "exp_config.json, line 7: …  is unknown and ignored", for the log
    std::vector<Origin> origins;       // of every setting that was given, for --dry-run and the records
    std::vector<std::string> command;  // as typed
};

struct Prompt {
    int index = 0;  // in the file, from 0
    int line = 0;   // of the file, from 1
    std::string id;
    std::string variant;
    std::string text;
    std::vector<int> tokens;
};

// One line of completions_rank_N.jsonl.
struct Completion {
    int prompt_index = 0;
    std::string prompt;
    std::string completion;   // with the prompt
    std::vector<int> tokens;  // generated ones
    double latency_s = 0;
    double ttft_s = 0;
    double log_probability = 0;  // sum over the generated tokens
    std::string finish;          // "eos", "length", "context"
    std::string id;              // the prompt's, if it has one
};

}  // namespace inferstep::llm
