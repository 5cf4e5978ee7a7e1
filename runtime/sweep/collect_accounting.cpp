// The accounting of a whole run at once, when it ends.
#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "core/words.hpp"
#include "db/sacct.hpp"
#include "sweep/collect.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/tree.hpp"
#include "sweep/where.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kAtOnce = 100;  // jobs in one call
constexpr int kWaitMs = 10'000;       // in all, until the last steps are final
constexpr std::size_t kLargest = std::size_t{256} << 20;

// A point whose accounting is not there yet.
struct Wanted {
    std::string directory;
    std::string id;
    std::string job;
    std::vector<std::string> steps;  // as its records name them
    bool own_job;                    // the job is the point's, and ends with it
    Json json;
};

Result<Json> read_json(const std::string& path) {
    const Result<std::string> text = read_tail(path, kLargest);
    return text ? Json::parse(*text, path) : Result<Json>(text.error());
}

// The job of a step that Slurm runs: "12" of "12.0", nothing of "local.7".
std::string job_of(const std::string& step) {
    const std::string job = step.substr(0, step.find('.'));
    return !job.empty() && std::all_of(job.begin(), job.end(), [](char c) { return c >= '0' && c <= '9'; })
               ? job
               : std::string();
}

// A point.json that cannot be read is left alone: whoever reports it says so.
std::vector<Wanted> wanted_points(const std::string& run) {
    std::vector<Wanted> wanted;
    const Result<Json> sweep = read_json(run + "/" + kSweepFile);
    const bool own_jobs = sweep && sweep->text("where") == word_of(Where::kBatch);
    for (const std::string& file : matching_files(run, std::string(kPointsDir) + "/*/" + kPointFile)) {
        Result<Json> json = read_json(fmt::format("{}/{}", run, file));
        if (!json || json->text("schema") != kPointSchema || !json->text("sacct").empty()) {
            continue;
        }
        const Json slurm = json->copy_of("slurm");
        const std::string job = slurm.text("job");
        if (job.empty() || job_of(job) != job) {
            continue;
        }
        std::vector<std::string> steps;
        for (const Json& step : slurm.copy_of("steps").items()) {
            steps.push_back(step.as_text());
        }
        const std::string directory = run + "/" + file.substr(0, file.rfind('/'));
        wanted.push_back({directory, json->text("id"), job, steps, own_jobs, std::move(*json)});
    }
    return wanted;
}

// The point's job, and those of its steps elsewhere: a database may be a job of its own.
std::vector<std::string> jobs_of(const Wanted& point) {
    std::vector<std::string> jobs = {point.job};
    for (const std::string& step : point.steps) {
        const std::string job = job_of(step);
        if (!job.empty() && std::find(jobs.begin(), jobs.end(), job) == jobs.end()) {
            jobs.push_back(job);
        }
    }
    return jobs;
}

// Its steps as the records and the accounting name them, the point's own last.
std::vector<std::string> steps_of(const Wanted& point, const std::string& table) {
    std::vector<std::string> steps = point.steps;
    for (const std::string& step : steps_called(table, point.job, point.id)) {
        if (std::find(steps.begin(), steps.end(), step) == steps.end()) {
            steps.push_back(step);
        }
    }
    return steps;
}

bool is_final(const Wanted& point, const std::string& table, const Gatherer& gatherer) {
    const std::vector<std::string> steps = steps_of(point, table);
    // The first that accounting hears of a step may come after its end.
    if (steps.empty() && point.json.text("state") == "done" && !point.json.copy_of("command").items().empty()) {
        return false;
    }
    return (!point.own_job || has_ended(table, point.job)) &&
           std::all_of(steps.begin(), steps.end(), [&](const std::string& step) {
               return job_of(step).empty() || inferstep::is_final(table, step, gatherer);
           });
}

struct Answer {
    std::string table;
    std::string why;  // there is none, or it is not final
};

