#include "sweep/point_json.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "core/words.hpp"
#include "sweep/database.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kSmall = std::size_t{1} << 20;      // of files that our own script wrote
constexpr std::size_t kLargest = std::size_t{256} << 20;  // of records

std::string first_line(const std::string& path) {
    const Result<std::string> text = read_tail(path, kSmall);
    return text ? text->substr(0, text->find('\n')) : "";
}

bool is_number(std::string_view text) { return text.size() < 12 && all_digits(text); }

// "12.3", "12.3.r1"
bool is_step(const std::string& name) {
    const std::vector<std::string> parts = split(name, '.');
    return parts.size() >= 2 && is_number(parts[0]) && is_number(parts[1]);
}

Json step_json(const StepShape& step) {
    Json json = Json::object();
    json.set("nodes", step.nodes).set("tasks_per_node", step.tasks_per_node);
    json.set("tasks", step.nodes * step.tasks_per_node);
    json.set("cpus_per_task", step.cpus_per_task).set("gpus_per_node", step.gpus_per_node);
    json.set("options", Json::list(step.options));
    return json;
}

Json database_json(const DatabaseShape& database) {
    Json json = Json::object();
    json.set("nodes", database.nodes).set("cpus_per_node", database.cpus_per_node);
    json.set("hosts", Json::list(database.hosts)).set("as_job", database.as_job);
    json.set("batch_options", Json::list(database.batch_options)).set("options", Json::list(database.options));
    return json;
}

// What the battery set, and what the script found set that bears on results.
Json environment_json(const Point& point, const std::string& directory, std::string& nodelist) {
    const Result<std::string> noted = read_tail(directory + "/" + kEnvironmentFile, kSmall);
    Parameters variables = point.environment;
    for (const std::string& entry : split(noted ? *noted : "", '\0')) {
        const std::size_t equals = entry.find('=');
        const std::string name = entry.substr(0, equals);
        const auto is_same = [&name](const auto& variable) { return variable.first == name; };
        if (equals != std::string::npos && equals > 0 &&
            std::none_of(point.environment.begin(), point.environment.end(), is_same)) {
            variables.emplace_back(name, entry.substr(equals + 1));
            nodelist = name == "SLURM_JOB_NODELIST" ? variables.back().second : nodelist;
        }
    }
    for (auto& [name, value] : variables) {
        value = may_be_secret(name) ? "(not recorded)" : value;
    }
    return parameters_json(variables);
}

std::vector<std::string> record_directories(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(directory + "/" + kRecordsDir, code)) {
        if (entry.is_directory(code)) {
            names.push_back(entry.path().filename().string());
        }
    }
    std::sort(names.begin(), names.end(),
              [](const std::string& a, const std::string& b) { return strverscmp(a.c_str(), b.c_str()) < 0; });
    return names;
}

Json parsed(const std::string& path) {
    const Result<std::string> text = read_tail(path, kLargest);
    Result<Json> json = text ? Json::parse(*text, path) : Result<Json>(text.error());
    return json ? std::move(*json) : Json::object();
}

// Of the driver, which is us, and of what the steps say of themselves.
Json versions_json(const std::string& directory, const std::vector<std::string>& records) {
    Json versions = version_json();
    for (const std::string& name : records) {
        const Json summary = parsed(fmt::format("{}/{}/{}/summary.json", directory, kRecordsDir, name));
        if (summary.has("versions")) {
            versions.set(("client of " + name).c_str(), summary.copy_of("versions"));
        }
        const std::vector<Json> nodes =
            parsed(fmt::format("{}/{}/{}/step.json", directory, kRecordsDir, name)).copy_of("nodes").items();
        if (!nodes.empty() && nodes[0].has("versions")) {
            versions.set(("databases of " + name).c_str(), nodes[0].copy_of("versions"));
        }
    }
    return versions;
}

