// Threads of a server: named, and never the ones that a signal interrupts (signals are the main thread's).
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace inferstep {

std::thread start_thread(const std::string& name, std::function<void()> body);

}  // namespace inferstep
