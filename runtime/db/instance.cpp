#include "db/instance.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/process.hpp"
#include "core/spawn.hpp"
#include "core/words.hpp"
#include "db/ask.hpp"
#include "db/config.hpp"
#include "db/gpu_env.hpp"

namespace inferstep {
namespace {

constexpr int kLogInMs = 300;
constexpr int kShutdownMs = 1000;  // SHUTDOWN acts within milliseconds
constexpr int kSigtermMs = 1000;   // Redis looks at SIGTERM every 100 ms
constexpr int kSigkillMs = 2000;
constexpr std::size_t kMostTail = std::size_t{1} << 20U;  // of a log

// Our environment without what would set libtorch's thread pools and allocator behind the plan's back, and with what
// the database is to have.
std::vector<std::string> environment(const PlannedInstance& plan) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        constexpr std::string_view kDropped[] = {"OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_", "INFER_"};
        const bool dropped = std::any_of(std::begin(kDropped), std::end(kDropped),
                                         [&](std::string_view prefix) { return text.starts_with(prefix); });
        if (!dropped && !text.starts_with("CUDA_VISIBLE_DEVICES=") && !text.starts_with("CUDA_DEVICE_ORDER=")) {
            result.emplace_back(text);
        }
    }
    // Freed memory is kept: giving it back costs 9,000 page faults for every forward of a ResNet50.
    result.emplace_back("MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1");
    // Its own GPUs and no others, counted as the plan does; without any it sees none.
    result.emplace_back("CUDA_DEVICE_ORDER=PCI_BUS_ID");
    result.push_back("CUDA_VISIBLE_DEVICES=" + cuda_visible_devices(plan.gpus));
    return result;
}

// A pipe that holds `text`, for a program to read and be done: unlike a file it leaves no copy to be read again.
Result<UniqueFd> pipe_with(const std::string& text) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return fail("cannot make a pipe: {}", std::strerror(errno));
    }
    UniqueFd read_end(ends[0]);
    const UniqueFd write_end(ends[1]);
    if (write(write_end.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return fail("the configuration of {} bytes does not fit into a pipe", text.size());
    }
    fcntl(read_end.get(), F_SETFL, 0);
    return read_end;
}

// Wait until each of `instances` has ended or the time is over; reap those that ended. True: none is left.
bool wait_for_ends(std::vector<Instance>& instances, int timeout_ms) {
    const std::int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        std::vector<pollfd> fds;
        fds.reserve(instances.size());
        for (Instance& instance : instances) {
            fds.push_back({instance.pidfd(), POLLIN, 0});
        }
        const std::int64_t left = deadline - now_ms();
        const bool any = std::any_of(instances.begin(), instances.end(), [](const auto& i) { return i.running(); });
        if (!any || left <= 0) {
            return !any;
        }
        poll(fds.data(), fds.size(), static_cast<int>(left));
        for (std::size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].revents != 0) {
                instances[i].reap();
            }
        }
    }
}

// All in one command: a port alone would be open on every interface.
Status open_port(const std::string& socket, const std::string& password, const Network& network) {
    const client::Deadline deadline = in_ms(kShutdownMs);
    Result<client::Connection> connection = log_in(socket, password, deadline);
    if (!connection) {
        return connection.error();
    }
    const Result<client::Reply> opened =
        ask(*connection,
            {"CONFIG", "SET", "bind", network.address, "protected-mode", network.secret.empty() ? "no" : "yes", "port",
             std::to_string(network.port)},
            deadline);
    return opened ? Status::ok()
                  : Status(fail("cannot listen at {} again: {}", network.endpoint(), opened.error().message));
}

void signal_all(const std::vector<Instance>& instances, int signal) {
    for (const Instance& instance : instances) {
        if (instance.running()) {
            kill(instance.pid(), signal);  // not yet reaped, so the pid is still its own
        }
    }
}

}  // namespace

