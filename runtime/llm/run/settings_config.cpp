#include "llm/run/settings_config.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "core/words.hpp"
#include "llm/run/settings_table.hpp"

namespace inferstep::llm {
namespace {

// What DeepSpeed reads from ds_config.json and this program does not.
constexpr std::string_view kDeepSpeedKeys[] = {"activation_checkpointing",
                                               "aio",
                                               "amp",
                                               "autotuning",
                                               "bf16",
                                               "bfloat16",
                                               "checkpoint",
                                               "comms_logger",
                                               "communication_data_type",
                                               "compression_training",
                                               "csv_monitor",
                                               "curriculum_learning",
                                               "data_efficiency",
                                               "data_types",
                                               "dataloader_drop_last",
                                               "disable_allgather",
                                               "dump_state",
                                               "elasticity",
                                               "eigenvalue",
                                               "flops_profiler",
                                               "fp16",
                                               "fp32_allreduce",
                                               "gradient_accumulation_steps",
                                               "gradient_clipping",
                                               "gradient_predivide_factor",
                                               "hybrid_engine",
                                               "load_universal_checkpoint",
                                               "memory_breakdown",
                                               "nebula",
                                               "optimizer",
                                               "pipeline",
                                               "prescale_gradients",
                                               "progressive_layer_drop",
                                               "replace_with_kernel_inject",
                                               "scheduler",
                                               "seq_parallel_communication_data_type",
                                               "sparse_attention",
                                               "sparse_gradients",
                                               "steps_per_print",
                                               "tensor_parallel",
                                               "tensorboard",
                                               "timers",
                                               "train_batch_size",
                                               "train_micro_batch_size_per_gpu",
                                               "use_data_before_expert_parallelism",
                                               "wall_clock_breakdown",
                                               "wandb",
                                               "zero_allow_comm_quantization",
                                               "zero_allow_untested_optimizer",
                                               "zero_force_ds_cpu_optimizer",
                                               "zero_optimization"};

const Config* find_path(const Config& config, std::string_view path) {
    const std::size_t dot = path.find('.');
    const Config* value = config.find(path.substr(0, dot));
    if (value == nullptr || dot == std::string_view::npos) {
        return value;
    }
    return value->kind() == Config::Kind::kMap ? find_path(*value, path.substr(dot + 1)) : nullptr;
}

std::string label_of(const Config& value) {
    std::string label = value.wrong("").message;  // "exp_config.json, line 7: model.path: "
    label.resize(label.size() - 2);
    return label;
}

std::vector<std::string> known_keys(ConfigKind kind) {
    std::vector<std::string> known;
    for (const Setting& setting : stage_settings()) {
        const char* keys = kind == ConfigKind::kExperiment ? setting.exp_keys : setting.ds_keys;
        for (std::string& key : split(keys != nullptr ? keys : "", ',')) {
            known.push_back(std::move(key));
        }
    }
    const char* section = kind == ConfigKind::kExperiment ? "parallelism" : "distributed_training";
    for (const std::string_view name : kOnlyOne) {
        known.push_back(fmt::format("{}.{}", section, name));
    }
    return known;
}

std::string only_one(const Config& value, std::string_view name) {
    return value.is_null() ? "" : only_one_note(label_of(value), value.text(), name);
}

struct Walk {
    ConfigKind kind;
    std::vector<std::string> known;
    std::vector<std::string> notes;
    std::vector<std::string> deepspeed;

    bool is_section(const std::string& path) const {
        return std::any_of(known.begin(), known.end(),
                           [&](const std::string& key) { return key.rfind(path + ".", 0) == 0; });
    }
    void unknown(const Config& value, const std::string& path) {
        const std::vector<std::string_view> names(known.begin(), known.end());
        const std::string_view near = nearest(path, names);
        notes.push_back(fmt::format("{} is not known, and ignored{}", label_of(value),
                                    near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    }
    void leaf(const Config& value, const std::string& name, const std::string& path) {
        const auto* found = std::find(std::begin(kOnlyOne), std::end(kOnlyOne), name);
        if (std::find(known.begin(), known.end(), path) == known.end()) {
            unknown(value, path);
        } else if (found != std::end(kOnlyOne)) {
            const std::string note = only_one(value, name);
            notes.insert(notes.end(), note.empty() ? 0 : 1, note);
        }
    }
    Status section(const Config& map, const std::string& prefix) {
        for (const auto& [name, value] : map.members()) {
            const std::string path = prefix + name;
            if (kind == ConfigKind::kDeepSpeed && prefix.empty() &&
                std::find(std::begin(kDeepSpeedKeys), std::end(kDeepSpeedKeys), name) != std::end(kDeepSpeedKeys)) {
                deepspeed.push_back(name);
            } else if (!is_section(path)) {
                leaf(value, name, path);
            } else if (value.kind() == Config::Kind::kMap) {
                if (Status s = section(value, path + "."); !s) {
                    return s;
                }
            } else if (!value.is_null()) {
                return value.wrong("a section in braces is right, such as {\"…\": …}");
            }
        }
        return Status::ok();
    }
};

}  // namespace

std::string only_one_note(const std::string& label, const std::string& text, std::string_view name) {
    return text == "1" || text == "0"
               ? ""
               : fmt::format("{}: {} has no effect: {}, so it is taken for 1", label, text,
                             name == kOnlyOne[0] ? "layers are divided among stages, and not within themselves"
                                                 : "there is one pipeline, which takes many prompts at once");
}

Result<std::optional<ConfigValue>> find_value(const Config& config, const std::string& keys) {
    for (const std::string& key : split(keys, ',')) {
        const Config* value = find_path(config, key);
        if (value == nullptr || value->is_null()) {
            continue;
        }
        const Result<std::vector<std::string>> texts = value->as_texts();
        if (!texts) {
            return texts.error();
        }
        return std::optional<ConfigValue>({label_of(*value), fmt::format("{}", fmt::join(*texts, ","))});
    }
    return std::optional<ConfigValue>();
}

Result<std::vector<std::string>> unused_keys(const Config& config, ConfigKind kind) {
    if (config.kind() != Config::Kind::kMap) {
        return config.wrong("a configuration in braces is right, {…}");
    }
    Walk walk{kind, known_keys(kind), {}, {}};
    if (Status s = walk.section(config, ""); !s) {
        return s.error();
    }
    if (!walk.deepspeed.empty()) {
        const std::string file = config.wrong("").message;
        walk.notes.push_back(fmt::format("{} {} DeepSpeed's and ignored here: {}", file.substr(0, file.find(", line")),
                                         walk.deepspeed.size() == 1 ? "has a key that is" : "has keys that are",
                                         fmt::join(walk.deepspeed, ", ")));
    }
    return std::move(walk.notes);
}

}  // namespace inferstep::llm
