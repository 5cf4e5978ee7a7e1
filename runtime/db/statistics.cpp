#include "db/statistics.hpp"

#include <algorithm>
#include <charconv>

#include "core/words.hpp"

namespace inferstep {
namespace {

// INFO's fields that are kept as they are.
constexpr std::string_view kKept[] = {"redis_version",
                                      "uptime_in_seconds",
                                      "used_memory",
                                      "used_memory_peak",
                                      "used_memory_rss",
                                      "maxmemory",
                                      "total_connections_received",
                                      "total_commands_processed",
                                      "rejected_connections",
                                      "total_error_replies",
                                      "total_net_input_bytes",
                                      "total_net_output_bytes"};
constexpr std::string_view kModulePrefix = "inferdb_";
constexpr std::string_view kCommandPrefix = "cmdstat_";

// A number where it is one, else text.
void set_value(Json& object, const std::string& key, std::string_view value) {
    double number = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (code == std::errc{} && end == value.data() + value.size()) {
        object.set(key.c_str(), number);
    } else {
        object.set(key.c_str(), value);
    }
}

// "calls=2,usec=31,usec_per_call=15.50,rejected_calls=0,failed_calls=0"
Json command_counts(std::string_view text) {
    Json counts = Json::object();
    for (const std::string& part : split(text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals != std::string::npos) {
            set_value(counts, part.substr(0, equals), std::string_view(part).substr(equals + 1));
        }
    }
    return counts;
}

std::string text_of(const redisReply& reply) {
    return reply.type == REDIS_REPLY_INTEGER ? std::to_string(reply.integer)
           : reply.str != nullptr            ? std::string(reply.str, reply.len)
                                             : std::string();
}

// AI.INFO answers names and values in turn.
Json pairs(const redisReply& reply) {
    Json object = Json::object();
    for (std::size_t i = 0; i + 1 < reply.elements; i += 2) {
        set_value(object, text_of(*reply.element[i]), text_of(*reply.element[i + 1]));
    }
    return object;
}

Result<Json> models(client::Connection& connection, client::Deadline deadline) {
    Json all = Json::object();
    const Result<client::Reply> names = ask(connection, {"AI._MODELSCAN"}, deadline);
    if (!names) {
        return names.error();
    }
    for (std::size_t i = 0; i < (*names)->elements; ++i) {
        const redisReply& entry = *(*names)->element[i];  // [key, tag]
        const std::string name = entry.elements > 0 ? text_of(*entry.element[0]) : text_of(entry);
        const Result<client::Reply> counts = ask(connection, {"AI.INFO", name}, deadline);
        if (counts) {
            all.set(name.c_str(), pairs(**counts));
        }
    }
    return all;
}

}  // namespace

Json summarize_info(std::string_view text) {
    Json summary = Json::object();
    Json commands = Json::object();
    Json module = Json::object();
    for (std::string& line : split(text, '\n')) {
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        const std::size_t colon = line.find(':');
        const std::string key = line.substr(0, colon);
        const std::string_view value = colon == std::string::npos ? "" : std::string_view(line).substr(colon + 1);
        if (key.starts_with(kCommandPrefix)) {
            commands.set(key.substr(kCommandPrefix.size()).c_str(), command_counts(value));
        } else if (key.starts_with(kModulePrefix)) {
            set_value(module, key.substr(kModulePrefix.size()), value);
        } else if (std::find(std::begin(kKept), std::end(kKept), key) != std::end(kKept)) {
            set_value(summary, key, value);
        }
    }
    summary.set("commands", std::move(commands));
    summary.set("module", std::move(module));
    return summary;
}

Result<Json> collect_statistics(client::Connection& connection, client::Deadline deadline) {
    const Result<client::Reply> info = ask(connection, {"INFO", "everything"}, deadline);
    if (!info) {
        return info.error();
    }
    Json summary = summarize_info(text_of(**info));
    Result<Json> stored = models(connection, deadline);
    if (!stored) {
        return stored.error();
    }
    summary.set("models", std::move(*stored));
    return summary;
}

}  // namespace inferstep
