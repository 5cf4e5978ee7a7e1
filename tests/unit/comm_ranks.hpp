// Ranks of a step as processes of a test: each runs a function in a fork and says one text, which the test compares.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "comm/world.hpp"

namespace inferstep::test {

// A step that no other has: of one machine, or as if over a network (then by Slurm's variables, on this host).
inline StepIdentity new_step(int ranks, bool network) {
    static int number = 0;
    StepIdentity id;
    id.slurm = network;
    id.job = network ? std::to_string(getpid()) : "local";
    id.step = network ? std::to_string(++number) : std::to_string(getpid()) + "." + std::to_string(++number);
    id.ranks = ranks;
    id.nodes = network ? ranks : 1;
    setenv("SLURM_STEP_NODELIST", "localhost", 1);
    setenv("INFER_MUNGE_SOCKET", "/nonexistent", 1);
    return id;
}

class Ranks {
   public:
    using Work = std::function<std::string(const StepIdentity&)>;
    Ranks(const StepIdentity& step, const Work& work) {
        for (int rank = 0; rank < step.ranks; ++rank) {
            start(step, rank, work);
        }
    }
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;
    ~Ranks() { says(); }

    pid_t pid(int rank) const { return pids_[static_cast<std::size_t>(rank)]; }

    // What each said, in the end; those that were killed said nothing.
    std::vector<std::string> says() {
        for (std::size_t i = 0; i < pids_.size() && said_.size() < pids_.size(); ++i) {
            said_.push_back(rest_of(pipes_[i]));
            waitpid(pids_[i], nullptr, 0);
        }
        return said_;
    }

   private:
    void start(StepIdentity step, int rank, const Work& work) {
        int ends[2];
        if (pipe(ends) != 0) {
            std::abort();
        }
        const pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            step.rank = rank;
            step.local_rank = rank;
            step.node = "n" + std::to_string(rank);
            const std::string said = work(step);
            const bool written = write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
            _exit(written ? 0 : 1);
        }
        close(ends[1]);
        pids_.push_back(pid);
        pipes_.push_back(ends[0]);
    }

    static std::string rest_of(int fd) {
        std::string all;
        char piece[4096];
        for (ssize_t got = read(fd, piece, sizeof piece); got > 0; got = read(fd, piece, sizeof piece)) {
            all.append(piece, static_cast<std::size_t>(got));
        }
        close(fd);
        return all;
    }

    std::vector<pid_t> pids_;
    std::vector<int> pipes_;
    std::vector<std::string> said_;
};

// The first error's message, or "good".
inline std::string said(const Status& status) { return status ? "good" : status.error().message; }

}  // namespace inferstep::test
