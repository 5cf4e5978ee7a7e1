#include "llm/stage/stage.hpp"

#include "llm/stage/cpu_stage.hpp"
#include "llm/stage/device.hpp"

namespace inferstep::llm {

int rows_of(const Batch& batch) {
    int rows = 0;
    for (const Span& span : batch) {
        rows += span.rows;
    }
    return rows;
}

int logit_rows_of(const Batch& batch) {
    int rows = 0;
    for (const Span& span : batch) {
        rows += span.no_logits ? 0 : span.all_logits ? span.rows : 1;
    }
    return rows;
}

Status Stage::copy_out(void* /*host*/, std::size_t /*bytes*/) {
    return fail("the rows of {} are in host memory already", device_name());
}

Status Stage::copy_in(const void* /*host*/, std::size_t /*bytes*/) {
    return fail("the rows of {} are in host memory already", device_name());
}

Result<std::unique_ptr<Stage>> load_stage(const ModelFiles& files, const StageOptions& options,
                                          const std::function<void(const LoadProgress&)>& progress) {
    return options.device >= 0 ? open_device_stage(files, options, progress) : load_cpu_stage(files, options, progress);
}

}  // namespace inferstep::llm
