// A thread that no signal interrupts: they are the caller's. Threads that a library starts from it are quiet as well.
// Only what a crash raises in the thread itself is let through, so that who handles it (Redis) can write its report.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace inferstep {

template <typename Work>
std::thread quiet_thread(Work&& work) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        sigdelset(&all, crash);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::forward<Work>(work));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace inferstep
