// What a rank does before it loads anything.
#include <algorithm>
#include <cstdlib>

#include "core/cpulist.hpp"
#include "core/cpuset.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "llm/run/agree.hpp"
#include "llm/run/profiler.hpp"
#include "llm/run/prompts.hpp"
#include "llm/run/run_state.hpp"

namespace inferstep::llm {

Status StageRun::open_records() {
    directory_ = record_directory(settings_, id_);
    if (Status s = make_directories(directory_); !s) {
        return s;
    }
    Result<std::unique_ptr<RankLog>> log = RankLog::open(rank_path(directory_, id_.rank, "log"), id_.rank);
    if (!log) {
        return log.error();
    }
    log_ = std::move(*log);
    facts_.id = id_;
    log_start();
    return Status::ok();
}

void StageRun::log_start() {
    std::string command;
    for (const std::string& word : settings_.command) {
        command += (command.empty() ? "" : " ") + word;
    }
    CpuSet mask;
    get_affinity(0, mask);
    log_->info("Command: " + command);
    log_->info(fmt::format("Step {}, node {}, CPUs {}", step_name(id_), id_.node, cpu_list(mask)));
    if (id_.rank > 0) {  // rank 0's have been on the terminal
        return;
    }
    for (const std::string& note : settings_.notes) {
        log_->info(note);
    }
}

Status StageRun::join() {
    comm::WorldOptions options;
    options.join_timeout_s = settings_.timeout_s;
    options.silence_timeout_s = settings_.timeout_s;
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id_, options);
    if (!world) {
        return world.error();
    }
    world_ = std::move(*world);
    return Status::ok();
}

Status StageRun::all_begun() {
    log_->info(started_line(id_.rank, id_.ranks));
    return world_->barrier();
}

Status StageRun::read_inputs() {
    const std::int64_t began = now_ns();
    Result<ModelFiles> files = ModelFiles::open(settings_.model);
    if (!files) {
        return files.error();
    }
    files_.emplace(std::move(*files));
    if (const std::string note = precision_note(settings_, *files_); id_.rank == 0 && !note.empty()) {
        log_->warning(note);
    }
    facts_.io_s += seconds_since(began);
    const std::int64_t prompts_began = now_ns();
    Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::open(*files_, settings_.tokenizer);
    if (!tokenizer) {
        return tokenizer.error();
    }
    tokenizer_ = std::move(*tokenizer);
    Result<TokenizedPrompts> prompts = load_prompts(settings_, files_->shape(), *tokenizer_);
    if (!prompts) {
        return prompts.error();
    }
    prompts_ = std::move(prompts->prompts);
    facts_.preprocess_s = seconds_since(prompts_began);
    log_->info(fmt::format("{} {} in {:.3f}s", counted(prompts_.size(), "prompt"),
                           prompts->from_cache ? "taken from the tokenized set" : "tokenized", facts_.preprocess_s));
    warn_of_few_prompts();
    if (settings_.reference.empty()) {
        return Status::ok();
    }
    Result<Reference> reference = read_reference(settings_.reference, prompts_, *tokenizer_, files_->shape().context);
    if (!reference) {
        return reference.error();
    }
    reference_ = std::move(*reference);
    return Status::ok();
}

// One rank speaks for all, who read the same.
void StageRun::warn_of_few_prompts() {
    if (id_.rank == 0 && static_cast<std::size_t>(settings_.prompt_limit) > prompts_.size()) {
        log_->warning(fmt::format("{} are asked for, and {} has {}{}", counted(settings_.prompt_limit, "prompt"),
                                  settings_.prompts, prompts_.size(),
                                  settings_.variant.empty() ? "" : " of variant " + settings_.variant));
    }
}

Status StageRun::prepare() {
    if (Status s = read_inputs(); !s) {
        return s;
    }
    Isa best = best_isa();
    if (settings_.isa == name_of(Isa::kPortable) || settings_.isa == name_of(Isa::kAvx2)) {
        best = std::min(best, settings_.isa == name_of(Isa::kAvx2) ? Isa::kAvx2 : Isa::kPortable);
    }
    const Result<Isa> isa = agree(*world_, claims_of(settings_, files_->shape(), prompts_), best);
    if (!isa) {
        return isa.error();
    }
    if (settings_.isa == name_of(Isa::kAvx512) && *isa != Isa::kAvx512) {
        return fail("--isa=avx512 is asked for, and not all ranks' CPUs have it");
    }
    if (Status s = use_isa(*isa); !s) {
        return s;
    }
    facts_.isa = name_of(*isa);
    Result<RunPlan> plan = plan_run(settings_, files_->shape(), prompts_, reference_, id_.rank, id_.ranks);
    if (!plan) {
        return plan.error();
    }
    plan_ = std::move(*plan);
    if (idle()) {
        log_->info(fmt::format("Idle: {} and {}", counted(plan_.stages, "stage"), counted(id_.ranks, "rank")));
    }
    if (id_.rank == 0) {  // before any other rank writes
        if (Status s = clear_completions(directory_, plan_.stages - 1, settings_.overwrite); !s) {
            return s;
        }
    }
    Status s = world_->barrier();
    return s ? open_completions() : s;
}

Status StageRun::open_completions() {
    if (idle()) {
        return Status::ok();
    }
    if (plan_.last()) {
        Result<CompletionWriter> writer =
            CompletionWriter::create(completions_path(directory_, id_.rank), settings_.overwrite);
        if (!writer) {
            return writer.error();
        }
        completions_.emplace(std::move(*writer));
    }
    Result<RankTimes> times = RankTimes::create(directory_, id_.rank);
    if (!times) {
        return times.error();
    }
    times_.emplace(std::move(*times));
    meters_.times = &*times_;
    return Status::ok();
}

// Tasks of one node have the node's CPUs together where nothing bound them to their own.
int StageRun::thread_count() const {
    if (settings_.threads > 0) {
        return settings_.threads;
    }
    CpuSet mask;
    const int cpus = get_affinity(0, mask) ? mask.count() : 1;
    const char* own = std::getenv("SLURM_CPUS_PER_TASK");
    if (own != nullptr && all_digits(own)) {
        return std::clamp(std::atoi(own), 1, std::max(cpus, 1));
    }
    return std::max(cpus / std::max(id_.local_ranks, 1), 1);
}

}  // namespace inferstep::llm
