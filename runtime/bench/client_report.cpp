#include "bench/client_report.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "core/clock.hpp"
#include "core/fd.hpp"

namespace inferstep {
namespace {

// The last whole line of a file; empty when there is none yet.
std::string last_line(const std::string& path) {
    constexpr off_t kTail = off_t{64} << 10;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) != 0) {
        return {};
    }
    std::string tail(static_cast<std::size_t>(std::min(st.st_size, kTail)), '\0');
    const ssize_t n = pread(fd.get(), tail.data(), tail.size(), st.st_size - static_cast<off_t>(tail.size()));
    if (n <= 0 || tail[static_cast<std::size_t>(n) - 1] != '\n') {
        return {};
    }
    tail.resize(static_cast<std::size_t>(n) - 1);
    return tail.substr(tail.rfind('\n') + 1);
}

off_t size_of(const std::string& path) {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 ? st.st_size : 0;
}

// The ranks whose summaries have not been seen, and how much the files of the others have grown.
class Awaited {
   public:
    Awaited(std::string directory, int ranks) : directory_(std::move(directory)) {
        for (int rank = 0; rank < ranks; ++rank) {
            sizes_[rank] = 0;
        }
    }

    // Look at every file once. True: there is news.
    bool look(std::vector<RankSummary>& found) {
        bool news = false;
        for (auto it = sizes_.begin(); it != sizes_.end();) {
            const std::string line = last_line(rank_path(directory_, it->first, "log"));
            const auto json = line.starts_with('{') ? Json::parse(line, "") : Result<Json>(fail("no summary yet"));
            if (json) {
                if (auto summary = parse_rank(*json)) {
                    found.push_back(std::move(*summary));
                    it = sizes_.erase(it);
                    news = true;
                    continue;
                }
            }
            const off_t size = size_of(rank_path(directory_, it->first, "csv"));
            news = news || size != it->second;
            it->second = size;
            ++it;
        }
        return news;
    }

    bool none() const { return sizes_.empty(); }
    int count() const { return static_cast<int>(sizes_.size()); }

   private:
    std::string directory_;
    std::map<int, off_t> sizes_;  // of the CSV, by rank
};

// Add the rows of one rank's CSV to the samples of their functions.
Status read_rows(const std::string& path, std::vector<Samples>& samples) {
    const auto text = read_file(path);
    if (!text) {
        return text.error();
    }
    std::string_view rest = *text;
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
        const std::string_view line = rest.substr(0, end);
        const std::size_t first = line.find(',');
        const std::size_t second = line.rfind(',');
        double seconds = 0;
        if (first == second ||
            std::from_chars(&line[second + 1], line.data() + line.size(), seconds).ec != std::errc()) {
            continue;  // the header
        }
        const std::string_view function = line.substr(first + 1, second - first - 1);
        auto at =
            std::find_if(samples.begin(), samples.end(), [&](const Samples& s) { return s.function == function; });
        if (at == samples.end()) {
            at = samples.insert(samples.end(), {std::string(function), {}});
        }
        at->times.push_back(seconds);
    }
    return Status::ok();
}

}  // namespace

bool ClientReport::good() const {
    return missing == 0 && std::all_of(ranks.begin(), ranks.end(),
                                       [](const RankSummary& r) { return r.error.empty() && r.wrong == 0; });
}

Result<ClientReport> collect_report(const std::string& directory, int ranks, double patience) {
    ClientReport report;
    Awaited awaited(directory, ranks);
    std::int64_t last_news = now_ns();
    for (useconds_t pause = 2'000;; pause = std::min<useconds_t>(pause * 2, 200'000)) {
        if (awaited.look(report.ranks)) {
            last_news = now_ns();
        }
        if (awaited.none() || seconds_since(last_news) > patience) {
            break;
        }
        usleep(pause);
    }
    report.missing = awaited.count();
    std::sort(report.ranks.begin(), report.ranks.end(),
              [](const RankSummary& a, const RankSummary& b) { return a.id.rank < b.id.rank; });
    for (const RankSummary& rank : report.ranks) {
        if (Status s = read_rows(rank_path(directory, rank.id.rank, "csv"), report.samples); !s) {
            return s.error();
        }
    }
    return report;
}

std::vector<NodeRate> node_rates(const ClientReport& report) {
    std::map<int, std::vector<const RankSummary*>> nodes;
    for (const RankSummary& rank : report.ranks) {
        if (rank.end > rank.begin) {
            nodes[rank.id.node_index].push_back(&rank);
        }
    }
    std::vector<NodeRate> rates;
    for (const auto& [index, ranks] : nodes) {
        double begin = ranks.front()->begin;
        double end = ranks.front()->end;
        double samples = 0;
        for (const RankSummary* rank : ranks) {
            begin = std::min(begin, rank->begin);
            end = std::max(end, rank->end);
            samples += static_cast<double>(rank->compared);
        }
        rates.push_back({ranks.front()->id.node, static_cast<int>(ranks.size()), samples / (end - begin)});
    }
    return rates;
}

}  // namespace inferstep
