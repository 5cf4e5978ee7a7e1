// The summary of all ranks, made by rank 0 out of their files.
#pragma once

#include <string>
#include <vector>

#include "bench/client_options.hpp"
#include "bench/client_record.hpp"

namespace inferstep {

struct ClientReport {
    std::vector<RankSummary> ranks;  // those that left one, by rank
    std::vector<Samples> samples;    // of all of them together
    int missing = 0;                 // ranks without a summary
    bool good() const;               // none missing, no error, nothing wrong
};

// Wait for the summaries of `ranks` ranks in `directory`, as long as there is news of any within `patience` seconds (a
// summary, a growing CSV), and read their times. Error: a file cannot be read.
Result<ClientReport> collect_report(const std::string& directory, int ranks, double patience);

struct NodeRate {
    std::string node;
    int clients = 0;
    double per_second = 0;  // its samples over the time from its first loop's begin to its last one's end
};
std::vector<NodeRate> node_rates(const ClientReport& report);

Json report_json(const ClientReport& report, const ClientOptions& options, const std::string& directory);
// A table for people; `directory` is where everything lies.
std::string report_text(const ClientReport& report, const ClientOptions& options, const std::string& directory);

}  // namespace inferstep
