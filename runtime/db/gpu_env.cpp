#include "db/gpu_env.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr const char* kVariable = "CUDA_VISIBLE_DEVICES";

std::vector<std::string> visible() {
    const char* value = std::getenv(kVariable);
    return split(value != nullptr ? value : "", ',');
}

bool are_numbers(const std::vector<std::string>& words) {
    return std::all_of(words.begin(), words.end(),
                       [](const std::string& word) { return static_cast<bool>(parse_number("", word, 0, 1023)); });
}

}  // namespace

void keep_visible_gpus(Topology& topology) {
    if (std::getenv(kVariable) == nullptr) {
        return;
    }
    const std::vector<std::string> words = visible();
    if (are_numbers(words)) {
        std::erase_if(topology.gpus, [&](const Gpu& gpu) {
            return std::find(words.begin(), words.end(), std::to_string(gpu.index)) == words.end();
        });
        return;
    }
    topology.gpus.clear();
    for (const std::string& word : words) {
        topology.gpus.push_back({static_cast<int>(topology.gpus.size()), -1, word});
    }
}

std::string cuda_visible_devices(const std::vector<int>& gpus) {
    const std::vector<std::string> words = visible();
    std::vector<std::string> chosen;
    chosen.reserve(gpus.size());
    for (const int gpu : gpus) {
        chosen.push_back(are_numbers(words) ? std::to_string(gpu) : words.at(static_cast<std::size_t>(gpu)));
    }
    return fmt::format("{}", fmt::join(chosen, ","));
}

}  // namespace inferstep
