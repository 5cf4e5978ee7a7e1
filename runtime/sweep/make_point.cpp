#include "sweep/make_point.hpp"

#include <algorithm>

#include "core/words.hpp"
#include "sweep/duration.hpp"
#include "sweep/matrix.hpp"
#include "sweep/placeholders.hpp"
#include "sweep/shape_limits.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

// No text of a battery has this character: config.hpp.
constexpr const char* kRunMark = "\x01";

// Fills the texts of one point and keeps the first error.
class Filler {
   public:
    Filler(const Battery& battery, const Point& point) : battery_(battery) {
        values_ = point.parameters;
        values_.emplace_back("point", point.id);
        values_.emplace_back("repeat", fmt::format("{}", point.repeat));
        values_.emplace_back("seed", fmt::format("{}", battery.seed));
        values_.emplace_back("run_dir", kRunMark);
        values_.emplace_back("point_dir", point_directory(kRunMark, point.id));
        name_ = point.parameters.empty() ? point.id : describe(point.parameters);
    }

    std::string text(const char* key, const std::string& text) {
        return fill(text, [&](std::string_view name) -> const std::string* {
            const auto at =
                std::find_if(values_.begin(), values_.end(), [&](const auto& v) { return v.first == name; });
            if (at != values_.end()) {
                return &at->second;
            }
            refuse(key, fmt::format("the point {} has no {{{}}}", name_, name));
            return nullptr;
        });
    }
    std::vector<std::string> texts(const char* key, const std::vector<std::string>& texts) {
        std::vector<std::string> filled;
        filled.reserve(texts.size());
        for (const std::string& one : texts) {
            filled.push_back(text(key, one));
        }
        return filled;
    }
    int number(const char* key, const std::string& text_, const Limit& limit) {
        const std::string filled = text(key, text_);
        const Result<long> number = parse_number(key, filled, limit.low, limit.high);
        if (!number) {
            refuse(key, fmt::format("the point {} has '{}' here; a whole number between {} and {} is right", name_,
                                    filled, limit.low, limit.high));
        }
        return number ? static_cast<int>(*number) : 1;
    }
    double seconds(const char* key, const std::string& text_) {
        if (text_.empty()) {
            return 0;
        }
        const std::string filled = text(key, text_);
        const Result<double> seconds = parse_duration(filled);
        if (!seconds) {
            refuse(key, fmt::format("the point {} has '{}' here; {}", name_, filled, seconds.error().message));
        }
        return seconds ? *seconds : 0;
    }
    bool flag(const char* key, const std::string& text_) {
        const std::string filled = text(key, text_);
        const Result<bool> flag = Config::of(filled).as_flag();
        if (!flag) {
            refuse(key, fmt::format("the point {} has '{}' here; true or false is right", name_, filled));
        }
        return flag && *flag;
    }
    const Status& status() const { return status_; }

   private:
    void refuse(const char* key, const std::string& what) {
        if (status_) {
            status_ = complaint(battery_, key, kWholeKey, what);
        }
    }

    const Battery& battery_;
    Parameters values_;
    std::string name_;
    Status status_ = Status::ok();
};

StepShape make_step(Filler& filler, const Battery::Shape& shape) {
    StepShape step;
    step.nodes = filler.number("step.nodes", shape.nodes, kNodesLimit);
    step.tasks_per_node = filler.number("step.tasks_per_node", shape.tasks_per_node, kTasksLimit);
    step.cpus_per_task = filler.number("step.cpus_per_task", shape.cpus_per_task, kCpusLimit);
    step.gpus_per_node = filler.number("step.gpus_per_node", shape.gpus_per_node, kGpusLimit);
    step.options = filler.texts("step.options", shape.options);
    return step;
}

DatabaseShape make_database(Filler& filler, const Battery::Database& shape) {
    DatabaseShape database;
    database.nodes = filler.number("database.nodes", shape.nodes, kNodesLimit);
    database.cpus_per_node = filler.number("database.cpus_per_node", shape.cpus_per_node, kCpusLimit);
    database.hosts = filler.texts("database.hosts", shape.hosts);
    database.as_job = filler.flag("database.as_job", shape.as_job);
    database.batch_options = filler.texts("database.batch_options", shape.batch_options);
    database.options = filler.texts("database.options", shape.options);
    return database;
}

template <typename Change>
void for_each_text(Point& point, Change change) {
    std::for_each(point.command.begin(), point.command.end(), change);
    std::for_each(point.step.options.begin(), point.step.options.end(), change);
    change(point.script);
    for (auto& variable : point.environment) {
        change(variable.second);
    }
    if (point.database) {
        std::for_each(point.database->options.begin(), point.database->options.end(), change);
        std::for_each(point.database->batch_options.begin(), point.database->batch_options.end(), change);
        std::for_each(point.database->hosts.begin(), point.database->hosts.end(), change);
    }
}

void replace_mark(std::string& text, const std::string& run) {
    for (std::size_t at = 0; (at = text.find(kRunMark, at)) != std::string::npos; at += run.size()) {
        text.replace(at, 1, run);
    }
}

}  // namespace

Error complaint(const Battery& battery, std::string_view key, std::size_t index, std::string_view what) {
    const Config* at = battery.source.get();
    for (const std::string& part : split(key, '.')) {
        const Config* below = at != nullptr ? at->find(part) : nullptr;
        at = below != nullptr ? below : at;
    }
    if (at == nullptr) {
        return fail("battery {}: {}: {}", battery.name, key, what);
    }
    return (at->kind() == Config::Kind::kList && index < at->items().size() ? at->items()[index] : *at).wrong(what);
}

Result<Point> make_point(const Battery& battery, const Parameters& parameters, const std::string& id, int run) {
    Point point;
    point.id = id;
    point.parameters = parameters;
    point.warmup = run < 1;
    point.repeat = point.warmup ? run + battery.warmups : run;
    Filler filler(battery, point);
    point.step = make_step(filler, battery.step);
    if (battery.database) {
        point.database = make_database(filler, *battery.database);
    }
    point.command = filler.texts("command", battery.command);
    point.script = filler.text("script", battery.script);
    for (const auto& [name, value] : battery.environment) {
        point.environment.emplace_back(name, filler.text("environment", value));
    }
    point.time_limit_s = filler.seconds("time_limit", battery.time_limit);
    point.estimate_s = filler.seconds("estimate", battery.estimate);
    if (!filler.status()) {
        return filler.status().error();
    }
    return point;
}

std::vector<std::vector<std::string>> prepare_commands(const Battery& battery, const std::string& run) {
    const std::string seed = fmt::format("{}", battery.seed);
    const auto value_of = [&](std::string_view name) { return name == "run_dir" ? &run : &seed; };
    std::vector<std::vector<std::string>> commands = battery.prepare;
    for (std::vector<std::string>& command : commands) {
        for (std::string& word : command) {
            word = fill(word, value_of);
        }
    }
    return commands;
}

void set_run_directory(std::vector<Point>& points, const std::string& run) {
    for (Point& point : points) {
        for_each_text(point, [&](std::string& text) { replace_mark(text, run); });
    }
}

}  // namespace inferstep::sweep
