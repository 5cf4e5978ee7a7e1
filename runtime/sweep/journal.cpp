#include "sweep/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/json.hpp"
#include "core/log.hpp"

namespace inferstep::sweep {
namespace {

// Only what an event has, so that a line can be read by eye. Times to the millisecond.
std::string line_of(const JournalEvent& e) {
    Json json = Json::object();
    json.set("time", std::round(e.time * 1000) / 1000).set("event", e.event);
    const std::pair<const char*, const std::string*> texts[] = {
        {"point", &e.point}, {"state", &e.state}, {"job", &e.job},     {"nodes", &e.nodes},
        {"why", &e.why},     {"host", &e.host},   {"where", &e.where},
    };
    for (const auto& [name, text] : texts) {
        if (!text->empty()) {
            json.set(name, *text);
        }
    }
    if (!e.point.empty()) {
        json.set("attempt", e.attempt);
    }
    if (e.event == "end") {
        json.set("exit_code", e.exit_code).set("seconds", std::round(e.seconds * 1e6) / 1e6);
    }
    if (e.pid != 0) {
        json.set("pid", e.pid);
    }
    return json.dump(false) + "\n";
}

int whole(const Json& json, const char* key) {
    const double value = json.number(key);
    return value >= -1e9 && value <= 1e9 ? static_cast<int>(value) : 0;
}

JournalEvent event_of(const Json& json) {
    JournalEvent e;
    e.time = json.number("time");
    e.event = json.text("event");
    e.point = json.text("point");
    e.attempt = whole(json, "attempt");
    e.state = json.text("state");
    e.job = json.text("job");
    e.nodes = json.text("nodes");
    e.exit_code = whole(json, "exit_code");
    e.seconds = json.number("seconds");
    e.why = json.text("why");
    e.pid = whole(json, "pid");
    e.host = json.text("host");
    e.where = json.text("where");
    return e;
}

Result<Journal> refuse(const std::string& path) {
    const Result<JournalText> text = read_journal(path);
    const std::optional<JournalEvent> driver = text ? last_driver(text->events) : std::nullopt;
    return with_hint(fail("{} is run by {} already", path.substr(0, path.rfind('/')),
                          driver ? describe_driver(*driver) : "another process"),
                     "`inferstep sweep status` shows how far it is");
}

// Without locks (some network file systems) two drivers are not told apart: said, and gone on.
Result<bool> lock_journal(int fd, const std::string& path) {
    Result<bool> locked = lock_open_file(fd, path);
    if (!locked) {
        print_warning(locked.error().message + "; see to it that no second sweep goes on with this run");
        return true;
    }
    return *locked;
}

// Bytes of whole lines at the begin of `text`.
std::size_t whole_lines(const std::string& text) {
    const std::size_t last = text.rfind('\n');
    return last == std::string::npos ? 0 : last + 1;
}

std::string torn_text(const std::string& path, std::size_t bytes) {
    return fmt::format("the last line of {} was cut off after {} bytes: it is ignored", path, bytes);
}

}  // namespace

Result<Journal> Journal::create(const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666));
    if (!fd) {
        return fail("cannot create {}: {}", path, std::strerror(errno));
    }
    if (const Result<bool> locked = lock_journal(fd.get(), path); !locked || !*locked) {
        return refuse(path);
    }
    return Journal(std::move(fd), path);
}

Result<Journal> Journal::take(const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!fd) {
        return fail("cannot open {}: {}", path, std::strerror(errno));
    }
    if (const Result<bool> locked = lock_journal(fd.get(), path); !locked || !*locked) {
        return refuse(path);
    }
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    Journal journal(std::move(fd), path);
    const std::size_t good = whole_lines(*text);
    if (good < text->size()) {
        journal.torn_ = torn_text(path, text->size() - good);
    }
    if (good < text->size() && ftruncate(journal.fd_.get(), static_cast<off_t>(good)) != 0) {
        return fail("cannot remove the torn last line of {}: {}", path, std::strerror(errno));
    }
    return journal;
}

Status Journal::add(JournalEvent event, bool sync) {
    event.time = event.time == 0 ? unix_now() : event.time;
    const std::string line = line_of(event);
    struct stat before {};
    fstat(fd_.get(), &before);
    const ssize_t written = write(fd_.get(), line.data(), line.size());
    int error = written < 0 ? errno : 0;
    if (written >= 0 && static_cast<std::size_t>(written) < line.size()) {
        error = ENOSPC;  // which the next write would say
    }
    if (error == 0 && sync && fdatasync(fd_.get()) != 0 && errno != EINVAL) {
        error = errno;
    }
    if (error != 0) {
        if (ftruncate(fd_.get(), before.st_size) != 0) {
            print_warning(fmt::format("the last line of {} stays cut off: {}", path_, std::strerror(errno)));
        }
        return fail("cannot write {}: {}", path_, std::strerror(error));
    }
    return Status::ok();
}

Result<JournalText> read_journal(const std::string& path) {
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    JournalText journal;
    const std::size_t good = whole_lines(*text);
    if (good < text->size()) {
        journal.torn = torn_text(path, text->size() - good);
    }
    int number = 0;
    for (std::size_t begin = 0; begin < good;) {
        const std::size_t end = text->find('\n', begin);
        ++number;
        const Result<Json> json = Json::parse(std::string_view(*text).substr(begin, end - begin), path);
        if (!json || json->text("event").empty()) {
            return fail("{}, line {}: this is no line of a journal", path, number);
        }
        journal.events.push_back(event_of(*json));
        begin = end + 1;
    }
    return journal;
}

PointStates states_of(const std::vector<JournalEvent>& events) {
    PointStates states;
    for (const JournalEvent& e : events) {
        if (e.point.empty()) {
            continue;
        }
        PointState& state = states[e.point];
        if (e.event == "begin") {
            state.stage = PointState::Stage::kBegun;
            state.attempt = e.attempt;
            state.job = e.job;
            state.nodes = e.nodes;
            state.begin = e.time;
        } else if (e.event == "submit") {
            state.job = e.job;
        } else if (e.event == "end") {
            state.stage = PointState::Stage::kEnded;
        } else if (e.event == "interrupt") {
            state.stage = PointState::Stage::kLeft;
        }
        state.last = e;
    }
    return states;
}

std::optional<JournalEvent> last_driver(const std::vector<JournalEvent>& events) {
    for (auto e = events.rbegin(); e != events.rend(); ++e) {
        if (e->event == "start" || e->event == "resume") {
            return *e;
        }
    }
    return std::nullopt;
}

std::string describe_driver(const JournalEvent& driver) {
    return fmt::format("process {} on {}", driver.pid, driver.host);
}

}  // namespace inferstep::sweep
