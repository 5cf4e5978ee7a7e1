#include "db/gpu_env.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr const char* kVisible = "CUDA_VISIBLE_DEVICES";
constexpr const char* kStepGpus = "SLURM_STEP_GPUS";

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

bool is_name(const std::string& word) { return word.starts_with("GPU-") || word.starts_with("MIG-"); }

// The words that CUDA heeds: up to the first one that is neither a number nor a name.
std::vector<std::string> heeded(const std::string& list) {
    std::vector<std::string> words = split(list, ',');
    const auto is_none = [](const std::string& word) { return !is_name(word) && !parse_number("", word, 0, 1023); };
    words.erase(std::find_if(words.begin(), words.end(), is_none), words.end());
    return words;
}

bool has(const std::vector<std::string>& words, int number) {
    return std::find(words.begin(), words.end(), std::to_string(number)) != words.end();
}

std::vector<Gpu> named(const std::vector<Gpu>& gpus, const std::vector<std::string>& words) {
    std::vector<Gpu> result;
    for (const std::string& word : words) {
        const auto whole = std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& gpu) {
            return word.starts_with("GPU-") && gpu.uuid.starts_with(word);  // CUDA takes the beginning of a name
        });
        result.push_back({static_cast<int>(result.size()), whole != gpus.end() ? whole->domain : -1, word});
    }
    return result;
}

std::vector<Gpu> numbered(const std::vector<Gpu>& gpus, const std::vector<std::string>& words, int Gpu::*number) {
    std::vector<Gpu> result;
    std::copy_if(gpus.begin(), gpus.end(), std::back_inserter(result),
                 [&](const Gpu& gpu) { return has(words, gpu.*number); });
    return result;
}

bool contains(const std::vector<Gpu>& all, const std::vector<Gpu>& some) {
    return std::all_of(some.begin(), some.end(), [&](const Gpu& gpu) {
        return std::any_of(all.begin(), all.end(), [&](const Gpu& other) { return other.index == gpu.index; });
    });
}

}  // namespace

GpuWords gpu_words(bool step) { return {step, variable(kVisible), variable(kStepGpus)}; }

void keep_step_gpus(Topology& topology, const GpuWords& words) {
    const std::vector<std::string> visible = heeded(words.visible.value_or(""));
    if (std::any_of(visible.begin(), visible.end(), is_name)) {
        topology.gpus = named(topology.gpus, visible);
        return;
    }
    if (words.step && words.slurm) {
        const std::vector<std::string> slurm = heeded(*words.slurm);
        if (topology.hidden_gpus > 0 && topology.gpus.size() <= slurm.size()) {
            return;  // the device cgroup leaves us the step's, or those of the task that started us
        }
        const std::vector<Gpu> of_step = numbered(topology.gpus, slurm, &Gpu::minor);
        // Slurm may count otherwise than the driver: the GPUs of one task are among those of its step, or it does.
        if (!of_step.empty() && contains(of_step, numbered(topology.gpus, visible, &Gpu::index))) {
            topology.gpus = of_step;
            return;
        }
    }
    if (words.visible || words.step) {
        topology.gpus = numbered(topology.gpus, visible, &Gpu::index);
    }
}

std::string cuda_visible_devices(const std::vector<int>& gpus) {
    const std::vector<std::string> words = heeded(variable(kVisible).value_or(""));
    const bool names = std::any_of(words.begin(), words.end(), is_name);
    std::vector<std::string> chosen;
    chosen.reserve(gpus.size());
    for (const int gpu : gpus) {
        chosen.push_back(names ? words.at(static_cast<std::size_t>(gpu)) : std::to_string(gpu));
    }
    return fmt::format("{}", fmt::join(chosen, ","));
}

}  // namespace inferstep
