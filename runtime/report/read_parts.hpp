// What the readers of the formats share. Only for read*.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "report/collection.hpp"

namespace inferstep::report {

// Collects the notes of a reading. Of each kind a few are written out and the others counted: a tree of 10,000 ranks
// may have the same to say of each.
class Notes {
   public:
    // `kind` completes "and 12 more: …".
    void add(std::string_view kind, Source source, std::string text);
    std::vector<Note> all() const;

   private:
    struct Kind {
        std::vector<Note> notes;
        std::int64_t count = 0;
        Source last;
    };
    std::vector<std::pair<std::string, Kind>> kinds_;
};

// Where a tree is and what it is, before it is read.
enum class Format { kSweep, kStep, kSmartsim, kItwinai };
struct Found {
    Format format;
    std::string directory;
};

// All trees at or below `path`, sorted; none inside another. `run_ids`: only those that one of these names leads to.
// Error: there are none.
Result<std::vector<Found>> find_trees(const std::string& path, const std::vector<std::string>& run_ids, Notes& notes);

// Names in a directory, sorted, numbers by their value. Error: it cannot be read.
Result<std::vector<std::string>> names_in(const std::string& directory);
// The rank in "rank_12.csv", with prefix "rank_" and suffix ".csv"; -1: the name is not like this.
int rank_of(std::string_view name, std::string_view prefix, std::string_view suffix);

Result<Json> read_json(const std::string& path);
// Fine when it is of this schema; else one sentence that names both versions.
Status check_schema(const std::string& path, const Json& json, std::string_view schema);
// Both, for a record that need not be there. Nothing: it is not, or cannot be read, which is noted.
Result<std::optional<Json>> read_record(const std::string& path, std::string_view schema, Notes& notes);
// The first line of a JSON file with this member, for a Source; 0: none.
std::int64_t line_of(const std::string& path, std::string_view member);

// Adds the times of one rank to an execution: a part of each function that the file has. The index of the function that
// follows another is remembered, so that no name is looked for in the usual order of rows.
class RankReader {
   public:
    RankReader(Execution& execution, Notes& notes) : execution_(execution), notes_(notes) {}
    // `skip` names a function that is left out; empty: none.
    Status read(const std::string& path, int rank, std::string_view skip = {});

   private:
    std::size_t index_of(std::string_view function);

    Execution& execution_;
    Notes& notes_;
    std::map<int, std::string> seen_;
    std::vector<std::size_t> next_;    // function after function
    std::vector<std::size_t> opened_;  // the file, plus one, of a function's last part
    std::size_t last_ = 0;
};

// Says which of `ranks` ranks have no file; `what` is the one that tells their number.
void note_missing(const Execution& execution, int ranks, const std::string& directory, const Source& what,
                  Notes& notes);

// Fills in what step.json and sacct_<job>.txt of a step say. Absent files are no error.
Status read_step_json(const std::string& path, Accounting& accounting, Notes& notes);
// What step_<node>.json adds, of a standard database, whose nodes' records are never merged into one step.json.
Status read_node_json(const std::string& path, Accounting& accounting, Notes& notes);
// The time that requests spent in a database beside the step's own.
void add_requests(const Accounting& database, Accounting& accounting);
void read_sacct(const std::string& path, const std::string& step, Accounting& accounting, Notes& notes);

// What a step of `inferstep stage` left in this directory: its metrics.json and completions. False: it is no such step.
// `alone`: no point of a sweep tells parameters and metrics.
Result<bool> read_stage(const std::string& directory, const std::vector<std::string>& names, bool alone,
                        Execution& execution, Notes& notes);

// The readers. Each appends to `executions`, without repeats' numbers where the format has none (0).
Status read_sweep(const std::string& run, Tree& tree, std::vector<Execution>& executions, Notes& notes);
Status read_step(const std::string& directory, bool alone, Execution& execution, Notes& notes);
Status read_smartsim(const std::string& session, std::vector<Execution>& executions, Notes& notes);
Status read_itwinai(const std::string& run, std::vector<Execution>& executions, Notes& notes);

}  // namespace inferstep::report
