// completions_rank_N.jsonl: one line for each prompt that is complete, written at once, so that nothing is lost when a
// rank dies. The first six members are those of distributed-inference's files, in their order; others follow them.
#pragma once

#include <string>
#include <vector>

#include "core/file.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

std::string completions_path(const std::string& directory, int rank);  // …/completions_rank_N.jsonl

// Completions of an earlier run, by whatever rank, would be taken for this one's. With `overwrite` they are removed,
// but for that of `rank`, which its writer replaces. Error: there are any and nothing allows to replace them.
Status clear_completions(const std::string& directory, int rank, bool overwrite);

class CompletionWriter {
   public:
    // Error: the file is there already and `overwrite` does not allow to replace it, or it cannot be made.
    static Result<CompletionWriter> create(const std::string& path, bool overwrite);
    void write(const Completion& completion);
    Status finish();  // flush to disk; the first error since create()

   private:
    explicit CompletionWriter(LineFile file) : file_(std::move(file)) {}
    LineFile file_;
};

std::string completion_line(const Completion& completion);

// All completions of a file, ours or distributed-inference's (which has no tokens), in the order of its lines. A last
// line that was cut off is passed over. Errors name file and line.
Result<std::vector<Completion>> read_completions(const std::string& path);

}  // namespace inferstep::llm