Result<Instance> Instance::start(int index, const Settings& settings, const StateDir& directory) {
    Instance instance;
    instance.name_ = fmt::format("db{}", index);
    instance.door_ = directory.file(instance.name_ + ".sock");
    instance.socket_ = instance.door_;
    instance.log_file_ = directory.file(instance.name_ + ".log");
    instance.settings_ = settings;
    Result<UniqueFd> log = directory.create_file(instance.name_ + ".log");
    if (!log) {
        return log.error();
    }
    instance.log_ = std::move(*log);
    if (Status s = instance.launch(directory, settings.network.port); !s) {
        return s.error();
    }
    return instance;
}

// With a port of its own choice, since a database that is started again opens its port last.
Status Instance::launch(const StateDir& directory, int port) {
    const Settings& s = settings_;
    Network network = s.network;
    network.port = port;
    const Result<UniqueFd> conf = pipe_with(render_redis_conf(
        {directory.path(), socket_, s.module, s.password, s.plan.cpus.count(), s.tpq, s.device, s.max_memory, network,
         network.cluster ? std::string() : directory.file(name_ + ".arena"), s.max_torch}));
    if (!conf) {
        return conf.error();
    }
    std::vector<std::string> words = {s.redis, "-"};
    std::vector<std::string> variables = environment(s.plan);
    const std::vector<char*> argv = as_argv(words);
    const std::vector<char*> env = as_argv(variables);
    SpawnRequest request;
    request.path = s.redis.c_str();
    request.argv = argv.data();
    request.env = env.data();
    request.stdin_fd = conf->get();
    request.stdout_fd = log_.get();
    request.stderr_fd = log_.get();
    request.cwd = directory.path().c_str();
    request.cpus = &s.plan.cpus;
    request.die_with_parent = true;
    const SpawnResult started = spawn(request);
    if (started.error != 0) {
        return fail("cannot start {}: {}", s.redis, std::strerror(started.error));
    }
    pid_ = started.pid;
    pidfd_.reset(started.pidfd);
    return Status::ok();
}

// Its socket gets its name last: until then clients are refused, and none meets a database without its models.
Status Instance::start_again(const StateDir& directory) {
    ended_before_.push_back(*std::exchange(ended_, std::nullopt));
    socket_ = directory.file(name_ + ".next");
    return launch(directory, 0);
}

Status Instance::open_door(const std::string& password) {
    if (network().port != 0) {
        if (Status s = open_port(socket_, password, network()); !s) {
            return s;
        }
    }
    if (std::rename(socket_.c_str(), door_.c_str()) != 0) {
        return fail("cannot rename {}: {}", socket_, std::strerror(errno));
    }
    socket_ = door_;
    return Status::ok();
}

void Instance::reap() {
    Ended end;
    while (wait4(pid_, &end.wait_status, 0, &end.usage) < 0 && errno == EINTR) {
    }
    ended_ = end;
    pidfd_.reset();
}

std::vector<std::string> Instance::log_tail(std::size_t lines) const {
    const Result<std::string> text = read_tail(log_file_, kMostTail);
    std::vector<std::string> all = split(text ? *text : "", '\n');
    std::erase(all, "");
    // The report of a crash is long, and begins with what happened.
    const auto crash = std::find_if(all.begin(), all.end(), [](const std::string& line) {
        return line.find("REDIS BUG REPORT START") != std::string::npos;
    });
    const auto last = static_cast<std::ptrdiff_t>(std::min(lines, all.size()));
    const auto first = crash != all.end() ? crash : all.end() - last;
    return {first, first + std::min(last, all.end() - first)};
}

void stop_all(std::vector<Instance>& instances, const std::string& password, bool politely) {
    if (politely) {
        for (const Instance& instance : instances) {
            if (!instance.running()) {
                continue;
            }
            Result<client::Connection> connection = log_in(instance.socket(), password, in_ms(kLogInMs));
            if (connection) {
                // One that obeys does not answer: all are asked before any is waited for.
                static_cast<void>(ask(*connection, {"SHUTDOWN", "NOSAVE", "NOW"}, in_ms(1)));
            }
        }
        if (wait_for_ends(instances, kShutdownMs)) {
            return;
        }
        signal_all(instances, SIGTERM);
        if (wait_for_ends(instances, kSigtermMs)) {
            return;
        }
    }
    signal_all(instances, SIGKILL);
    wait_for_ends(instances, kSigkillMs);
}

}  // namespace inferstep