Answer ask(const std::vector<const Wanted*>& points, const Gatherer& gatherer, std::int64_t end) {
    std::vector<std::string> jobs;
    for (const Wanted* point : points) {
        const std::vector<std::string> of_point = jobs_of(*point);
        jobs.insert(jobs.end(), of_point.begin(), of_point.end());
    }
    std::sort(jobs.begin(), jobs.end());
    jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
    for (int pause = 100;; pause = std::min(2 * pause, 1000)) {
        Result<std::string> table = sacct_table(jobs);
        if (!table) {
            return {"", "no accounting: " + table.error().message};
        }
        if (std::all_of(points.begin(), points.end(),
                        [&](const Wanted* point) { return is_final(*point, *table, gatherer); })) {
            return {std::move(*table), ""};
        }
        if (now_ms() + pause > end) {
            return {std::move(*table), "the record was not final when the sweep ended"};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    }
}

// The lines of its jobs themselves and of the point's steps; all of the job's when the job is the point's alone.
std::string lines_of(const Wanted& point, const std::vector<std::string>& steps, const std::string& table, bool alone) {
    const std::vector<std::string> jobs = jobs_of(point);
    std::string text;
    for (const std::string& line : split(table, '\n')) {
        const std::string name = line.substr(0, line.find('|'));
        const bool mine = std::find(jobs.begin(), jobs.end(), name) != jobs.end() ||
                          std::find(steps.begin(), steps.end(), name) != steps.end() ||
                          (alone && name.starts_with(point.job + "."));
        text += text.empty() || mine ? line + "\n" : "";  // the first is the header
    }
    return text;
}

Status write_point(const Wanted& point, const std::vector<std::string>& steps, const std::string& file,
                   const std::string& why) {
    Json json = Json::object();
    for (const std::string& key : point.json.keys()) {
        if (key == "slurm") {
            const Json before = point.json.copy_of("slurm");
            Json slurm = Json::object();
            slurm.set("job", point.job).set("steps", Json::list(steps)).set("nodelist", before.text("nodelist"));
            json.set("slurm", std::move(slurm));
        } else if (key == "sacct") {
            json.set("sacct", file);
        } else if (key == "sacct_why") {
            json.set("sacct_why", why);
        } else {
            json.set(key.c_str(), point.json.copy_of(key.c_str()));
        }
    }
    return write_file(point.directory + "/" + kPointFile, json.dump() + "\n");
}

Status write_accounting(const Wanted& point, const Answer& answer, bool alone) {
    const std::vector<std::string> steps = steps_of(point, answer.table);
    const std::string file = fmt::format("sacct_{}.txt", point.job);
    const std::string text = (answer.why.empty() ? "" : "# " + answer.why + "\n") +
                             (answer.table.empty() ? "" : lines_of(point, steps, answer.table, alone));
    if (Status s = write_file(point.directory + "/" + file, text); !s) {
        return s;
    }
    return write_point(point, steps, file, answer.why);
}

}  // namespace

Status collect_accounting(const std::string& run) {
    std::vector<Wanted> wanted = wanted_points(run);
    if (wanted.empty()) {
        return Status::ok();
    }
    std::stable_sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.job < b.job; });
    std::map<std::string, int> points_of_job;
    for (const Wanted& point : wanted) {
        ++points_of_job[point.job];
    }
    const Gatherer gatherer = ask_gatherer();
    const std::int64_t end = now_ms() + kWaitMs;
    std::vector<const Wanted*> some;
    std::size_t jobs = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        jobs += some.empty() || some.back()->job != wanted[i].job ? 1U : 0U;
        some.push_back(&wanted[i]);
        const bool last = i + 1 == wanted.size() || (jobs == kAtOnce && wanted[i + 1].job != wanted[i].job);
        if (!last) {
            continue;
        }
        const Answer answer = ask(some, gatherer, end);
        for (const Wanted* point : some) {
            if (Status s = write_accounting(*point, answer, points_of_job[point->job] == 1); !s) {
                return s;
            }
        }
        some.clear();
        jobs = 0;
    }
    return Status::ok();
}

}  // namespace inferstep::sweep
