// One rank's run from joining to leaving, step by step; run.cpp calls the steps in their order.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "core/progress.hpp"
#include "core/rank_times.hpp"
#include "core/step.hpp"
#include "llm/files/model_files.hpp"
#include "llm/run/bundle.hpp"
#include "llm/run/compare.hpp"
#include "llm/run/completions.hpp"
#include "llm/run/engine.hpp"
#include "llm/run/rank_log.hpp"
#include "llm/run/run_plan.hpp"
#include "llm/run/stage_settings.hpp"
#include "llm/text/tokenizer.hpp"

namespace inferstep::llm {

class StageRun {
   public:
    StageRun(const StageSettings& settings, StepIdentity id) : settings_(settings), id_(std::move(id)) {}

    Status join();
    Status open_records();  // the log; what fails from here on is told there
    Status all_begun();     // or the reason of the rank that has not
    Status prepare();       // model headers, prompts, the reference, the plan; agree with the others
    Status load();
    Status connect();
    Status work();
    Status gather();  // all ranks' summaries; the bundle, and what rank 0 shows
    // The run has failed: tell the others, and leave the records as complete as they can be. Returns the exit code.
    int give_up(const Error& error);

    bool idle() const { return plan_.stage < 0; }
    int exit_code() const { return exit_code_; }

   private:
    // run_open.cpp
    Status read_inputs();
    void warn_of_few_prompts();
    Status open_completions();
    void log_start();
    int thread_count() const;
    std::string place_text() const;
    // run_load.cpp
    StageOptions stage_options() const;
    Status load_weights();
    Status warm_up();
    Status connect_edge(int from, bool device);
    Result<std::vector<bool>> devices();
    // run_work.cpp
    Status run_engine(Engine& engine, TokenTimes& tokens);
    Status lead(Engine& engine, TokenTimes& tokens);
    Status complete(int prompt, Completion completion);
    std::vector<Task> tasks(bool scoring) const;
    std::vector<TailPrompt> tail_prompts() const;
    void show_progress(int done, int active, const TokenTimes& tokens);
    void measure_limit();
    // run_end.cpp
    Json summary();
    Status write_all(const std::vector<Json>& ranks);
    Status finish_records(const Json& summary);
    void write_sacct() const;

    const StageSettings& settings_;
    StepIdentity id_;
    const std::int64_t began_ns_ = now_ns();
    std::string directory_;
    std::unique_ptr<RankLog> log_;
    std::optional<RankTimes> times_;
    std::optional<CompletionWriter> completions_;
    std::unique_ptr<comm::World> world_;
    std::optional<ModelFiles> files_;
    std::unique_ptr<Tokenizer> tokenizer_;
    std::vector<Prompt> prompts_;
    Reference reference_;
    RunPlan plan_;
    RankFacts facts_;
    Meters meters_;
    int gpu_ = -1;
    std::unique_ptr<Stage> stage_;
    std::vector<std::unique_ptr<comm::Link>> links_;
    Edges edges_;
    std::unique_ptr<Tail> tail_;
    std::map<int, std::vector<int>> tokens_by_index_;  // of the last stage: for the comparison
    std::optional<Json> tokens_json_;                  // of the first stage
    std::optional<Json> comparison_;                   // of the last
    Progress progress_;
    int completed_ = 0;
    int exit_code_ = 0;
    bool finished_records_ = false;
};

// True once SIGTERM or SIGINT came after watch_for_stop(); the second one ends the process.
const std::atomic<bool>& stop_requested();
void watch_for_stop();

}  // namespace inferstep::llm
