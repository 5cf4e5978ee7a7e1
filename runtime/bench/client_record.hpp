// What a rank of `inferstep client` leaves behind while it runs: rank_N.csv (one row per call, appended block by block)
// and rank_N.log (what was run, where; its last line is the summary). man/inferstep-metrics.5 is their description.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/file.hpp"
#include "core/json.hpp"
#include "core/rank_times.hpp"
#include "core/step.hpp"

namespace inferstep {

// The times of one kind of call, in seconds.
struct Samples {
    std::string function;
    std::vector<double> times;
};

struct RankSummary {
    StepIdentity id;
    std::string endpoint;
    std::string instance;
    int iterations = 0;  // that worked, of the measured ones
    int batch_size = 1;
    std::int64_t compared = 0;  // every inference of these iterations
    std::int64_t wrong = 0;
    double worst = 0;   // largest difference seen, in units of the reference's largest value
    std::string error;  // why it ended early; empty: it did not
    double client_seconds = 0;
    double loop_seconds = 0;
    double begin = 0;  // of the loop, seconds since 1970
    double end = 0;
};

Json rank_json(const RankSummary& summary, const std::vector<Samples>& samples);
Result<RankSummary> parse_rank(const Json& json);

// count, mean, p50, p95, p99, max
Json samples_json(const std::vector<double>& times);

class RankRecord {
   public:
    // <outdir>/<job>.<step>/ and the two files of this rank in it. A file that is there already is an error.
    static Result<RankRecord> create(const std::string& outdir, const StepIdentity& id);

    const std::string& directory() const { return directory_; }  // absolute
    void log(std::string_view word, std::string_view text);
    void log(std::string_view word, const Json& json) { log(word, json.dump(false)); }
    void row(std::string_view function, double seconds) { times_.row(function, seconds); }
    void flush() { times_.flush(); }
    // The last line of the log. Error: what could not be written since create().
    Status finish(const Json& summary);

   private:
    RankRecord(std::string directory, LineFile log_file, RankTimes times)
        : directory_(std::move(directory)), log_(std::move(log_file)), times_(std::move(times)) {}

    std::string directory_;
    LineFile log_;
    RankTimes times_;
};

}  // namespace inferstep
