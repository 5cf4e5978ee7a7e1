// The run itself.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/text.hpp"
#include "llm/run/run_state.hpp"
#include "llm/stage/device_usage.hpp"

namespace inferstep::llm {
namespace {

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// 0: not known.
std::size_t last_level_cache() {
    const long third = sysconf(_SC_LEVEL3_CACHE_SIZE);
    const long last = third > 0 ? third : sysconf(_SC_LEVEL2_CACHE_SIZE);
    return static_cast<std::size_t>(std::max(last, 0L));
}

}  // namespace

const std::atomic<bool>& stop_requested() { return g_stop; }

void watch_for_stop() {
    struct sigaction action {};
    action.sa_handler = [](int) { g_stop = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGTERM, SIGINT}) {
        sigaction(signal, &action, nullptr);
    }
}

std::vector<Task> StageRun::tasks(bool scoring) const {
    std::vector<Task> list;
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
        Task task{prompts_[i].tokens, -1};
        if (scoring && !reference_.known[i].empty()) {
            // The row of a known token gives the next one's probability: the last one's needs no row.
            task.scored_from = static_cast<int>(task.tokens.size()) - 1;
            task.tokens.insert(task.tokens.end(), reference_.known[i].begin(), reference_.known[i].end() - 1);
        } else if (scoring) {
            task.tokens.clear();
        }
        list.push_back(std::move(task));
    }
    return list;
}

std::vector<TailPrompt> StageRun::tail_prompts() const {
    std::vector<TailPrompt> list;
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
        list.push_back({prompts_[i].index, static_cast<int>(prompts_[i].tokens.size()),
                        reference_.known.empty() ? std::vector<int>{} : reference_.known[i]});
    }
    return list;
}

Status StageRun::complete(int prompt, Completion completion) {
    const Prompt& p = prompts_[static_cast<std::size_t>(prompt)];
    std::vector<int> all = p.tokens;
    all.insert(all.end(), completion.tokens.begin(), completion.tokens.end());
    completion.prompt = p.text;
    completion.id = p.id;
    completion.completion = tokenizer_->decode(all);
    completions_->write(completion);
    log_->info(prompt_line(p.index, static_cast<int>(completion.tokens.size()), completion.latency_s));
    ++completed_;
    if (!reference_.known.empty()) {
        tokens_by_index_[p.index] = std::move(completion.tokens);
    }
    return Status::ok();
}

void StageRun::show_progress(int done, int active, const TokenTimes& tokens) {
    if (progress_.has_bar()) {
        BarState bar;
        bar.done = done;
        bar.total = static_cast<int>(prompts_.size());
        bar.running = active;
        bar.note = fmt::format("{:.1f} tokens/s", tokens.rate());
        progress_.show(bar);
    }
}

Status StageRun::lead(Engine& engine, TokenTimes& tokens) {
    SchedulerOptions options{plan_.limits.groups, plan_.limits.batch_size, settings_.prefill_chunk,
                             plan_.limits.logit_rows, settings_.kv_cache};
    Scheduler scheduler(options, tasks(false));
    Status s = engine.generate(scheduler, tokens, [&](int done, int active) { show_progress(done, active, tokens); });
    progress_.clear();
    if (s && !reference_.known.empty() && !engine.stopped()) {
        const std::int64_t began = now_ns();
        Scheduler scores(options, tasks(true));
        s = engine.score(scores);
        facts_.score_s = seconds_since(began);
    }
    return s ? engine.end() : s;
}

Status StageRun::run_engine(Engine& engine, TokenTimes& tokens) {
    const double cpu_before = cpu_seconds();
    DeviceUsage device(gpu_);
    const std::int64_t began = now_ns();
    Status s = plan_.first() ? lead(engine, tokens) : engine.follow();
    facts_.cpu_utilization =
        (cpu_seconds() - cpu_before) / std::max(seconds_since(began), 1e-9) / std::max(facts_.threads, 1);
    facts_.gpu_utilization = device.utilization();
    facts_.gpu_memory_bytes = device.memory_bytes();
    if (plan_.first()) {
        std::int64_t prompt_tokens = 0;
        for (const Prompt& prompt : prompts_) {
            prompt_tokens += static_cast<std::int64_t>(prompt.tokens.size());
        }
        tokens_json_ = tokens_json(tokens, meters_, prompt_tokens, static_cast<int>(prompts_.size()));
    }
    if (s && plan_.last() && !reference_.known.empty()) {
        const bool scored = !engine.stopped();
        comparison_ =
            comparison_json(compare(reference_, tokens_by_index_, scored ? tail_->scores() : std::vector<double>{}));
    }
    if (s && engine.stopped()) {
        exit_code_ = 1;
        if (plan_.last()) {
            log_->warning(
                fmt::format("told to stop: {} of {} are complete", completed_, counted(prompts_.size(), "prompt")));
        }
    }
    return s;
}

// After a barrier, so that stages of one machine share its memory as they did before.
void StageRun::measure_limit() {
    constexpr double kShare = 0.05;
    constexpr double kLeast = 0.01;
    constexpr double kMost = 0.5;
    facts_.read_cached = !stage_->on_device() && facts_.read_bytes < 2 * last_level_cache();
    facts_.reference_read_bytes_s = stage_->read_limit(std::clamp(meters_.run_s * kShare, kLeast, kMost));
}

Status StageRun::work() {
    if (Status s = world_->barrier(); !s) {
        return s;
    }
    watch_for_stop();
    if (!idle()) {
        if (plan_.last()) {
            TailOptions options{files_->shape(), settings_.sampling, settings_.max_new_tokens, settings_.ignore_eos};
            tail_ = std::make_unique<Tail>(std::move(options), tail_prompts(),
                                           [this](int prompt, Completion c) { return complete(prompt, std::move(c)); });
        }
        Engine engine(*stage_, edges_, plan_.limits, files_->shape().hidden, tail_.get(), meters_, stop_requested());
        TokenTimes tokens(prompts_.size(), times_ ? &*times_ : nullptr);
        if (Status s = run_engine(engine, tokens); !s) {
            return s;
        }
        log_->info(completed_line(plan_.last() ? completed_ : static_cast<int>(prompts_.size()), meters_.run_s));
    }
    if (Status s = world_->barrier(); !s) {
        return s;
    }
    if (!idle()) {
        measure_limit();
    }
    return Status::ok();
}

}  // namespace inferstep::llm
