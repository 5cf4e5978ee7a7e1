#include "db/options.hpp"

#include <algorithm>
#include <memory>

#include "core/file.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "db/limits.hpp"

namespace inferstep {
namespace {

std::string shown(int id) { return fmt::format("--infer-{}", kTable[id].name); }

// A choice that is near one of those that there are.
std::string hint(int id, const std::string& word) {
    const std::vector<std::string> words = split(kTable[id].words, '|');
    const std::string_view meant = nearest(word, {words.begin(), words.end()});
    return meant.empty() ? "" : fmt::format("did you mean {}?", meant);
}

// The same checks as in srun, which says the same words.
Status check(const DbArguments& a) {
    const auto options = std::make_unique<OptionSet>();
    Problem why;
    for (int id = 0; id < kOptions; ++id) {
        const std::string& word = a.option[static_cast<std::size_t>(id)];
        if (word.empty()) {
            continue;
        }
        if (id == kModel) {  // the same words, and a hint
            for (const std::string& text : split(word, ';')) {
                if (Result<ModelSpec> model = parse_model(text, "/"); !model) {
                    return model.error();
                }
            }
        }
        if (!check_value(id, shown(id).c_str(), word.c_str(), why)) {
            return with_hint(fail("{}", why.text), kTable[id].kind == Kind::choice ? hint(id, word) : "");
        }
        options->set(id, word.c_str(), Source::inherited);  // where there is no database they mean nothing
    }
    return options->check_together(why) ? Status::ok() : Status(fail("{}", why.text));
}

// Fields from checked words: a number, the place of a choice among its words, a flag.
template <typename Int>
void number(const DbArguments& a, int id, Int& field) {
    const std::string& word = a.option[static_cast<std::size_t>(id)];
    field = word.empty() ? field : static_cast<Int>(std::stol(word));
}
template <typename Enum>
void choice(const DbArguments& a, int id, Enum& field) {
    const std::vector<std::string> words = split(kTable[id].words, '|');
    const auto found = std::find(words.begin(), words.end(), a.option[static_cast<std::size_t>(id)]);
    field = found == words.end() ? field : static_cast<Enum>(found - words.begin());
}
bool is_on(const std::string& word) { return word == "yes" || word == "1"; }

void values(const DbArguments& a, DbOptions& o) {
    number(a, kColocate, o.instances);
    number(a, kDbCpus, o.db_cpus);
    number(a, kDbTpq, o.tpq);
    number(a, kTimeout, o.timeout_s);
    number(a, kNumDevices, o.num_devices);
    number(a, kDbPort, o.port);
    choice(a, kDevice, o.device);
    choice(a, kOnDbFailure, o.on_failure);
    o.memory = parse_size(a.option[kDbMemory].c_str());
    o.pin_app = a.option[kPinApp] != "no";
    o.interface = a.option[kNetIfname];
    o.tcp_secret = a.option[kTcpAuth] != "none";
    o.tcp = !(a.option[kDbPort].empty() && a.option[kNetIfname].empty() && a.option[kTcpAuth].empty());
    o.port = o.tcp && a.option[kDbPort].empty() ? static_cast<int>(kDefaultPort) : o.port;
    o.verbose = is_on(a.option[kVerbose]);
    o.dry_run = is_on(a.option[kDryRun]);
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

// The models or the scripts.
template <typename Spec>
Status files(const DbArguments& a, int id, Result<Spec> (*parse)(const std::string&, const std::string&), DbOptions& o,
             std::vector<Spec>& specs) {
    for (const std::string& text : split(a.option[static_cast<std::size_t>(id)], ';')) {
        Result<Spec> spec = parse(text, o.cwd);
        if (!spec) {
            return spec.error();
        }
        if (Status s = file_within_limit(o, id, spec->path); !s) {
            return s.error();
        }
        specs.push_back(std::move(*spec));
    }
    return Status::ok();
}

// The words of plugstack.conf. What can be known without the step was refused by the plugin.
Status limits(const DbArguments& a, DbOptions& o) {
    Problem why;
    for (int id = 0; id < kLimits; ++id) {
        const std::string& word = a.limit[static_cast<std::size_t>(id)];
        if (!word.empty() && !check_limit(id, fmt::format("--{}", kLimitTable[id].name).c_str(), word.c_str(), why)) {
            return fail("{}", why.text);
        }
    }
    o.limit_cpus = std::atoi(a.limit[kLimitDbCpus].c_str());
    o.limit_memory = std::atoi(a.limit[kLimitDbMemory].c_str());
    o.limit_model = a.limit[kLimitModel];
    return Status::ok();
}

}  // namespace

const char* device_word(Device device) {
    constexpr const char* kWords[] = {"auto", "cpu", "gpu"};
    return kWords[static_cast<int>(device)];
}

Result<DbOptions> parse_db_options(const DbArguments& a) {
    DbOptions o;
    if (!a.cwd.empty() && a.cwd[0] != '/') {
        return fail("--cwd: '{}' is not an absolute path", a.cwd);
    }
    o.cwd = a.cwd.empty() ? absolute_path(".") : a.cwd;
    if (Status s = check(a); !s) {
        return s.error();
    }
    o.given = a.option;
    values(a, o);
    if (!a.option[kOutdir].empty()) {
        o.outdir = below(o.cwd, a.option[kOutdir]);
    }
    if (o.instances == 0) {
        return o;  // no database: nothing else matters
    }
    if (Status s = paths(a, o); !s) {
        return s.error();
    }
    if (Status s = o.tcp ? check_site(o.tcp_secret, shown(kTcpAuth)) : Status::ok(); !s) {
        return s.error();
    }
    if (Status s = limits(a, o); !s) {
        return s.error();
    }
    if (Status s = files(a, kModel, parse_model, o, o.models); !s) {
        return s.error();
    }
    if (Status s = files(a, kScript, parse_script, o, o.scripts); !s) {
        return s.error();
    }
    return o;
}

std::vector<std::string> as_arguments(const DbOptions& o) {
    std::vector<std::string> words;
    for (int id = 0; id < kOptions; ++id) {
        const std::string& word = o.given[static_cast<std::size_t>(id)];
        if (!word.empty() && id != kAttach) {
            words.push_back(fmt::format("--{}={}", kTable[id].name, word));
        }
    }
    words.insert(words.end(), {"--statedir=" + o.statedir, "--cwd=" + o.cwd, "--redis=" + o.redis});
    return words;
}

}  // namespace inferstep
