#include "sweep/ready_flags.hpp"

#include <strings.h>

#include <algorithm>
#include <array>

#include "core/step_options.hpp"
#include "core/words.hpp"
#include "sweep/ready_literal.hpp"

namespace inferstep::sweep {
namespace {

using Kind = ReadyFlag::Kind;
constexpr long kMostNodes = 65'533;  // of a job in Slurm
constexpr long kMost = 1'000'000'000;

using Table = std::vector<ReadyFlag>;

const ReadyFlag* find_flag(const Table& table, std::string_view name) {
    const auto at = std::find_if(table.begin(), table.end(), [&](const ReadyFlag& f) { return f.name == name; });
    return at != table.end() ? &*at : nullptr;
}

Error unknown(const Table& table, const std::string& word) {
    std::vector<std::string_view> names;
    for (const ReadyFlag& flag : table) {
        names.emplace_back(flag.name);
    }
    const std::string_view near = nearest(word, names);
    return with_hint(fail("--{}: there is no such flag", word),
                     near.empty() ? fmt::format("there are --{}", fmt::join(names, ", --"))
                                  : fmt::format("did you mean --{}?", near));
}

// One value as we keep it. `shown`: "--nodes".
Result<std::string> checked(const ReadyFlag& flag, const std::string& shown, const std::string& text) {
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
        return fail("{}: a control character is in it", shown);
    }
    if (flag.kind == Kind::kNumber) {
        const Result<long> number = parse_number(shown, text, flag.low, flag.high);
        return number ? Result<std::string>(std::to_string(*number)) : number.error();
    }
    if (flag.kind == Kind::kSwitch) {
        for (const auto& [word, meant] : {std::pair{"true", "yes"},
                                          {"yes", "yes"},
                                          {"1", "yes"},
                                          {"on", "yes"},
                                          {"false", "no"},
                                          {"no", "no"},
                                          {"0", "no"},
                                          {"off", "no"}}) {
            if (strcasecmp(text.c_str(), word) == 0) {
                return std::string(meant);
            }
        }
        return fail("{}={}: True or False is right", shown, text);
    }
    if (flag.kind == Kind::kChoice) {
        const std::vector<std::string> choices = split(flag.choices, '|');
        for (const std::string& choice : choices) {
            if (strcasecmp(text.c_str(), choice.c_str()) == 0) {
                return choice;
            }
        }
        const auto wrong = parse_choice(shown, text, {choices.begin(), choices.end()});
        return wrong ? fail("{}={}", shown, text) : wrong.error();
    }
    return text.empty() ? Result<std::string>(fail("{} wants a value", shown)) : text;
}

Result<std::vector<std::string>> read_values(const ReadyFlag& flag, const std::string& text) {
    const std::string shown = fmt::format("--{}", flag.name);
    if (flag.kind == Kind::kSbatch) {
        return sbatch_words(shown, text);
    }
    Result<std::vector<std::string>> texts = flag.list ? literal_list(shown, text) : literal_text(shown, text);
    if (!texts) {
        return texts;
    }
    std::vector<std::string> values;
    for (const std::string& one : *texts) {
        Result<std::string> value = checked(flag, shown, one);
        if (!value) {
            return value.error();
        }
        if (std::find(values.begin(), values.end(), *value) != values.end()) {
            return fail("{}: {} stands there twice", shown, *value);
        }
        values.push_back(std::move(*value));
    }
    // No hosts is a wish that can be had; no number of nodes is not.
    return values.empty() && flag.kind != Kind::kText ? fail("{}: the list is empty; give it a value", shown)
                                                      : Result<std::vector<std::string>>(std::move(values));
}

// The flag of a word without its value, and whether the word denies it (--norebuild_model).
struct Named {
    const ReadyFlag* flag = nullptr;
    bool denied = false;
};
Named named(const Table& table, const std::string& name) {
    if (const ReadyFlag* flag = find_flag(table, name)) {
        return {flag, false};
    }
    const ReadyFlag* flag = name.starts_with("no") ? find_flag(table, name.substr(name[2] == '_' ? 3 : 2)) : nullptr;
    return flag != nullptr && flag->kind == Kind::kSwitch ? Named{flag, true} : Named{};
}

}  // namespace

