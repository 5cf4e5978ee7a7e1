#include "db/node_record.hpp"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/cpulist.hpp"
#include "core/file.hpp"
#include "core/version.hpp"
#include "db/memory.hpp"

namespace inferstep {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

void set_usage(Json& json, const rusage& usage) {
    json.set("user_cpu_s", seconds(usage.ru_utime)).set("system_cpu_s", seconds(usage.ru_stime));
    json.set("max_rss_bytes", static_cast<double>(usage.ru_maxrss) * 1024);
    json.set("minor_faults", usage.ru_minflt).set("major_faults", usage.ru_majflt);
}

Json ended_json(const Ended& ended) {
    Json json = Json::object();
    if (WIFSIGNALED(ended.wait_status)) {
        json.set("signal", WTERMSIG(ended.wait_status));
    } else {
        json.set("exit_code", WEXITSTATUS(ended.wait_status));
    }
    set_usage(json, ended.usage);
    return json;
}

// What this process itself has used until now.
Json supervisor_json() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    Json json = Json::object();
    set_usage(json, usage);
    return json;
}

Json models_json(const std::vector<LoadedModel>& models) {
    Json all = Json::array();
    for (const LoadedModel& model : models) {
        Json json = Json::object();
        json.set("name", model.name).set("device", model.device).set("bytes", model.bytes);
        json.set("store_s", model.store_s).set("warmup_s", model.warmup_s);
        all.push(std::move(json));
    }
    return all;
}

Json instance_json(const Instance& instance) {
    Json json = Json::object();
    json.set("name", instance.name()).set("endpoint", instance.endpoint()).set("pid", instance.pid());
    if (instance.network().port != 0) {
        json.set("tcp", instance.network().endpoint());
        json.set("tcp_auth", instance.network().secret.empty() ? "none" : "secret");
    }
    json.set("cpus", cpu_list(instance.plan().cpus)).set("ready_s", instance.ready_s);
    json.set("loaded", models_json(instance.models));
    if (instance.statistics) {
        json.set("statistics", instance.statistics->copy());
    }
    if (instance.ended()) {
        json.set("ended", ended_json(*instance.ended()));
    }
    Json before = Json::array();
    for (const Ended& ended : instance.ended_before()) {
        before.push(ended_json(ended));
    }
    json.set("restarts", instance.ended_before().size()).set("ended_before", std::move(before));
    return json;
}

Json strings(const std::vector<std::string>& texts) {
    Json all = Json::array();
    for (const std::string& text : texts) {
        all.push(text);
    }
    return all;
}

}  // namespace

std::string record_directory(const DbOptions& options, const StepIdentity& id, const std::string& state_dir) {
    if (!options.outdir.empty()) {
        return options.outdir + "/" + step_name(id);
    }
    const Result<std::string> named = read_tail(state_dir + "/outdir", PATH_MAX);
    if (!named) {
        return {};
    }
    const std::string path = named->substr(0, named->find('\n'));
    return path.starts_with('/') ? path : std::string();
}

std::string database_log(const std::string& directory, const StepIdentity& id, std::size_t index) {
    return fmt::format("{}/db_{}_{}.log", directory, id.node, index);
}

std::string incomplete_record(const StepIdentity& id, const Error& why) {
    return fmt::format("the records of node {} are not complete: {}", id.node, why.message);
}

Json node_json(const NodeRecord& record, const DbOptions& options, const std::vector<Instance>& instances) {
    Json json = Json::object();
    json.set("schema", kNodeSchema).set("name", step_name(record.id));
    json.set("job", record.id.job).set("step", record.id.step).set("restart", record.id.restart);
    json.set("node", record.id.node).set("node_index", record.id.node_index).set("nodes", record.id.nodes);
    json.set("state", record.state).set("message", record.message).set("events", strings(record.events));
    json.set("versions", version_json()).set("options", strings(as_arguments(options)));
    Json phases = Json::object();
    for (const Phase& phase : record.phases) {
        phases.set(phase.name.c_str(), phase.seconds);
    }
    json.set("phases_s", std::move(phases)).set("plan", record.plan.copy());
    Json memory = Json::object();
    memory.set("limit_bytes", record.memory_limit).set("database_max_bytes", record.max_memory);
    memory.set("cgroup", memory_cgroup()).set("oom_kills", oom_kills());
    if (const std::optional<std::uint64_t> peak = memory_peak(); peak) {
        memory.set("step_peak_bytes", *peak);
    }
    if (const std::optional<std::uint64_t> swap = swap_limit(); swap) {
        memory.set("swap_limit_bytes", *swap);
    }
    json.set("memory", std::move(memory));
    json.set("supervisor", supervisor_json());
    Json databases = Json::array();
    for (const Instance& instance : instances) {
        databases.push(instance_json(instance));
    }
    return std::move(json.set("databases", std::move(databases)));
}

Status write_node_record(const std::string& directory, const NodeRecord& record, const DbOptions& options,
                         const std::vector<Instance>& instances) {
    if (Status s = make_directories(directory); !s) {
        return s;
    }
    for (std::size_t i = 0; i < instances.size(); ++i) {
        const Result<std::string> log = read_tail(instances[i].log_file(), kMostLog);
        if (!log) {
            return log.error();
        }
        if (Status s = write_file(database_log(directory, record.id, i), *log); !s) {
            return s;
        }
    }
    return write_file(fmt::format("{}/step_{}.json", directory, record.id.node),
                      node_json(record, options, instances).dump());
}

}  // namespace inferstep
