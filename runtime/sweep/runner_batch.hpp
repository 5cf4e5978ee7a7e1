// Points as batch jobs. Their end is known by the file that their scripts leave; the queue is asked seldom, for all
// jobs in one call, and tells of those that died without a word.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "sweep/jobs.hpp"
#include "sweep/runner.hpp"

namespace inferstep::sweep {

class BatchRunner final : public Runner {
   public:
    explicit BatchRunner(int parallel);

    bool full() const override { return entries_.size() >= parallel_ || now_ms() < refused_until_ms_; }
    std::optional<Places> place(const Point& point) override;
    void give_back(const Places& /*places*/) override {}
    Result<std::string> start(const Point& point, const std::string& directory, const Places& places) override;
    Result<bool> adopt(const Point& point, const std::string& directory, const PointState& state) override;
    void watch(std::vector<pollfd>& /*fds*/) const override {}
    int patience() const override;
    std::vector<Finished> look() override;
    void stop(const std::string& id, bool hard) override;
    std::optional<std::int64_t> began_ms(const std::string& id) const override;
    bool refused() const override { return refused_until_ms_ != 0; }
    std::string over() const override { return over_; }

   private:
    static constexpr int kLookMs = 250;      // between two looks at the files, when something has just happened
    static constexpr int kAskMs = 1'000;     // between two questions to the controller
    static constexpr int kGraceMs = 30'000;  // for a job that was told to end

    struct Entry {
        std::string id;  // of the point
        std::string directory;
        std::string job;
        std::string state = "PENDING";
        std::string nodes;
        std::string reason;                // why it waits
        double begin = 0;                  // of the job, seconds since 1970
        std::int64_t over_since_ms = 0;    // the queue calls it ended, and its file is not there
        std::int64_t failed_since_ms = 0;  // its file is there and says that it failed
        std::int64_t kill_at_ms = 0;       // it was asked to end
    };

    void refuse(bool later, const std::string& why);
    void ask();
    void note(Entry& entry, const Job& job);
    bool waited_for_why(Entry& entry, int limit_ms);
    std::optional<Finished> outcome(Entry& entry);
    Finished by_state(const Entry& entry) const;
    void slow_down();
    void speed_up();

    std::size_t parallel_;
    std::vector<Entry> entries_;
    std::map<std::string, Job> queue_;  // as it was asked last
    bool asked_ = false;
    std::int64_t next_look_ms_ = 0, next_ask_ms_ = 0;
    std::int64_t refused_until_ms_ = 0, refused_since_ms_ = 0;  // 0: the last submission was taken
    int look_pause_ms_ = kLookMs, ask_pause_ms_ = kAskMs;
    bool taken_any_ = false;
    std::string over_;
};

}  // namespace inferstep::sweep
