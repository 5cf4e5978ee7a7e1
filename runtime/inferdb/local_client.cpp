#include "inferdb/local_client.hpp"

#include <string_view>

namespace inferstep {
namespace {

constexpr std::string_view kUser = "default";

// The context is the new client's own.
void on_client(redis::Context* context, redis::ServerEvent, std::uint64_t subevent, void* data) {
    const auto* client = static_cast<const redis::ClientInfo*>(data);
    if (subevent != redis::kClientConnected || (client->flags & redis::kClientUnixSocket) == 0) {
        return;
    }
    if (redis::AuthenticateClientWithACLUser(context, kUser.data(), kUser.size(), nullptr, nullptr, nullptr) !=
        redis::kOk) {
        redis::Log(context, "warning", "a client of the Unix socket could not be logged in");
    }
}

}  // namespace

void trust_local_clients(redis::Context* context) {
    redis::SubscribeToServerEvent(context, redis::kClientEvent, on_client);
}

}  // namespace inferstep
