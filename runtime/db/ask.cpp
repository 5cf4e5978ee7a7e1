#include "db/ask.hpp"

#include <algorithm>

#include "db/config.hpp"

namespace inferstep {
namespace {

using std::chrono::milliseconds;

milliseconds left_until(client::Deadline deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    return std::max(left, milliseconds(1));
}

}  // namespace

Result<client::Reply> ask(client::Connection& connection, const std::vector<std::string>& words,
                          client::Deadline deadline, std::span<const client::Bytes> payloads) {
    client::Request request;
    request.add(words, payloads);
    std::vector<client::Reply> replies;
    if (const ClientStatus s = connection.exchange(request, deadline, replies); !s) {
        return Error{s.message(), {}};
    }
    client::Reply& reply = replies.at(0);
    if (reply->type == REDIS_REPLY_ERROR) {
        return fail("{}", std::string_view(reply->str, reply->len));
    }
    return std::move(reply);
}

Result<client::Connection> log_in(const std::string& socket, const std::string& password, client::Deadline deadline) {
    client::Connection connection;
    const client::Address address{"unix://" + socket, socket, {}, 0};
    if (const ClientStatus s = connection.open(address, left_until(deadline)); !s) {
        return Error{s.message(), {}};
    }
    const Result<client::Reply> welcome = ask(connection, {"AUTH", kSupervisorUser, password}, deadline);
    if (!welcome) {
        return welcome.error();
    }
    return connection;
}

}  // namespace inferstep
