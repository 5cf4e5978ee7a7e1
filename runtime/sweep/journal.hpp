// The journal of a run: what happened, a line of JSON at a time, appended and never changed. Whoever drives the run
// holds its lock; anybody may read.
//
// Events of the driver: start, resume, prepared, interrupted, finished. Of a point: begin (its directory is there),
// submit (Slurm has its job), interrupt (it did not come to an end, through no fault of its own: it is to run again),
// end.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep::sweep {

struct JournalEvent {
    double time = 0;  // 0: now
    std::string event{};
    std::string point{};  // empty: of the driver
    int attempt = 0;
    std::string state{};  // of an end: done, failed, timeout, cancelled
    std::string job{};
    std::string nodes{};  // "n1,n2"
    int exit_code = 0;
    double seconds = 0;
    std::string why{};
    int pid = 0;          // of a driver
    std::string host{};   // likewise
    std::string where{};  // likewise
};

class Journal {
   public:
    // For a new run: there must be no journal yet.
    static Result<Journal> create(const std::string& path);
    // For one that goes on. A last line that was cut off is removed; see torn(). Error: another driver has it, named.
    static Result<Journal> take(const std::string& path);

    // One write(2); with `sync` it is on the disk afterwards. A line that does not fit on the disk is taken back.
    Status add(JournalEvent event, bool sync);

    const std::string& torn() const { return torn_; }  // a sentence about what take() removed, or empty

   private:
    Journal(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    UniqueFd fd_;
    std::string path_;
    std::string torn_;
};

struct JournalText {
    std::vector<JournalEvent> events;
    std::string torn;  // a sentence about a last line that was cut off; empty: there is none
};

// Error: not readable, or a line within it is none of ours.
Result<JournalText> read_journal(const std::string& path);

// A point, as the journal leaves it.
struct PointState {
    enum class Stage { kLeft, kBegun, kEnded };
    Stage stage = Stage::kLeft;
    int attempt = 0;    // of the last begin
    JournalEvent last;  // its last event
    std::string job;    // of the last attempt
    std::string nodes;
    double begin = 0;
};
using PointStates = std::map<std::string, PointState, std::less<>>;
PointStates states_of(const std::vector<JournalEvent>& events);

// The last driver: its start or resume. Nothing: none has ever been.
std::optional<JournalEvent> last_driver(const std::vector<JournalEvent>& events);
std::string describe_driver(const JournalEvent& driver);  // "process 12 on n1"

}  // namespace inferstep::sweep
