// Points as processes of ours: their scripts are started, waited for and, where need be, ended here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "db/leftovers.hpp"
#include "sweep/allocation.hpp"
#include "sweep/runner.hpp"

namespace inferstep::sweep {

class ProcessRunner final : public Runner {
   public:
    ProcessRunner(std::string job, const std::vector<std::string>& nodes, int parallel)
        : job_(std::move(job)), placer_(nodes), parallel_(job_.empty() ? 1 : parallel) {
        adopt_orphans();
    }

    bool full() const override {
        return (parallel_ > 0 && static_cast<int>(scripts_.size()) >= parallel_) || (!job_.empty() && placer_.full());
    }
    std::optional<Places> place(const Point& point) override;
    void give_back(const Places& places) override { placer_.give_back(places); }
    Result<std::string> start(const Point& point, const std::string& directory, const Places& places) override;
    Result<bool> adopt(const Point& point, const std::string& directory, const PointState& state) override;
    void watch(std::vector<pollfd>& fds) const override;
    int patience() const override;
    std::vector<Finished> look() override;
    void stop(const std::string& id, bool hard) override;
    std::optional<std::int64_t> began_ms(const std::string& id) const override;
    std::string over() const override { return over_; }

   private:
    static constexpr int kGraceMs = 5'000;  // between the polite signal and the other one

    // One script. It leads a session of its own, so that a signal reaches all that it started.
    struct Script {
        std::string id;
        std::string directory;
        Places places;
        pid_t pid = -1;
        UniqueFd pidfd;
        bool ours = true;    // our child; else an earlier driver's
        bool ended = false;  // and collected; others of its session may still be there
        int status = 0;
        std::int64_t began_ms = 0;
        std::int64_t killed_at_ms = 0;  // when patience with it ends; 0: it was not asked to end
        bool killed = false;
    };

    void reap(Script& script);
    bool drained(Script& script);
    void finish(Script& script);
    Finished outcome(const Script& script);
    void blame_the_allocation(Finished& finished, const Script& script);
    void kill_script(Script& script);

    std::string job_;
    Placer placer_;
    int parallel_;
    std::vector<Script> scripts_;
    std::string over_;
};

}  // namespace inferstep::sweep
