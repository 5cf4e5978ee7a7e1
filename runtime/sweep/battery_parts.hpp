// The parts of a battery file, each read from its own map or list; see battery_file.hpp.
#pragma once

#include <string>
#include <vector>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

// Names that become files, variables or columns. Errors say where they stand and what would be right.
Status check_file_name(const Config& where, const std::string& name);       // letters, digits, . _ -
Status check_parameter_name(const Config& where, const std::string& name);  // an identifier, none of ours

// A command: a list of words, or a text that command_words.hpp splits.
Result<std::vector<std::string>> read_command(const Config& value);
Result<std::vector<std::vector<std::string>>> read_prepare(const Config& value);  // a list of commands, or one text
Result<Parameters> read_environment(const Config& value);

Result<std::vector<std::pair<std::string, std::vector<std::string>>>> read_matrix(const Config& value);
Result<std::vector<Parameters>> read_entries(const Config& value);  // include, exclude

Result<Battery::Shape> read_step(const Config& value);
Result<Battery::Database> read_database(const Config& value);
Result<std::vector<MetricRule>> read_metrics(const Config& value);
Result<ReportHints> read_report(const Config& value);

// A whole number or a time, or a text with placeholders, that only the points show to be one.
Result<std::string> read_count(const Config& value, long low, long high);
Result<std::string> read_time(const Config& value);

}  // namespace inferstep::sweep
