#include "inferdb/thread.hpp"

#include <pthread.h>

#include <utility>

#include "core/quiet_thread.hpp"

namespace inferstep {

std::thread start_thread(const std::string& name, std::function<void()> body) {
    std::thread thread = quiet_thread(std::move(body));
    pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());  // Linux shows 15 characters
    return thread;
}

}  // namespace inferstep
