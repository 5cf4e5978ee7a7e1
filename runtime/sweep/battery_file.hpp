// Battery files: YAML or JSON, as inferstep-battery(5) describes them, and batteries written as such files.
// Every complaint names file, line and key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

// A setting from the command line that goes over what the files say: "repeats=5", and the option for messages,
// "--repeats=5".
using Setting = std::pair<std::string, std::string>;

// The files one over the other, key by key, then the settings. Battery::text is the file as it stands when there is but
// one and nothing was set; otherwise all of it as one file.
Result<Battery> read_battery(const std::vector<std::string>& paths, const std::vector<Setting>& settings = {});

// The same with a text in place of the files; `name` stands for it in messages.
Result<Battery> parse_battery(const std::string& text, const std::string& name,
                              const std::vector<Setting>& settings = {});

// A battery that a program made, as the text of a battery file: parse_battery() of it gives the same one.
std::string battery_text(const Battery& battery);

}  // namespace inferstep::sweep
