#include "inferdb/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace inferstep {

std::thread start_thread(const std::string& name, std::function<void()> body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        sigdelset(&all, crash);  // Redis writes a report of these
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited, also by the threads that libtorch starts from it
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());  // Linux shows 15 characters
    return thread;
}

}  // namespace inferstep
