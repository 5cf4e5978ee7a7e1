// How the status of a database looks.
#include <fmt/format.h>

#include <algorithm>

#include "core/log.hpp"
#include "core/words.hpp"
#include "db/status.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kNameWidth = 16;

std::string milliseconds(double us) {
    const double ms = us / 1000;
    return ms < 10 ? fmt::format("{:.2f}", ms) : ms < 100 ? fmt::format("{:.1f}", ms) : fmt::format("{:.0f}", ms);
}

// "0.05/12.3" out of <name>_p50_us and <name>_p99_us; nothing executed: a dash.
std::string quantiles(const Json& counts, const char* name) {
    if (counts.number("batches") == 0) {
        return "-";
    }
    return milliseconds(counts.number(fmt::format("{}_p50_us", name).c_str())) + "/" +
           milliseconds(counts.number(fmt::format("{}_p99_us", name).c_str()));
}

double rate(const Json& before, const Json& now, const char* name, double seconds) {
    // Counters that were reset in between start from nothing.
    const double then = before.number(name);
    const double grown = now.number(name) >= then ? now.number(name) - then : now.number(name);
    return seconds > 0 ? grown / seconds : 0;
}

// "1x20/2x12/8x1" as "1: 20  2: 12  5-8: 1"
std::string sizes(const std::string& text) {
    std::string shown;
    for (const std::string& part : split(text, '/')) {
        const std::size_t x = part.find('x');
        if (x == std::string::npos) {
            continue;
        }
        const unsigned long up_to = std::strtoul(part.c_str(), nullptr, 10);
        const std::string range = up_to > 2 ? fmt::format("{}-{}", up_to / 2 + 1, up_to) : fmt::format("{}", up_to);
        shown += fmt::format("  {}: {}", range, part.substr(x + 1));
    }
    return shown;
}

std::string head() {
    return fmt::format("  {:<16} {:<5} {:>9} {:>8} {:>6} {:>12} {:>12} {:>10} {:>10}\n", "MODEL", "ON", "REQUESTS",
                       "RATE", "ERRORS", "QUEUE", "EXECUTE", "COPY IN", "COPY OUT") +
           fmt::format("  {:<16} {:<5} {:>9} {:>8} {:>6} {:>12} {:>12} {:>10} {:>10}\n", "", "", "", "1/s", "",
                       "p50/p99 ms", "p50/p99 ms", "p50/p99 ms", "p50/p99 ms");
}

std::string row(const std::string& key, const Json& before, const Json& now, double seconds) {
    std::string name = printable(key);
    if (name.size() > kNameWidth) {
        name = name.substr(0, kNameWidth - 1) + "~";
    }
    std::string text = fmt::format("  {:<16} {:<5} {:>9.0f} {:>8.1f} {:>6.0f} {:>12} {:>12} {:>10} {:>10}\n", name,
                                   now.text("device", "?"), now.number("calls"), rate(before, now, "calls", seconds),
                                   now.number("errors"), quantiles(now, "queue"), quantiles(now, "inference"),
                                   quantiles(now, "input"), quantiles(now, "output"));
    if (now.number("batches") > 0) {
        const double joint = now.number("joint", 1);
        std::string line =
            fmt::format("    {:.0f} batches, by samples{}", now.number("batches"), sizes(now.text("batch_sizes")));
        line += joint > 1 ? fmt::format("; joined up to {:.0f}", joint) : "";
        text += line + "\n";
    }
    if (now.number("runaway") > 0) {
        text += "    did not return: refused until it is stored again\n";
    }
    return text;
}

double megabytes(double bytes) { return bytes / 1e6; }

}  // namespace

std::string status_table(const std::string& name, const Json& before, const Json& now, double seconds) {
    const Json module = now.copy_of("module");
    double requests = 0;
    std::string rows;
    for (const char* kind : {"models", "scripts"}) {
        const Json then = before.copy_of(kind);
        const Json all = now.copy_of(kind);
        for (const std::string& key : all.keys()) {
            const Json counts = all.copy_of(key.c_str());
            const Json earlier = then.copy_of(key.c_str());
            requests += rate(earlier, counts, "calls", seconds);
            rows += row(key, earlier, counts, seconds);
        }
    }
    const double limit = now.number("maxmemory");
    // Of the clients one is who asks.
    std::string text = fmt::format(
        "{}: {}, {:.0f} workers x {:.0f} threads, {:.0f} clients\n"
        "  {:.1f} requests/s, {:.0f} waiting, {:.0f} running, {:.0f} lost workers; memory {:.1f}{} MB\n",
        name, module.text("backend", "no inference module"), module.number("workers"), module.number("threads"),
        std::max(0.0, now.number("connected_clients") - 1), requests, module.number("waiting"),
        module.number("running"), module.number("lost_workers"), megabytes(now.number("used_memory")),
        limit > 0 ? fmt::format(" of {:.0f}", megabytes(limit)) : "");
    return text + (rows.empty() ? "  no models\n" : head() + rows);
}

}  // namespace inferstep
