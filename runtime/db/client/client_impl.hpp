// What a Client holds, shared by the files that implement its calls. Private to the library.
#pragma once

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/client/arena.hpp"
#include "db/client/cluster.hpp"
#include "db/client/connection.hpp"

namespace inferstep {

namespace client {

using Words = std::vector<std::string>;

// How much longer than the database's own limit we wait, so that its answer "timed out" arrives.
constexpr std::chrono::milliseconds kGrace{500};

// Words of commands. `append_option` adds nothing where the value is empty or "0".
void append_list(Words& words, const char* name, const Words& list);
void append_option(Words& words, const char* name, const std::string& value);
void append_timeout(Words& words, std::chrono::milliseconds timeout);
Words tensor_set(const TensorIn& tensor);  // its bytes follow as the payload
Words tensor_get(std::string_view key);

// Running a model, or a function of a script.
struct Run {
    const char* command = "AI.MODELEXECUTE";
    std::string_view name;      // of the model or script
    std::string_view function;  // empty for a model
    bool counted = true;        // lists are preceded by their length; AI.SCRIPTRUN knows no lengths
};
Words run_words(const Run& run, const std::string& name, const Words& inputs, const Words& outputs,
                std::chrono::milliseconds timeout);

// The text of an error reply; empty when it is none.
std::string_view error_of(const redisReply& reply);
// The shard refused because keys lie elsewhere by now; the command was not executed.
bool is_elsewhere(const redisReply& reply);
// The failure that a reply tells of; true when it tells of none.
ClientStatus outcome(const redisReply& reply, const std::string& command, const Shard& shard);

// A tensor that the caller is writing.
struct Reserved {
    TensorType type = TensorType::float32;
    std::vector<std::int64_t> shape;
    std::size_t bytes = 0;
    std::optional<Arena::Room> room;                                            // in shared memory, or …
    std::unique_ptr<std::byte, decltype(&std::free)> own{nullptr, &std::free};  // … in ours
};

}  // namespace client

struct Client::Impl {
    ConnectOptions options;
    client::Cluster cluster;
    bool connected_once = false;
    client::Arena arena{[this](const client::Words& words, client::Reply& reply) {
        return call({}, words, options.command_timeout, reply);
    }};
    std::map<const void*, client::Reserved> reserved;  // by their memory

    Milliseconds limit(Milliseconds asked) const { return asked > Milliseconds{0} ? asked : options.command_timeout; }

    // Before a call: connect() was called, and it is known which shard has what.
    ClientStatus ready(const std::string& command, client::Deadline deadline);
    // The range of slots that has this key. server error: no shard has it.
    ClientStatus find(std::string_view key, const client::SlotRange*& range) const;
    bool lies_on(const client::Shard& shard, std::string_view key) const;

    // Send commands to one shard, as they are. Failures are what breaks the connection, and a put into shared memory
    // that had returned before and was refused meanwhile.
    ClientStatus exchange(client::Shard& shard, const client::Request& request, client::Deadline deadline,
                          std::vector<client::Reply>& replies, client::TensorRoom* tensor = nullptr);
    // One command to the shard that has `key`, and on to where the cluster says that the key is by now: what sends a
    // client on has not executed the command. An error reply is a failure.
    ClientStatus call(std::string_view key, const client::Words& words, Milliseconds timeout, client::Reply& reply,
                      std::span<const client::Bytes> payloads = {}, client::TensorRoom* tensor = nullptr);
    // The answer to arena.get().
    ClientStatus take_tensor(const redisReply& reply, const TensorOut& tensor, bool filled = false);
    // One without a key, to whichever shard is nearest at hand.
    ClientStatus call_anyone(const client::Words& words, Milliseconds timeout);
    ClientStatus call_for_flag(std::string_view key, const client::Words& words, bool& flag);

    // Models and scripts lie on every shard. `words`: [command, place for the name, …].
    ClientStatus own_names(std::string_view name, client::Words& names);
    ClientStatus call_everywhere(std::string_view name, client::Words words, Milliseconds timeout,
                                 std::span<const client::Bytes> payloads = {});
    ClientStatus call_first(std::string_view name, client::Words words, client::Reply& reply);
    ClientStatus exists_everywhere(std::string_view name, bool& exists);

    // Run where the first input lies.
    ClientStatus run(const client::Run& what, const client::Words& inputs, const client::Words& outputs,
                     Milliseconds timeout);
    ClientStatus run_on_shard(const client::Run& what, const client::Words& inputs, const client::Words& outputs,
                              Milliseconds timeout, bool& elsewhere);
    ClientStatus copy(const std::string& from, const std::string& to);
};

}  // namespace inferstep
