#include "db/standard_cluster.hpp"

#include "core/words.hpp"

namespace inferstep {

Status take_slots(client::Connection& connection, int index, int shards, client::Deadline deadline) {
    const std::string low = std::to_string(lowest_slot(index, shards));
    const std::string high = std::to_string(lowest_slot(index + 1, shards) - 1);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(index + 1)},
          std::vector<std::string>{"CLUSTER", "ADDSLOTSRANGE", low, high}}) {
        if (const Result<client::Reply> done = ask(connection, command, deadline); !done) {
            return fail("shard {} does not take its slots: {}", index, done.error().message);
        }
    }
    return Status::ok();
}

Status meet(client::Connection& connection, const std::vector<std::string>& others, client::Deadline deadline) {
    for (const std::string& other : others) {
        const std::size_t colon = other.rfind(':');
        const Result<client::Reply> done =
            ask(connection, {"CLUSTER", "MEET", other.substr(0, colon), other.substr(colon + 1)}, deadline);
        if (!done) {
            return fail("the shards do not meet {}: {}", other, done.error().message);
        }
    }
    return Status::ok();
}

Result<std::string> cluster_field(client::Connection& connection, const std::string& name, client::Deadline deadline) {
    const Result<client::Reply> info = ask(connection, {"CLUSTER", "INFO"}, deadline);
    if (!info) {
        return info.error();
    }
    const std::string text = fmt::format("\r\n{}", std::string_view((*info)->str, (*info)->len));
    const std::size_t at = text.find("\r\n" + name + ":");
    if (at == std::string::npos) {
        return fail("CLUSTER INFO has no {}", name);
    }
    const std::size_t value = at + name.size() + 3;
    return text.substr(value, text.find('\r', value) - value);
}

// A line: <id> <host>:<port>@<bus port> <flags> …
Result<std::vector<std::string>> lost_shards(client::Connection& connection, client::Deadline deadline) {
    const Result<client::Reply> nodes = ask(connection, {"CLUSTER", "NODES"}, deadline);
    if (!nodes) {
        return nodes.error();
    }
    std::vector<std::string> lost;
    for (const std::string& line : split(std::string_view((*nodes)->str, (*nodes)->len), '\n')) {
        const std::vector<std::string> words = split(line, ' ');
        if (words.size() < 3) {
            continue;
        }
        const std::string flags = "," + words[2] + ",";
        if (flags.find(",fail,") != std::string::npos || flags.find(",fail?,") != std::string::npos) {
            lost.push_back(words[1].substr(0, words[1].find('@')));
        }
    }
    return lost;
}

}  // namespace inferstep
