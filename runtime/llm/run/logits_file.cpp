#include "llm/run/logits_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/cpuset.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "llm/run/prompts.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

namespace {

// A file of NumPy's format, version 1.0: `shape` is the text of a tuple.
Status write_npy(const std::string& path, const char* type, const std::string& shape, std::string_view data) {
    constexpr std::size_t kAlignment = 64;
    constexpr std::size_t kBefore = 10;  // magic, version, length of the header
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
    header.resize((kBefore + header.size() + kAlignment) / kAlignment * kAlignment - kBefore, ' ');
    header.back() = '\n';
    std::string file("\x93NUMPY\x01\x00", 8);
    file += static_cast<char>(header.size() & 0xffU);
    file += static_cast<char>(header.size() >> 8U);
    file += header;
    file += data;
    return write_file(path, file);
}

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Result<std::vector<float>> logits_of(Stage& stage, const std::vector<int>& tokens, int vocab, int chunk) {
    std::vector<float> all;
    all.reserve(tokens.size() * static_cast<std::size_t>(vocab));
    for (std::size_t at = 0; at < tokens.size();) {
        const std::size_t rows = std::min(tokens.size() - at, static_cast<std::size_t>(chunk));
        const Span span{0, static_cast<int>(at), static_cast<int>(rows), true};
        if (Status status = stage.forward({span}, std::span(tokens).subspan(at, rows)); !status) {
            return status.error();
        }
        const Result<const float*> logits = stage.logits();
        if (!logits) {
            return logits.error();
        }
        all.insert(all.end(), *logits, *logits + rows * static_cast<std::size_t>(vocab));
        at += rows;
    }
    return all;
}

StageOptions options_of(const StageSettings& settings, const Shape& shape, const std::vector<Prompt>& prompts) {
    StageOptions options;
    options.range = {0, shape.layers, true, true};
    options.format = settings.format;
    CpuSet cpus;
    options.threads = settings.threads > 0 ? settings.threads : get_affinity(0, cpus) ? cpus.count() : 1;
    options.context = 1;
    for (const Prompt& prompt : prompts) {
        options.context = std::max(options.context, static_cast<int>(prompt.tokens.size()));
    }
    options.max_rows = options.max_logit_rows = std::min(settings.prefill_chunk, options.context);
    return options;
}

Status choose_isa(const std::string& name) {
    for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
        if (name == name_of(isa)) {
            return use_isa(isa);
        }
    }
    return Status::ok();
}

Status write_all(const StageSettings& settings, Stage& stage, int vocab, const std::vector<Prompt>& prompts,
                 int chunk) {
    if (Status status = make_directories(settings.logits); !status) {
        return status;
    }
    for (const Prompt& prompt : prompts) {
        const Result<std::vector<float>> logits = logits_of(stage, prompt.tokens, vocab, chunk);
        if (!logits) {
            return logits.error();
        }
        const std::string path = fmt::format("{}/prompt_{}", settings.logits, prompt.index);
        Status status =
            write_npy(path + ".tokens.npy", "<i4", fmt::format("({},)", prompt.tokens.size()), bytes_of(prompt.tokens));
        if (status) {
            status = write_npy(path + ".npy", "<f4", fmt::format("({}, {})", prompt.tokens.size(), vocab),
                               bytes_of(*logits));
        }
        if (!status) {
            return status;
        }
    }
    return Status::ok();
}

}  // namespace

Status write_logits(const StageSettings& settings) {
    if (Status status = choose_isa(settings.isa); !status) {
        return status;
    }
    const Result<ModelFiles> files = ModelFiles::open(settings.model);
    if (!files) {
        return files.error();
    }
    const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::open(*files, settings.tokenizer);
    if (!tokenizer) {
        return tokenizer.error();
    }
    const Shape& shape = files->shape();
    const Result<TokenizedPrompts> prompts = load_prompts(settings, shape, **tokenizer);
    if (!prompts) {
        return prompts.error();
    }
    const StageOptions options = options_of(settings, shape, prompts->prompts);
    const Result<std::unique_ptr<Stage>> stage = load_stage(*files, options, {});
    if (!stage) {
        return stage.error();
    }
    print_note(fmt::format("{} on {}", files->path(), (*stage)->device_name()));
    return write_all(settings, **stage, shape.vocab, prompts->prompts, options.max_rows);
}

}  // namespace inferstep::llm
