// What a battery is going to do, before it does it: --dry-run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "sweep/battery.hpp"
#include "sweep/matrix.hpp"
#include "sweep/where.hpp"

namespace inferstep::sweep {

struct Plan {
    Count count;
    std::uint64_t steps = 0;           // of commands and scripts, and of databases
    std::uint64_t database_steps = 0;  // of these, those of databases
    int most_nodes = 0;                // of one point
    std::uint64_t all_nodes = 0;       // all points side by side
    std::optional<double> seconds;     // one point after the other
    std::string seconds_from;          // "the estimate", "results/ddp/run-…", or why it is not known
    Where where = Where::kLocal;
    bool possible = true;            // there, as far as check_where() knows
    std::optional<double> limit_s;   // no point may take longer than its limit; only when all have one
    std::vector<std::string> notes;  // what is odd, a sentence each
};

// `points` in running order; `results` is the folder with earlier runs; no `where`: choose_where().
Plan make_plan(const Battery& battery, const Count& count, const std::vector<Point>& points, const std::string& results,
               std::optional<Where> where);

// For a person: at most `width` columns and `rows` rows of the table; 0 is no limit.
std::string plan_text(const Battery& battery, const Plan& plan, const std::vector<Point>& points, std::size_t width,
                      std::size_t rows);

// schema inferstep-plan/1: all of it.
Json plan_json(const Battery& battery, const Plan& plan, const std::vector<Point>& points);

}  // namespace inferstep::sweep
