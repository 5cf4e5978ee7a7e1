// From "started" to "ready": all databases of the node at the same time, one thread each.
#pragma once

#include <span>
#include <string>

#include "core/result.hpp"
#include "db/events.hpp"
#include "db/instance.hpp"

namespace inferstep {

// Shards take no key before they are one cluster: then they are made ready twice.
enum class Load { nothing, models_and_scripts };

// Make all of them ready, filling in their `models` and `ready_s`. Returns early when one of them ends,
// fails, when the time of --timeout (counted from `start_ns`) is over, or when the step ends; the Error names the
// database. The threads of a failure end by themselves once the caller has killed the databases.
Status make_all_ready(std::span<Instance> instances, const std::string& password, const DbOptions& options, Load load,
                      std::int64_t start_ns, Events& events);

// It has ended, and nobody asked it to; reaps it.
Error ended_too_soon(Instance& instance);

}  // namespace inferstep
