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
                                      "connected_clients",
                                      "total_connections_received",
                                      "total_commands_processed",
                                      "rejected_connections",
                                      "total_error_replies",
                                      "total_net_input_bytes",
                                      "total_net_output_bytes"};
constexpr std::string_view kModulePrefix = "inferdb_";
constexpr std::string_view kModelPrefix = "inferdb_model_";
constexpr std::string_view kScriptPrefix = "inferdb_script_";
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
Json counts_of(std::string_view text) {
    Json counts = Json::object();
    for (const std::string& part : split(text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals != std::string::npos) {
            set_value(counts, part.substr(0, equals), std::string_view(part).substr(equals + 1));
        }
    }
    return counts;
}

}  // namespace

Json summarize_info(std::string_view text) {
    Json summary = Json::object();
    Json commands = Json::object();
    Json module = Json::object();
    Json models = Json::object();
    Json scripts = Json::object();
    for (std::string& line : split(text, '\n')) {
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        const std::size_t colon = line.find(':');
        const std::string key = line.substr(0, colon);
        const std::string_view value = colon == std::string::npos ? "" : std::string_view(line).substr(colon + 1);
        if (key.starts_with(kCommandPrefix)) {
            commands.set(key.substr(kCommandPrefix.size()).c_str(), counts_of(value));
        } else if (key.starts_with(kModelPrefix)) {
            models.set(key.substr(kModelPrefix.size()).c_str(), counts_of(value));
        } else if (key.starts_with(kScriptPrefix)) {
            scripts.set(key.substr(kScriptPrefix.size()).c_str(), counts_of(value));
        } else if (key.starts_with(kModulePrefix)) {
            set_value(module, key.substr(kModulePrefix.size()), value);
        } else if (std::find(std::begin(kKept), std::end(kKept), key) != std::end(kKept)) {
            set_value(summary, key, value);
        }
    }
    summary.set("commands", std::move(commands));
    summary.set("module", std::move(module));
    summary.set("models", std::move(models));
    summary.set("scripts", std::move(scripts));
    return summary;
}

Result<Json> collect_statistics(client::Connection& connection, client::Deadline deadline) {
    const Result<client::Reply> info = ask(connection, {"INFO", "everything"}, deadline);
    if (!info) {
        return info.error();
    }
    return summarize_info(std::string_view((*info)->str, (*info)->len));
}

}  // namespace inferstep
