// The ready-made batteries: inference-colocated and inference-standard, with the flags of SmartSim-Scaling's two
// drivers under their names and with their defaults. man/inferstep-sweep.1 has the table and what each means here.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

constexpr const char* kColocatedKind = "inference-colocated";
constexpr const char* kStandardKind = "inference-standard";

struct ReadyBattery {
    Battery battery;
    std::string where = "auto";      // auto, local or batch: what --launcher means here
    std::vector<std::string> notes;  // what was replaced or is not as it was asked for; a sentence each
};

// Of the words behind the battery's name: --db_cpus=[2,4], --db-cpus 2, --rebuild_model. Everything that can be known
// before the first point is checked. Error: of the command line, one sentence.
Result<ReadyBattery> colocated_battery(const std::vector<std::string>& words);
Result<ReadyBattery> standard_battery(const std::vector<std::string>& words);

// The flags with their defaults and meanings, a line each; for --help.
std::string colocated_help();
std::string standard_help();

}  // namespace inferstep::sweep