Json placement_json(const std::string& directory, const std::vector<std::string>& records, const Ended& ended) {
    Json placement = Json::object();
    placement.set("nodes", Json::list(ended.nodes));
    Json plans = Json::array();
    for (const std::string& name : records) {
        const std::string file = fmt::format("{}/{}/step.json", kRecordsDir, name);
        for (const Json& node : parsed(fmt::format("{}/{}", directory, file)).copy_of("nodes").items()) {
            Json plan = Json::object();
            plan.set("node", node.text("node")).set("file", file).set("plan", node.copy_of("plan"));
            plans.push(std::move(plan));
        }
    }
    placement.set("plans", std::move(plans));
    return placement;
}

// The database's step first: the last is the point's own.
Json slurm_json(const std::string& directory, const std::vector<std::string>& records, const std::string& job,
                const std::string& nodelist) {
    std::vector<std::string> steps;
    const std::string database = first_line(directory + "/" + kDatabaseStepFile);
    if (is_step(database)) {
        steps.push_back(database);
    }
    for (const std::string& name : records) {
        if (is_step(name) && name != database) {
            steps.push_back(name);
        }
    }
    Json slurm = Json::object();
    slurm.set("job", job).set("steps", Json::list(steps)).set("nodelist", nodelist);
    return slurm;
}

Json metrics_json(const std::vector<Metric>& metrics) {
    Json array = Json::array();
    for (const Metric& metric : metrics) {
        Json source = Json::object();
        source.set("file", metric.file).set("line", metric.line);
        Json json = Json::object();
        json.set("name", metric.name).set("unit", metric.unit).set("value", metric.value);
        json.set("better", metric.better).set("source", std::move(source));
        array.push(std::move(json));
    }
    return array;
}

Json records_json(const std::vector<std::string>& names) {
    Json array = Json::array();
    for (const std::string& name : names) {
        array.push(std::string(kRecordsDir) + "/" + name);
    }
    return array;
}

std::string job_of(const Ended& ended, const std::string& directory) {
    const std::string job = ended.job.empty() ? first_line(directory + "/" + kJobFile) : ended.job;
    return is_number(job) ? job : "";
}

}  // namespace

Json parameters_json(const Parameters& parameters) {
    Json object = Json::object();
    for (const auto& [name, value] : parameters) {
        object.set(name.c_str(), value);
    }
    return object;
}

bool may_be_secret(const std::string& name) {
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    constexpr std::string_view kWords[] = {"SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "_KEY", "KEYFILE"};
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [&](std::string_view word) { return upper.find(word) != std::string::npos; });
}

Json point_json(const Battery& battery, const Point& point, const std::string& directory, const Ended& ended,
                const PointResult& result) {
    const std::vector<std::string> records = record_directories(directory);
    const std::string job = job_of(ended, directory);
    std::string nodelist;
    Json environment = environment_json(point, directory, nodelist);
    Json json = Json::object();
    json.set("schema", kPointSchema).set("id", point.id).set("battery", battery.name);
    json.set("parameters", parameters_json(point.parameters)).set("repeat", point.repeat).set("warmup", point.warmup);
    json.set("state", result.state).set("why", result.why).set("exit_code", ended.exit_code);
    json.set("attempt", ended.attempt).set("begin", ended.begin).set("end", ended.end);
    json.set("seconds", std::max(0.0, ended.end - ended.begin)).set("step", step_json(point.step));
    if (point.database) {
        json.set("database", database_json(*point.database));
    }
    json.set("command", Json::list(point.command)).set("script", ended.keep_script ? kScriptFile : "");
    json.set("environment", std::move(environment)).set("versions", versions_json(directory, records));
    json.set("placement", placement_json(directory, records, ended));
    json.set("slurm", slurm_json(directory, records, job, nodelist));
    json.set("metrics", metrics_json(result.metrics)).set("records", records_json(records));
    json.set("sacct", "");
    json.set("sacct_why", job.empty() ? "it did not run under Slurm" : "accounting is asked when the sweep ends");
    return json;
}

}  // namespace inferstep::sweep