const std::vector<ReadyFlag>& inference_flags(bool standard) {
    struct Both {  // null: this battery has no such flag
        const char* name;
        Kind kind;
        bool list;
        const char* colocated;
        const char* standard;
        long low, high;
        const char* choices;
        const char* help;
    };
    static constexpr Both kBoth[] = {
        {"exp_name", Kind::kText, false, "inference-scaling", "inference-scaling", 0, 0, "",
         "name of the folder with the results"},
        {"launcher", Kind::kChoice, false, "auto", "auto", 0, 0, "auto|slurm|local", "where it runs"},
        {"nodes", Kind::kNumber, true, "[12]", nullptr, 1, kMostNodes, "", "nodes"},
        {"client_nodes", Kind::kNumber, true, nullptr, "[12]", 1, kMostNodes, "", "nodes of the clients"},
        {"clients_per_node", Kind::kNumber, true, "[18]", "[48]", 1, kMaxCpus, "", "clients on each node"},
        {"db_nodes", Kind::kNumber, true, nullptr, "[12]", 1, kMostNodes, "", "nodes of the database, a shard each"},
        {"db_cpus", Kind::kNumber, true, "[2]", "[2]", 1, kMaxCpus, "", "CPUs of each node for its database"},
        {"db_tpq", Kind::kNumber, true, "[1]", "[1]", 1, kMaxCpus, "", "worker threads per device of a database"},
        {"db_port", Kind::kNumber, false, "6780", "6780", 0, kMaxPort, "", "TCP port of the databases"},
        {"pin_app_cpus", Kind::kSwitch, true, "[False]", "[False]", 0, 0, "",
         "keep the clients off the databases' CPUs"},
        {"batch_size", Kind::kNumber, true, "[1]", "[1000]", 1, 65'536, "", "requests that a database runs together"},
        {"device", Kind::kChoice, false, "GPU", "GPU", 0, 0, "GPU|CPU|auto", "where the model runs"},
        {"num_devices", Kind::kNumber, false, "1", "1", 1, kMaxGpus, "", "GPUs of each node for its database"},
        {"net_ifname", Kind::kText, false, "ipogif0", "ipogif0", 0, 0, "", "interface of that port"},
        {"run_db_as_batch", Kind::kSwitch, false, nullptr, "True", 0, 0, "", "the database is a batch job of its own"},
        {"batch_args", Kind::kSbatch, false, nullptr, "{}", 0, 0, "", "options of sbatch for that job"},
        {"db_hosts", Kind::kText, true, nullptr, "[]", 0, 0, "", "where the database runs"},
        {"rebuild_model", Kind::kSwitch, false, "False", "False", 0, 0, "",
         "write the model's file even if it is there"},
        {"iterations", Kind::kNumber, false, "100", "100", 1, kMost, "", "measured iterations of each client"},
        {"languages", Kind::kChoice, true, "[fortran,cpp]", "[fortran,cpp]", 0, 0, "fortran|cpp", "of the clients"},
        {"wall_time", Kind::kText, false, "05:00:00", "05:00:00", 0, 0, "", "time limit of a point and of batch jobs"},
        {"model", Kind::kText, false, "resnet50", "resnet50", 0, 0, "", "a ResNet, or a TorchScript file"},
        {"keep_keys", Kind::kSwitch, false, "False", "False", 0, 0, "",
         "every iteration's tensors stay in the database"},
    };
    static const std::array<Table, 2> tables = [] {
        std::array<Table, 2> made;
        for (const Both& f : kBoth) {
            for (const auto& [value, table] : {std::pair(f.colocated, &made[0]), {f.standard, &made[1]}}) {
                if (value != nullptr) {
                    table->push_back({f.name, f.kind, f.list, value, f.low, f.high, f.choices, f.help});
                }
            }
        }
        return made;
    }();
    return tables[standard ? 1 : 0];
}

std::string flags_help(const std::vector<ReadyFlag>& table) {
    std::string text;
    for (const ReadyFlag& flag : table) {
        text += fmt::format("  --{:<32} {}\n", fmt::format("{}={}", flag.name, flag.value), flag.help);
    }
    return text;
}

Result<ReadyFlags> ReadyFlags::parse(const Table& table, const std::vector<std::string>& words) {
    ReadyFlags flags;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!word.starts_with("--") || word.size() < 3) {
            return fail("'{}' is no flag; flags begin with --, such as --db_cpus=2,4", word);
        }
        const std::size_t equals = std::min(word.find('='), word.size());
        std::string name = word.substr(2, equals - 2);
        std::replace(name.begin(), name.end(), '-', '_');
        const auto [flag, denied] = named(table, name);
        if (flag == nullptr) {
            return unknown(table, name);
        }
        const bool behind = i + 1 < words.size() && !words[i + 1].starts_with("--");
        std::string text = equals < word.size() ? word.substr(equals + 1) : denied ? "False" : "True";
        if (equals == word.size() && behind && !denied) {
            text = words[++i];
        } else if (equals == word.size() && flag->kind != Kind::kSwitch) {
            return fail("--{} wants a value", flag->name);
        } else if (equals < word.size() && denied) {
            return fail("--{} takes no value; it means --{}=False", name, flag->name);
        }
        Result<std::vector<std::string>> texts = read_values(*flag, text);
        if (!texts) {
            return texts.error();
        }
        flags.values_[flag->name] = Value{std::move(*texts), true};
    }
    for (const ReadyFlag& flag : table) {
        if (flags.values_.count(flag.name) > 0) {
            continue;
        }
        if (*flag.value == '\0') {
            flags.values_[flag.name] = {};
            continue;
        }
        Result<std::vector<std::string>> texts = read_values(flag, flag.value);
        if (!texts) {
            return texts.error();
        }
        flags.values_[flag.name] = Value{std::move(*texts), false};
    }
    return flags;
}

long ReadyFlags::largest(std::string_view name) const {
    long most = 0;
    for (const std::string& text : texts(name)) {
        most = std::max(most, std::strtol(text.c_str(), nullptr, 10));
    }
    return most;
}

}  // namespace inferstep::sweep
