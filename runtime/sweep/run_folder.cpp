#include "sweep/run_folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>

#include "core/config.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "core/words.hpp"
#include "sweep/matrix.hpp"
#include "sweep/status.hpp"

namespace inferstep::sweep {
namespace {

namespace fs = std::filesystem;

constexpr int kSameSecond = 1000;  // runs that began within one second

Json parameters_json(const Parameters& parameters) {
    Json json = Json::object();
    for (const auto& [name, value] : parameters) {
        json.set(name.c_str(), value);
    }
    return json;
}

Parameters parameters_of(const Json& json) {
    Parameters parameters;
    for (const std::string& name : json.keys()) {
        parameters.emplace_back(name, json.text(name.c_str()));
    }
    return parameters;
}

Json texts_json(const std::vector<std::string>& texts) {
    Json json = Json::array();
    for (const std::string& text : texts) {
        json.push(text);
    }
    return json;
}

Json report_json(const ReportHints& hints) {
    Json json = Json::object();
    json.set("x", hints.x).set("series", texts_json(hints.series)).set("rate", hints.rate).set("time", hints.time);
    return std::move(json.set("baseline", parameters_json(hints.baseline)));
}

std::vector<std::string> own_command_line() {
    const Result<std::string> text = read_file("/proc/self/cmdline");
    std::vector<std::string> words = split(text ? *text : "", '\0');
    words.resize(words.empty() ? 0 : words.size() - 1);  // what is behind the last NUL
    return words;
}

std::string sweep_text(const Battery& battery, const std::vector<Point>& points, Where where) {
    Json all = Json::array();
    int order = 0;
    for (const Point& point : points) {
        Json json = Json::object();
        json.set("id", point.id).set("parameters", parameters_json(point.parameters)).set("repeat", point.repeat);
        all.push(std::move(json.set("warmup", point.warmup).set("order", ++order).set("nodes", point.all_nodes())));
    }
    Json json = Json::object();
    json.set("schema", kSweepSchema).set("command", texts_json(own_command_line())).set("battery", battery.name);
    json.set("kind", battery.kind).set("where", word_of(where)).set("random", battery.random);
    json.set("seed", std::to_string(battery.seed)).set("versions", version_json()).set("folder", battery.folder);
    json.set("report", report_json(battery.report)).set("points", std::move(all));
    return json.dump() + "\n";
}

std::string time_name() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char text[32];
    std::strftime(text, sizeof text, "run-%Y%m%d-%H%M%S", &local);
    return text;
}

// The first place where two configurations differ, "" when they do not.
std::string difference(const Config& before, const Config& now) {
    if (before.kind() != now.kind() || before.text() != now.text()) {
        return now.path();
    }
    for (const auto& [key, value] : now.members()) {
        const Config* old = before.find(key);
        std::string differs = old != nullptr ? difference(*old, value) : value.path();
        if (!differs.empty()) {
            return differs;
        }
    }
    for (const auto& [key, value] : before.members()) {
        if (now.find(key) == nullptr) {
            return value.path();
        }
    }
    for (std::size_t i = 0; i < std::min(before.items().size(), now.items().size()); ++i) {
        if (std::string differs = difference(before.items()[i], now.items()[i]); !differs.empty()) {
            return differs;
        }
    }
    return before.items().size() != now.items().size() ? now.path() : "";
}

}  // namespace

std::string describe_point(const Point& point) {
    return point.id + (point.parameters.empty() ? "" : " ") + describe(point.parameters) +
           (point.warmup ? " warm-up" : "") + (point.repeat > 1 ? fmt::format(" repeat={}", point.repeat) : "");
}

Result<std::string> make_run_folder(const Battery& battery, const std::vector<Point>& points, Where where,
                                    const RunOptions& options) {
    const fs::path results = fs::path(battery.folder) / options.results / battery.name;
    if (Status s = make_directories(results.string()); !s) {
        return s.error();
    }
    const std::string base = absolute_path((results / time_name()).string());
    std::string run = base;
    for (int i = 2; mkdir(run.c_str(), 0777) != 0; ++i) {
        if (errno != EEXIST || i > kSameSecond) {
            return fail("cannot make the run's directory {}: {}", run, std::strerror(errno));
        }
        run = fmt::format("{}-{}", base, i);
    }
    for (const Status& s : {write_file(run + "/" + kBatteryFile, battery.text),
                            write_file(run + "/" + kSweepFile, sweep_text(battery, points, where)),
                            make_directories(run + "/" + kPointsDir)}) {
        if (!s) {
            return s.error();
        }
    }
    return run;
}

