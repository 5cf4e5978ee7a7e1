#include "sweep/resume.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/file.hpp"
#include "core/words.hpp"
#include "sweep/allocation.hpp"
#include "sweep/point_folder.hpp"

namespace inferstep::sweep {
namespace {

using Stage = PointState::Stage;

class Leftovers {
   public:
    Leftovers(std::string run, Where before, Where now, std::string job, Runner& runner)
        : run_(std::move(run)), before_(before), now_(now), job_(std::move(job)), runner_(runner) {}

    // A point that the journal does not call ended.
    Status sort(Work& work, std::size_t index, const Point& point, const PointState& state);

   private:
    std::optional<Ended> ended_meanwhile(const std::string& directory, const PointState& state) const;
    std::string run_;
    Where before_, now_;
    std::string job_;  // the allocation that we are in now
    Runner& runner_;
};

// A failure counts only where nothing else can have made it: not in an allocation that is gone.
std::optional<Ended> Leftovers::ended_meanwhile(const std::string& directory, const PointState& state) const {
    const std::optional<EndFile> end = read_end(directory);
    if (!end || was_told_to_end(end->exit_code) || !node_failure(directory).empty()) {
        return std::nullopt;
    }
    Ended ended;
    const Result<std::string> job = read_tail(directory + "/" + kJobFile, 32);
    ended.job = job ? job->substr(0, job->find('\n')) : state.job;
    if (end->exit_code != 0 && before_ == Where::kAllocation && ended.job != job_) {
        return std::nullopt;
    }
    ended.exit_code = end->exit_code;
    ended.begin = end->begin;
    ended.end = end->end;
    ended.attempt = state.attempt;
    ended.nodes = split(state.nodes, ',');
    if (end->exit_code != 0) {
        ended.state = "failed";
        ended.why = why_of(directory, end->exit_code);
    }
    return ended;
}

Status Leftovers::sort(Work& work, std::size_t index, const Point& point, const PointState& state) {
    const std::string directory = point_directory(run_, point.id);
    const bool interrupted = state.stage == Stage::kLeft && state.last.event == "interrupt";
    const bool slurms = before_ == Where::kBatch;
    if (!interrupted) {
        if (std::optional<Ended> ended = ended_meanwhile(directory, state); ended) {
            work.ended.emplace_back(index, std::move(*ended));
            return Status::ok();
        }
    }
    if (slurms == (now_ == Where::kBatch)) {
        const Result<bool> adopted = runner_.adopt(point, directory, state);
        if (!adopted) {
            return adopted.error();
        }
        // It may have ended between the two looks.
        std::optional<Ended> ended = *adopted || interrupted ? std::nullopt : ended_meanwhile(directory, state);
        if (ended) {
            work.ended.emplace_back(index, std::move(*ended));
        } else {
            (*adopted ? work.running : work.todo).push_back(index);
        }
        return Status::ok();
    }
    if (slurms ? state.stage == Stage::kBegun : script_runs(directory)) {
        return with_hint(fail("point {} may still {}", point.id,
                              slurms ? "be in Slurm's queue as job " + (state.job.empty() ? "?" : state.job)
                                     : "run where it was begun"),
                         fmt::format("go on with --where={}", word_of(before_)));
    }
    work.todo.push_back(index);
    return Status::ok();
}

bool knows(const std::vector<JournalEvent>& events, std::string_view event) {
    return std::any_of(events.begin(), events.end(), [&](const JournalEvent& e) { return e.event == event; });
}

}  // namespace

Work all_work(std::size_t points) {
    Work work;
    work.todo.resize(points);
    std::iota(work.todo.begin(), work.todo.end(), std::size_t{0});
    return work;
}

Result<Work> work_left(const std::string& run, const std::vector<Point>& points,
                       const std::vector<JournalEvent>& events, Where where, bool retry_failed, const std::string& job,
                       Runner& runner) {
    Work work;
    work.prepared = knows(events, "prepared");
    const std::optional<JournalEvent> driver = last_driver(events);
    const auto* word = std::find(std::begin(kWhereWords), std::end(kWhereWords), driver ? driver->where : "");
    const Where before = word != std::end(kWhereWords) ? static_cast<Where>(word - std::begin(kWhereWords)) : where;
    const PointStates states = states_of(events);
    Leftovers leftovers(run, before, where, job, runner);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto found = states.find(points[i].id);
        const PointState state = found != states.end() ? found->second : PointState{};
        work.attempt[i] = state.attempt;
        if (state.stage != Stage::kEnded) {
            if (Status s = leftovers.sort(work, i, points[i], state); !s) {
                return s.error();
            }
        } else if (state.last.state == "done") {
            work.done.emplace_back(i, state.last.seconds);
        } else if (retry_failed || state.last.state == "cancelled") {
            work.todo.push_back(i);
        } else {
            work.failed.push_back(i);
        }
    }
    return work;
}

Where resumed_where(Where recorded, const std::vector<Point>& points, const RunOptions& options) {
    if (options.where) {
        return *options.where;
    }
    return recorded == Where::kAllocation ? choose_where(points) : recorded;
}

}  // namespace inferstep::sweep
