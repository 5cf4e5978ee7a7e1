// The parts of a point's script, for script.cpp alone: each is some lines of shell text that end with a newline.
#pragma once

#include <string>

#include "core/result.hpp"
#include "sweep/script.hpp"

namespace inferstep::sweep {

// What no part can do: more nodes than this machine is, a text with a NUL, neither command nor script.
Status check_words(const Battery& battery, const Point& point, const ScriptContext& context);

// The lines "#SBATCH --option=value": what the point needs, and in front of it what the settings say, which wins.
Result<std::string> sbatch_lines(const Battery& battery, const Point& point, const ScriptContext& context);

// The functions begin_database and end_database; empty without one.
Result<std::string> database_functions(const Point& point, const ScriptContext& context);

// Where it runs and how it ends: the directory, these functions, and the traps that write the end down.
std::string frame(const Battery& battery, const Point& point, const ScriptContext& context,
                  const std::string& functions);

// Which nodes are whose, and the database's begin; empty without one.
std::string database_part(const Point& point, const ScriptContext& context);

// The environment as it is now is noted down.
std::string note_part();

// What the point is about, started in the background.
std::string command_part(const Point& point, const ScriptContext& context);
std::string script_part(const Point& point);

}  // namespace inferstep::sweep
