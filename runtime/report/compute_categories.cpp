#include <algorithm>
#include <cctype>
#include <string>

#include "report/compute_breakdown.hpp"

namespace inferstep::report {

const std::vector<CategoryNames>& category_names() {
    static const std::vector<CategoryNames> table = {
        {Category::kCommunication,
         "communication",
         {"put_tensor", "get_tensor",     "unpack_tensor", "put_dataset", "get_dataset", "poll",      "send",
          "recv",       "isend",          "irecv",         "sendrecv",    "all_reduce",  "allreduce", "all_gather",
          "allgather",  "reduce_scatter", "reduce",        "broadcast",   "bcast",       "gather",    "scatter",
          "all_to_all", "alltoall",       "communication", "comm"}},
        {Category::kCompute,
         "compute",
         {"run_model", "infer", "dag", "forward", "backward", "optimizer", "step", "inference", "compute", "prefill",
          "decode_token", "training_step", "validation_step"}},
        {Category::kIo, "I/O", {"load", "read", "write", "save", "checkpoint", "open", "flush", "io", "data_loading"}},
        {Category::kPreprocess,
         "preprocess",
         {"run_script", "preprocess", "pre_process", "decode", "resize", "normalize", "augment", "tokenize",
          "transform"}},
        {Category::kBubble, "bubble", {"wait", "barrier", "bubble", "idle", "synchronize"}},
        {Category::kContainer,
         "(whole)",
         {"client", "main", "loop", "loop_time", "iteration", "epoch", "epoch_time", "total"}},
    };
    return table;
}

Category category_of(std::string_view function) {
    if (const std::size_t colon = function.rfind(':'); colon != std::string_view::npos) {
        function.remove_prefix(colon + 1);
    }
    if (function.ends_with("()")) {
        function.remove_suffix(2);
    }
    std::string name(function);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const CategoryNames& row : category_names()) {
        if (std::find(row.functions.begin(), row.functions.end(), name) != row.functions.end()) {
            return row.category;
        }
    }
    return Category::kNone;
}

}  // namespace inferstep::report
