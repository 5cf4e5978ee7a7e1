#include "db/options.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/page.hpp"
#include "core/process.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr long kMaxTimeout = 24L * 3600;

// Set `field` from `text` if the option was given.
template <typename Int>
Status number(const char* option, const std::string& text, long low, long high, Int& field) {
    if (text.empty()) {
        return Status::ok();
    }
    const Result<long> value = parse_number(option, text, low, high);
    if (!value) {
        return value.error();
    }
    field = static_cast<Int>(*value);
    return Status::ok();
}

Status numbers(const DbArguments& a, DbOptions& o) {
    const Status all[] = {
        number("--infer-colocate", a.colocate, 1, kMaxInstances, o.instances),
        number("--infer-db-cpus", a.db_cpus, 1, kMaxCpus, o.db_cpus),
        number("--infer-db-tpq", a.db_tpq, 1, kMaxCpus, o.tpq),
        number("--infer-timeout", a.timeout, 1, kMaxTimeout, o.timeout_s),
    };
    for (const Status& s : all) {
        if (!s) {
            return s;
        }
    }
    return Status::ok();
}

Status choices(const DbArguments& a, DbOptions& o) {
    if (!a.pin_app.empty()) {
        const Result<std::size_t> index = parse_choice("--infer-pin-app", a.pin_app, {"no", "yes"});
        if (!index) {
            return index.error();
        }
        o.pin_app = *index == 1;
    }
    if (!a.device.empty()) {
        const Result<std::size_t> index = parse_choice("--infer-device", a.device, {"auto", "cpu", "gpu"});
        if (!index) {
            return index.error();
        }
        o.device = static_cast<Device>(*index);
    }
    return Status::ok();
}

std::string below(const std::string& cwd, const std::string& path) {
    return absolute_path(path[0] == '/' ? path : cwd + "/" + path);
}

Status paths(const DbArguments& a, DbOptions& o) {
    if (!a.statedir.empty()) {
        if (a.statedir[0] != '/') {
            return fail("--statedir: '{}' is not an absolute path", a.statedir);
        }
        o.statedir = absolute_path(a.statedir);
    }
    if (!a.redis.empty() && a.redis[0] != '/') {
        return fail("--redis: '{}' is not an absolute path", a.redis);
    }
    Result<std::string> redis = find_program(a.redis.empty() ? "redis-server" : a.redis);
    if (!redis) {
        return with_hint(fail("--redis: {}", redis.error().message),
                         "install redis-server, or give its path with --redis");
    }
    o.redis = std::move(*redis);
    return Status::ok();
}

Status models(const DbArguments& a, DbOptions& o) {
    for (const std::string& value : a.models) {
        for (const std::string& text : split(value, ';')) {
            Result<ModelSpec> model = parse_model(text, o.cwd);
            if (!model) {
                return model.error();
            }
            const bool twice = std::any_of(o.models.begin(), o.models.end(),
                                           [&](const ModelSpec& other) { return other.name == model->name; });
            if (twice) {
                return fail("--infer-model: two models have the name '{}'", model->name);
            }
            if (o.device == Device::cpu && model->device.starts_with("GPU")) {
                return fail("--infer-model {}: device={} contradicts --infer-device=cpu", model->name, model->device);
            }
            o.models.push_back(std::move(*model));
        }
    }
    return Status::ok();
}

Status scripts(const DbArguments& a, DbOptions& o) {
    for (const std::string& value : a.scripts) {
        for (const std::string& text : split(value, ';')) {
            Result<ScriptSpec> script = parse_script(text, o.cwd);
            if (!script) {
                return script.error();
            }
            const auto has_name = [&](const auto& other) { return other.name == script->name; };
            if (std::any_of(o.scripts.begin(), o.scripts.end(), has_name) ||
                std::any_of(o.models.begin(), o.models.end(), has_name)) {
                return fail("--script: the name '{}' is taken", script->name);
            }
            o.scripts.push_back(std::move(*script));
        }
    }
    return Status::ok();
}

}  // namespace

const char* device_word(Device device) {
    constexpr const char* kWords[] = {"auto", "cpu", "gpu"};
    return kWords[static_cast<int>(device)];
}

Result<DbOptions> parse_db_options(const DbArguments& a) {
    DbOptions o;
    o.verbose = a.verbose;
    o.dry_run = a.dry_run;
    if (!a.cwd.empty() && a.cwd[0] != '/') {
        return fail("--cwd: '{}' is not an absolute path", a.cwd);
    }
    o.cwd = a.cwd.empty() ? absolute_path(".") : a.cwd;
    if (Status s = numbers(a, o); !s) {
        return s.error();
    }
    if (!a.outdir.empty()) {
        o.outdir = below(o.cwd, a.outdir);
    }
    if (o.instances == 0) {
        return o;  // no database: nothing else matters
    }
    if (Status s = choices(a, o); !s) {
        return s.error();
    }
    if (Status s = paths(a, o); !s) {
        return s.error();
    }
    if (Status s = models(a, o); !s) {
        return s.error();
    }
    if (Status s = scripts(a, o); !s) {
        return s.error();
    }
    return o;
}

std::vector<std::string> as_arguments(const DbOptions& o) {
    std::vector<std::string> words = {fmt::format("--colocate={}", o.instances),
                                      fmt::format("--db-tpq={}", o.tpq),
                                      fmt::format("--pin-app={}", o.pin_app ? "yes" : "no"),
                                      fmt::format("--device={}", device_word(o.device)),
                                      fmt::format("--timeout={}", o.timeout_s),
                                      "--statedir=" + o.statedir,
                                      "--cwd=" + o.cwd,
                                      "--redis=" + o.redis};
    if (o.db_cpus > 0) {
        words.push_back(fmt::format("--db-cpus={}", o.db_cpus));
    }
    if (!o.outdir.empty()) {
        words.push_back("--outdir=" + o.outdir);
    }
    for (const ModelSpec& model : o.models) {
        words.push_back("--model=" + model.text);
    }
    for (const ScriptSpec& script : o.scripts) {
        words.push_back("--script=" + script.text);
    }
    if (o.verbose) {
        words.emplace_back("--verbose");
    }
    if (o.dry_run) {
        words.emplace_back("--dry-run");
    }
    return words;
}

}  // namespace inferstep
