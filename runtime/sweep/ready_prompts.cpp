#include "sweep/ready_prompts.hpp"

#include "core/file.hpp"
#include "llm/run/prompts.hpp"

namespace inferstep::sweep {
namespace {

// "--name=value" or "--name" "value", the last of them; `otherwise` where there is none.
std::string option_of(const std::vector<std::string>& words, const std::string& name, std::string otherwise) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].starts_with(name + "=")) {
            otherwise = words[i].substr(name.size() + 1);
        } else if (words[i] == name && i + 1 < words.size()) {
            otherwise = words[i + 1];
        }
    }
    return otherwise;
}

}  // namespace

Status check_prompts(const llm::StageSettings& settings, const std::vector<std::string>& more, long stages, long each) {
    const std::string path = option_of(more, "--prompts", settings.prompts);
    const std::string variant = option_of(more, "--variant", settings.variant);
    if (!exists(path)) {
        return Status::ok();
    }
    const Result<std::vector<llm::Prompt>> prompts = llm::read_prompts(path, variant, 0);
    if (!prompts) {
        return prompts.error();
    }
    const auto there = static_cast<long>(prompts->size());
    if (there >= stages * each) {
        return Status::ok();
    }
    return with_hint(fail("{} stages with {} prompts each need {}, and {} has {}{}", stages, each, stages * each, path,
                          there, variant.empty() ? "" : " of variant " + variant),
                     there >= stages ? fmt::format("--prompts_per_stage={} is what they suffice for", there / stages)
                                     : "fewer --stages are right, or more prompts");
}

}  // namespace inferstep::sweep
