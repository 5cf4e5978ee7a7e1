// What a Client holds, shared by the files that implement its calls. Private to the library.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/client/connection.hpp"

namespace inferstep {

namespace client {

using Words = std::vector<std::string>;

// How much longer than the database's own limit we wait, so that its answer "timed out" arrives.
constexpr std::chrono::milliseconds kGrace{500};

// Words of commands. `append_option` adds nothing where the value is empty or "0".
void append_list(Words& words, const char* name, const Words& list);
void append_option(Words& words, const char* name, const std::string& value);
Words tensor_set(const TensorIn& tensor);  // its bytes follow as the payload
Words tensor_get(std::string_view key);
Words model_execute(std::string_view model, const Words& inputs, const Words& outputs,
                    std::chrono::milliseconds timeout);

}  // namespace client

struct Client::Impl {
    client::Address address;
    ConnectOptions options;
    client::Connection connection;
    bool connected_once = false;

    Milliseconds limit(Milliseconds asked) const { return asked > Milliseconds{0} ? asked : options.command_timeout; }

    // Send the request and have every answer checked: the first error reply is the outcome.
    ClientStatus call(const client::Request& request, Milliseconds timeout, std::vector<client::Reply>& replies);
    ClientStatus call(const client::Words& words, Milliseconds timeout, client::Reply& reply,
                      std::span<const client::Bytes> payloads = {});
    ClientStatus call_for_flag(const client::Words& words, bool& flag);
};

}  // namespace inferstep
