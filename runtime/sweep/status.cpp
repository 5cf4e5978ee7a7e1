#include "sweep/status.hpp"

#include <algorithm>
#include <ctime>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "sweep/eta.hpp"
#include "sweep/journal.hpp"
#include "sweep/matrix.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/run_folder.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kFailuresShown = 5;
constexpr std::size_t kRunningShown = 20;

using Stage = PointState::Stage;

std::string clock_text(double time) {
    const auto whole = static_cast<std::time_t>(std::clamp(time, 0.0, 4e9));
    std::tm local{};
    localtime_r(&whole, &local);
    char text[32];
    std::strftime(text, sizeof text, "%H:%M:%S", &local);
    return text;
}

// A job that was submitted waits, as far as the journal knows, until its script has left a trace.
std::string state_word(const std::string& run, const std::string& id, const PointState& state, bool batch) {
    if (state.stage == Stage::kEnded) {
        return state.last.state;
    }
    if (state.stage == Stage::kLeft) {
        return "left";
    }
    return batch && !read_tail(point_directory(run, id) + "/" + kJobFile, 1) ? "queued" : "running";
}

PointStatus status_of(const std::string& run, Point& point, const PointStates& states, bool batch) {
    PointStatus status;
    status.id = point.id;
    status.parameters = point.parameters;
    status.repeat = point.repeat;
    status.warmup = point.warmup;
    const auto found = states.find(point.id);
    if (found == states.end()) {
        return status;
    }
    const PointState& state = found->second;
    status.state = state_word(run, point.id, state, batch);
    status.attempt = state.attempt;
    status.job = state.job;
    status.nodes = state.nodes;
    status.begin = state.begin;
    status.seconds = state.last.seconds;
    status.why = state.last.why;
    return status;
}

std::optional<double> time_left(const std::vector<Point>& points, const std::vector<PointStatus>& all) {
    Estimate estimate;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].state == "done") {
            estimate.learn(points[i], all[i].seconds);
        }
    }
    TimeLeft left(estimate);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].state == "running") {
            left.runs(points[i], std::max(unix_now() - all[i].begin, 0.0));
        } else if (all[i].state == "left" || all[i].state == "queued") {
            left.waits(points[i]);
        }
    }
    return left.seconds();
}

int count(const SweepStatus& status, std::string_view state) {
    return static_cast<int>(
        std::count_if(status.points.begin(), status.points.end(), [&](const auto& p) { return p.state == state; }));
}

bool has_failed(const PointStatus& point) {
    return point.state == "failed" || point.state == "timeout" || point.state == "cancelled";
}

std::string name_of(const PointStatus& status) {
    Point point;
    point.id = status.id;
    point.parameters = status.parameters;
    point.repeat = status.repeat;
    point.warmup = status.warmup;
    return describe_point(point);
}

std::string running_line(const PointStatus& point) {
    std::string line = fmt::format("  {} {} since {} ({})", printable(name_of(point)), point.state,
                                   clock_text(point.begin), duration_text(unix_now() - point.begin));
    line += point.nodes.empty() ? "" : " on " + point.nodes;
    return line + (point.job.empty() ? "" : ", job " + point.job) + "\n";
}

}  // namespace

Result<SweepStatus> read_status(const std::string& run) {
    const Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return record.error();
    }
    const std::string journal = run + "/" + kJournalFile;
    const bool driven = is_locked(journal);  // asked first: what ends meanwhile has written its end
    const Result<JournalText> text = read_journal(journal);
    if (!text) {
        return text.error();
    }
    SweepStatus status;
    status.run = absolute_path(run);
    status.battery = record->battery;
    status.where = word_of(record->where);
    status.driven = driven;
    if (const std::optional<JournalEvent> driver = last_driver(text->events); driver) {
        status.driver = describe_driver(*driver);
        status.where = driver->where;
    }
    status.note = driven ? "" : text->torn;  // a driver may be writing it just now
    const PointStates states = states_of(text->events);
    std::vector<Point> points = record->points;
    for (Point& point : points) {
        status.points.push_back(status_of(run, point, states, status.where == word_of(Where::kBatch)));
    }
    status.eta_s = time_left(points, status.points);
    return status;
}

std::string status_text(const SweepStatus& status) {
    const auto failed = static_cast<int>(std::count_if(status.points.begin(), status.points.end(), has_failed));
    std::string text = fmt::format("battery {}, {}\n", status.battery, status.run);
    text += fmt::format("{} of {} points done, {} failed, {} running, {} queued, {} left\n", count(status, "done"),
                        status.points.size(), failed, count(status, "running"), count(status, "queued"),
                        count(status, "left"));
    const int open = count(status, "left") + count(status, "queued") + count(status, "running");
    text += status.driver.empty() ? ""
                                  : fmt::format("driver: {}, {}\n", status.driver,
                                                status.driven ? "alive"
                                                : open > 0    ? "gone"
                                                              : "ended");
    if (open > 0 && !status.driven) {
        text += fmt::format("`inferstep sweep --resume={}` goes on\n", status.run);
    } else if (open > 0 && status.eta_s) {
        text += fmt::format("time left: about {}\n", duration_text(*status.eta_s));
    }
    std::size_t shown = 0;
    for (const PointStatus& point : status.points) {
        if ((point.state == "running" || point.state == "queued") && shown++ < kRunningShown) {
            text += running_line(point);
        }
    }
    text += shown > kRunningShown ? fmt::format("  and {} more\n", shown - kRunningShown) : "";
    std::size_t skipped = failed > 0 ? static_cast<std::size_t>(failed) : 0;
    for (const PointStatus& point : status.points) {
        if (has_failed(point) && skipped-- <= kFailuresShown) {
            text += printable(fmt::format("  {} {}: {}", name_of(point), point.state, point.why)) + "\n";
        }
    }
    return text + (status.note.empty() ? "" : status.note + "\n");
}

Json status_json(const SweepStatus& status) {
    Json points = Json::array();
    for (const PointStatus& point : status.points) {
        Json parameters = Json::object();
        for (const auto& [name, value] : point.parameters) {
            parameters.set(name.c_str(), value);
        }
        Json json = Json::object();
        json.set("id", point.id).set("parameters", std::move(parameters)).set("repeat", point.repeat);
        json.set("warmup", point.warmup).set("state", point.state).set("attempt", point.attempt);
        json.set("job", point.job).set("nodes", point.nodes).set("begin", point.begin).set("seconds", point.seconds);
        points.push(std::move(json.set("why", point.why)));
    }
    Json json = Json::object();
    json.set("schema", "inferstep-sweep-status/1").set("run", status.run).set("battery", status.battery);
    json.set("where", status.where).set("driver_alive", status.driven).set("driver", status.driver);
    for (const char* state : {"done", "failed", "timeout", "cancelled", "running", "queued", "left"}) {
        json.set(state, count(status, state));
    }
    if (status.eta_s) {
        json.set("seconds_left", *status.eta_s);
    }
    return std::move(json.set("note", status.note).set("points", std::move(points)));
}

}  // namespace inferstep::sweep
