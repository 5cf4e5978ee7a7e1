// What the supervisor waits for: the end of its step, a signal, and processes that end.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

// The signals that end a step: SIGTERM, SIGINT, SIGHUP.
sigset_t step_signals();

// From now on they arrive at this signalfd alone. Those that our parent has us ignore are never seen.
Result<UniqueFd> take_step_signals();

class Events {
   public:
    // Takes the step's signals. `life_fd` (owned; may be empty) is the read end of the
    // lifetime pipe: a byte in it, or its end, means that the step is over.
    static Result<Events> create(UniqueFd life_fd);

    // Sleep until some of `fds` can be read, the step is over, or `timeout_ms` (-1: never) has passed. Returns those
    // that can be read; negative ones are skipped. Returns at once when the step is over.
    std::vector<int> wait(const std::vector<int>& fds, int timeout_ms);

    bool stopped() const { return !reason_.empty(); }
    const std::string& stop_reason() const { return reason_; }

   private:
    Events(UniqueFd life, UniqueFd signals) : life_(std::move(life)), signals_(std::move(signals)) {}
    UniqueFd life_;
    UniqueFd signals_;
    std::string reason_;
};

}  // namespace inferstep
