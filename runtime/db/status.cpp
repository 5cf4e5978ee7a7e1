#include "db/status.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/step.hpp"
#include "core/words.hpp"
#include "db/client/secret.hpp"
#include "db/state_dir.hpp"
#include "db/statistics.hpp"

namespace inferstep {
namespace {

constexpr int kAnswerMs = 5000;
constexpr double kRateS = 0.5;  // between the two readings of a single status

struct Reading {
    FoundDatabase database;
    client::Connection connection;
    Json before = Json::object();
    Json now = Json::object();
    std::int64_t before_ns = 0;
    std::int64_t now_ns = 0;
    std::string error;  // why there is nothing newer
};

bool is_address(const std::string& target) { return target.find_first_of(":/") != std::string::npos; }

void add_addresses(const std::string& list, std::vector<FoundDatabase>& found) {
    for (const std::string& address : split(list, ',')) {
        if (!address.empty()) {
            found.push_back({address, address});
        }
    }
}

Status read_now(Reading& reading) {
    if (!reading.connection.is_open()) {
        client::Address address;
        ClientStatus s = client::parse_address(reading.database.address, address);
        std::string secret;
        s = s ? client::read_secret(reading.database.address, secret) : s;
        s = s ? reading.connection.open(address, std::chrono::milliseconds(kAnswerMs), secret) : s;
        if (!s) {
            return Error{s.message(), {}};
        }
    }
    auto summary = collect_statistics(reading.connection, in_ms(kAnswerMs));
    if (!summary) {
        return summary.error();
    }
    const bool first = reading.now_ns == 0;
    reading.before = first ? summary->copy() : std::move(reading.now);
    reading.now = std::move(*summary);
    const std::int64_t time = now_ns();
    reading.before_ns = first ? time : reading.now_ns;
    reading.now_ns = time;
    return Status::ok();
}

// What the step's supervisor wrote beside the socket.
void find_tcp(const StepSocket& socket, FoundDatabase& database) {
    const Result<std::string> text = read_file(socket.path.substr(0, socket.path.rfind('/')) + "/step.json");
    const Result<Json> step = text ? Json::parse(*text, "step.json") : Result<Json>(text.error());
    for (const Json& one : step ? step->copy_of("databases").items() : std::vector<Json>()) {
        if (one.text("name") == socket.instance) {
            database.tcp = one.text("tcp");
            database.tcp_auth = one.text("tcp_auth");
        }
    }
}

std::string title(const FoundDatabase& d) {
    return d.tcp.empty()
               ? d.name
               : fmt::format("{} (TCP {}, {})", d.name, d.tcp, d.tcp_auth == "none" ? "open" : "with a secret");
}

// True: at least one answered.
bool read_all(std::vector<Reading>& readings) {
    bool any = false;
    for (Reading& reading : readings) {
        const Status status = read_now(reading);
        reading.error = status ? "" : status.error().message;
        any = any || status;
    }
    return any;
}

double seconds_of(const Reading& reading) { return static_cast<double>(reading.now_ns - reading.before_ns) * 1e-9; }

double calls_of(const Json& summary) {
    double calls = 0;
    for (const char* kind : {"models", "scripts"}) {
        for (const Json& counts : summary.copy_of(kind).items()) {
            calls += counts.number("calls");
        }
    }
    return calls;
}

void print_json(const std::vector<Reading>& readings) {
    Json all = Json::array();
    for (const Reading& reading : readings) {
        Json one = Json::object();
        one.set("name", reading.database.name).set("address", reading.database.address);
        if (!reading.database.tcp.empty()) {
            one.set("tcp", reading.database.tcp).set("tcp_auth", reading.database.tcp_auth);
        }
        if (!reading.error.empty()) {
            one.set("error", reading.error);
        } else {
            const double seconds = seconds_of(reading);
            const double grown = std::max(0.0, calls_of(reading.now) - calls_of(reading.before));
            one.set("requests_per_second", seconds > 0 ? grown / seconds : 0);
            one.set("statistics", reading.now.copy());
        }
        all.push(std::move(one));
    }
    Json document = Json::object();
    document.set("schema", "inferstep-status/1").set("databases", std::move(all));
    std::printf("%s\n", document.dump(false).c_str());
}

void print_tables(const std::vector<Reading>& readings, bool in_place) {
    std::string text = in_place ? "\033[H\033[J" : "";
    for (const Reading& reading : readings) {
        text += reading.error.empty()
                    ? status_table(title(reading.database), reading.before, reading.now, seconds_of(reading))
                    : fmt::format("{}: {}\n", reading.database.name, printable(reading.error));
    }
    std::fputs(text.c_str(), stdout);
}

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

}  // namespace

Result<std::vector<FoundDatabase>> find_databases(const StatusOptions& options) {
    const std::vector<StepSocket> sockets = find_sockets(options.statedir, step_identity().node);
    std::vector<FoundDatabase> found;
    const auto add_step = [&](const std::string& step) {
        for (const StepSocket& socket : sockets) {
            if (step.empty() || socket.step == step) {
                found.push_back({fmt::format("{} {}", socket.step, socket.instance), "unix://" + socket.path});
                find_tcp(socket, found.back());
            }
        }
    };
    for (const std::string& target : options.targets) {
        const std::size_t before = found.size();
        is_address(target) ? add_addresses(target, found) : add_step(target);
        if (found.size() == before) {
            return with_hint(fail("step {} has no database of yours on this node", target),
                             "name a step as JOB.STEP, or an address as unix:///path or host:port");
        }
    }
    if (options.targets.empty()) {
        add_step("");
        const char* ssdb = std::getenv("SSDB");
        if (found.empty() && ssdb != nullptr) {
            add_addresses(ssdb, found);
        }
    }
    if (found.empty()) {
        return with_hint(fail("no database of yours runs on this node, and SSDB names none"),
                         "give an address, or run this on a node of the step: srun --overlap --jobid=…");
    }
    return found;
}

int show_status(const StatusOptions& options) {
    const Result<std::vector<FoundDatabase>> found = find_databases(options);
    if (!found) {
        print_error(found.error());
        return 1;
    }
    std::vector<Reading> readings(found->size());
    for (std::size_t i = 0; i < readings.size(); ++i) {
        readings[i].database = (*found)[i];
    }
    bool any = read_all(readings);
    if (any && options.watch_s == 0) {
        pause(kRateS);
        any = read_all(readings);
    }
    for (;;) {
        const bool in_place = options.watch_s > 0 && isatty(STDOUT_FILENO) == 1;
        options.json ? print_json(readings) : print_tables(readings, in_place);
        if (std::fflush(stdout) != 0 || !any || options.watch_s == 0) {
            return any ? 0 : 1;
        }
        pause(options.watch_s);
        any = read_all(readings);
    }
}

}  // namespace inferstep
