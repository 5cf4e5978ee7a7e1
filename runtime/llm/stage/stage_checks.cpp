#include "llm/stage/stage_checks.hpp"

#include "core/text.hpp"

namespace inferstep::llm {

Status check_options(const Shape& shape, const StageOptions& options) {
    const LayerRange& range = options.range;
    if (range.first < 0 || range.first >= range.last || range.last > shape.layers) {
        return fail("layers {} to {} are none of a model of {}", range.first, range.last - 1,
                    counted(shape.layers, "layer"));
    }
    if (options.context > shape.context) {
        return fail("{} positions are more than the model's context of {}", options.context, shape.context);
    }
    if (options.threads < 1 || options.max_rows < 1 || options.max_logit_rows < 1) {
        return fail("a stage needs a thread, a row and a row of logits, not {}, {} and {}", options.threads,
                    options.max_rows, options.max_logit_rows);
    }
    return Status::ok();
}

Status check_batch(const Batch& batch, std::span<const int> tokens, const Shape& shape, const StageOptions& options) {
    std::int64_t rows = 0;
    for (const Span& span : batch) {
        if (span.slot < 0 || span.slot >= options.slots || span.rows < 0 || span.position < 0 ||
            span.position > options.context - span.rows) {
            return fail("{} at position {} of slot {} lie outside of {} slots of {} positions",
                        counted(span.rows, "row"), span.position, span.slot, options.slots, options.context);
        }
        rows += span.rows;
    }
    if (rows > options.max_rows || logit_rows_of(batch) > options.max_logit_rows) {
        return fail("a batch of {} rows and {} rows of logits is larger than the {} and {} that the stage was made for",
                    rows, logit_rows_of(batch), options.max_rows, options.max_logit_rows);
    }
    if (options.range.embedding && tokens.size() != static_cast<std::size_t>(rows)) {
        return fail("{} tokens are given for {} rows", tokens.size(), rows);
    }
    for (const int token : options.range.embedding ? tokens : std::span<const int>()) {
        if (token < 0 || token >= shape.vocab) {
            return fail("token {} is none of a vocabulary of {}", token, shape.vocab);
        }
    }
    return Status::ok();
}

}  // namespace inferstep::llm