Result<std::string> newest_run(const std::string& results, const std::string& battery) {
    std::error_code ignored;
    std::vector<fs::path> runs;
    for (const fs::directory_entry& of : fs::directory_iterator(results, ignored)) {
        if (!battery.empty() && of.path().filename() != battery) {
            continue;
        }
        for (const fs::directory_entry& run : fs::directory_iterator(of.path(), ignored)) {
            if (fs::exists(run.path() / kSweepFile, ignored)) {
                runs.push_back(run.path());
            }
        }
    }
    if (runs.empty()) {
        return with_hint(
            fail("there is no run{} below {}", battery.empty() ? "" : " of " + battery, absolute_path(results)),
            "say which one: the directory that has a sweep.json");
    }
    // By when they began, which the name says to the second; "-10" is later than "-2".
    const auto key = [](const fs::path& path) {
        const std::string name = path.filename().string();
        return std::tuple(name.substr(0, 19), name.size(), name, path);
    };
    return std::max_element(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); })
        ->string();
}

Result<RunRecord> read_run_record(const std::string& run) {
    const std::string path = run + "/" + kSweepFile;
    const Result<std::string> text = read_file(path);
    if (!text) {
        return with_hint(fail("{} is no run of a sweep: {}", run, text.error().message), "");
    }
    const Result<Json> json = Json::parse(*text, path);
    if (!json) {
        return json.error();
    }
    if (json->text("schema") != kSweepSchema) {
        return fail("{}: the schema is '{}', not '{}': another version wrote it", path, json->text("schema"),
                    kSweepSchema);
    }
    RunRecord record;
    record.battery = json->text("battery");
    record.folder = json->text("folder");
    const auto* word = std::find(std::begin(kWhereWords), std::end(kWhereWords), json->text("where"));
    if (word == std::end(kWhereWords)) {
        return fail("{}: where: '{}' is none of local, allocation, batch", path, json->text("where"));
    }
    record.where = static_cast<Where>(word - std::begin(kWhereWords));
    for (const Json& item : json->copy_of("points").items()) {
        Point point;
        point.id = item.text("id");
        if (point.id.empty() || point.id[0] != 'p' || !all_digits(std::string_view(point.id).substr(1))) {
            return fail("{}: '{}' is no id of a point", path, printable(point.id));
        }
        point.parameters = parameters_of(item.copy_of("parameters"));
        point.repeat = static_cast<int>(std::clamp(item.number("repeat", 1), 0.0, 1e9));
        point.step.nodes = static_cast<int>(std::clamp(item.number("nodes", 1), 0.0, 1e9));
        point.warmup = item.copy_of("warmup").dump(false) == "true";
        record.points.push_back(std::move(point));
    }
    return record;
}

Status match_run(const std::string& run, const Battery& battery, std::vector<Point>& points) {
    const std::string path = run + "/" + kBatteryFile;
    const Result<Config> before = Config::read(path);
    const Result<Config> now = Config::parse(battery.text, "the battery");
    if (!before || !now) {
        return (before ? now : before).error();
    }
    const std::string differs = difference(*before, *now);
    const Error changed = with_hint(
        fail("the battery is not the one that {} began with: {} differs", run, differs.empty() ? "a point" : differs),
        fmt::format("{} is as it was then; without --resume a new run begins", path));
    if (!differs.empty()) {
        return changed;
    }
    const Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return record.error();
    }
    std::map<std::string, Point*> by_id;
    for (Point& point : points) {
        by_id[point.id] = &point;
    }
    std::vector<Point> ordered;
    for (const Point& old : record->points) {
        const auto same = by_id.find(old.id);
        if (same == by_id.end() || same->second->parameters != old.parameters || same->second->repeat != old.repeat) {
            return changed;
        }
        ordered.push_back(*same->second);
        by_id.erase(same);
    }
    if (!by_id.empty()) {
        return changed;
    }
    points = std::move(ordered);
    return Status::ok();
}

}  // namespace inferstep::sweep
