// The files of a bundle, as texts.
#pragma once

#include <string>

#include "core/result.hpp"
#include "report/bundle.hpp"

namespace inferstep::report {

std::string executions_csv(const Figures& figures, const Collection& collection);
std::string functions_csv(const Figures& figures, const Collection& collection);
std::string scaling_csv(const Figures& figures, const Collection& collection);
std::string breakdown_csv(const Figures& figures, const Collection& collection);
std::string metrics_csv(const Figures& figures, const Collection& collection);
std::string experiment_csv(const Figures& figures, const Collection& collection);
std::string stages_csv(const Figures& figures, const Collection& collection);
std::string failures_csv(const Figures& figures, const Collection& collection);
std::string outliers_csv(const Figures& figures, const Collection& collection);

// "done", "failed", "timeout", "cancelled", "missing".
const char* state_word(State state);

// Too long for one text: written as it goes, under another name until it is whole.
Status write_samples(const std::string& path, const Figures& figures, const Collection& collection);

}  // namespace inferstep::report
