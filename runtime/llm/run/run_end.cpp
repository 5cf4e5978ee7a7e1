// What a rank leaves behind.
#include <algorithm>
#include <cstdio>

#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "db/sacct.hpp"
#include "llm/run/run_state.hpp"

namespace inferstep::llm {
namespace {

// VmHWM of /proc/self/status, in kB there.
std::size_t memory_peak() {
    const Result<std::string> status = read_file("/proc/self/status");
    const std::size_t at = status ? status->find("VmHWM:") : std::string::npos;
    constexpr std::size_t kKilo = 1024;
    return at == std::string::npos ? 0 : std::strtoull(status->c_str() + at + 6, nullptr, 10) * kKilo;
}

}  // namespace

Json StageRun::summary() {
    facts_.wall_s = seconds_since(began_ns_);
    facts_.memory_peak_bytes = memory_peak();
    facts_.completed = completed_;
    Json json = rank_json(facts_, plan_, meters_);
    if (tokens_json_) {
        json.set("tokens", tokens_json_->copy());
    }
    if (comparison_) {
        json.set("comparison", comparison_->copy());
    }
    return json;
}

Status StageRun::finish_records(const Json& summary) {
    finished_records_ = true;
    Status s = Status::ok();
    if (times_) {
        times_->row("main()", facts_.wall_s);
        s = times_->finish();
    }
    if (completions_) {
        const Status written = completions_->finish();
        s = s ? written : s;
    }
    const Status logged = log_->finish(summary);
    return s ? logged : s;
}

Status StageRun::write_all(const std::vector<Json>& ranks) {
    const Json bundle = bundle_json(settings_, files_ ? &*files_ : nullptr, plan_, id_, ranks);
    if (Status s = write_metrics(directory_, bundle); !s) {
        return s;
    }
    write_sacct();
    const std::string text = settings_.json ? bundle.dump() + "\n" : bundle_text(bundle, directory_);
    const bool shown = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return shown ? Status::ok() : Status(fail("cannot write the summary to the standard output"));
}

// What accounting knows while the job still runs; `inferstep record` and sacct itself know more when it has ended.
void StageRun::write_sacct() const {
    if (!id_.slurm) {
        return;
    }
    const Result<std::string> table = sacct_table({id_.job});
    const std::string text =
        table ? "# asked while the step was running\n" + *table : "# " + table.error().message + "\n";
    if (Status s = write_file(fmt::format("{}/sacct_{}.txt", directory_, id_.job), text); !s) {
        log_->warning(s.error().message);
    }
}

Status StageRun::gather() {
    const Json mine = summary();
    Result<std::vector<std::string>> texts = world_->all_gather(mine.dump(false));
    if (!texts) {
        return texts.error();
    }
    std::vector<Json> ranks;
    for (const std::string& text : *texts) {
        Result<Json> rank = Json::parse(text, "a rank's summary");
        if (!rank) {
            return rank.error();
        }
        ranks.push_back(std::move(*rank));
    }
    // What differs from the reference, or was stopped, is every rank's exit code.
    for (const Json& rank : ranks) {
        const Json comparison = rank.copy_of("comparison");
        const bool differs = rank.has("comparison") && (comparison.number("identical") < comparison.number("prompts") ||
                                                        comparison.number("missing") > 0);
        exit_code_ = settings_.expect_identical && differs ? 1 : exit_code_;
    }
    if (id_.rank == 0) {
        if (Status s = write_all(ranks); !s) {
            return s;
        }
    }
    if (Status s = world_->leave(); !s) {
        return s;
    }
    return finish_records(mine);
}

// The ranks that are left write the bundle one after the other, each with what the others have left so far: the last
// one's has them all.
int StageRun::give_up(const Error& error) {
    progress_.clear();
    if (world_ != nullptr && !world_->failure()) {
        world_->abort(error);
    }
    if (log_ == nullptr) {
        print_error(error);
        return 1;
    }
    log_->error(error);
    facts_.error = error.message;
    if (completed_ > 0) {
        log_->info(fmt::format("{} of {} are complete", completed_, counted(prompts_.size(), "prompt")));
    }
    if (finished_records_) {
        return 1;
    }
    if (const Status s = finish_records(summary()); !s) {
        print_error(s.error());
    }
    constexpr double kPatience = 5;
    const std::string path = directory_ + "/metrics.json";
    const Result<FileLock> lock = FileLock::acquire(directory_ + "/.metrics.lock", kPatience);
    const Json bundle =
        bundle_json(settings_, files_ ? &*files_ : nullptr, plan_, id_, read_rank_summaries(directory_, id_));
    if (const Status s = write_metrics(directory_, bundle); !s) {
        print_error(s.error());
    }
    return 1;
}

}  // namespace inferstep::llm
