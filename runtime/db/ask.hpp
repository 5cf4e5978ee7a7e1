// Questions of the supervisor to a database of its own, over the connection of the client library.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "db/client/connection.hpp"

namespace inferstep {

// One command and its answer. Error: the database's own words, or what became of the connection. Not thread-safe.
Result<client::Reply> ask(client::Connection& connection, const std::vector<std::string>& words,
                          client::Deadline deadline, std::span<const client::Bytes> payloads = {});

// A connection that has logged in as the supervisor. Error: nobody listens, or no answer before the deadline.
Result<client::Connection> log_in(const std::string& socket, const std::string& password, client::Deadline deadline);

inline client::Deadline in_ms(int milliseconds) {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
}

}  // namespace inferstep
