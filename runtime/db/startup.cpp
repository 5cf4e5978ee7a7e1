#include "db/startup.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/process.hpp"

namespace inferstep {
namespace {

constexpr int kDeathMs = 50;  // a broken connection shows this much sooner than the end of its process, at most

// The threads' own deadline lies behind ours, so that it is we who say what was late.
constexpr std::chrono::seconds kGrace(1);

// One database on its way; shared with the thread that works on it, which may outlive a failed start.
struct Job {
    LoadRequest request;
    Progress progress;
    UniqueFd done;  // an eventfd, readable once `result` is there
    std::int64_t done_ns = 0;
    std::optional<Result<std::vector<LoadedModel>>> result;
};

Result<std::shared_ptr<Job>> begin(const Instance& instance, const std::string& password, const DbOptions& options,
                                   Load load, client::Deadline deadline) {
    auto job = std::make_shared<Job>();
    const bool all = load == Load::models_and_scripts;
    job->request = {instance.socket(),
                    password,
                    all ? options.models : std::vector<ModelSpec>(),
                    all ? options.scripts : std::vector<ScriptSpec>(),
                    instance.plan().gpus.empty() ? "CPU" : "GPU",
                    instance.prefix,
                    deadline + kGrace};
    job->done.reset(eventfd(0, EFD_CLOEXEC));
    if (!job->done) {
        return fail("cannot make an event: {}", std::strerror(errno));
    }
    auto work = [job] {
        job->result = make_ready(job->request, job->progress);
        job->done_ns = now_ns();
        const std::uint64_t one = 1;
        // The write publishes `result`: the other side reads it after the fd.
        [[maybe_unused]] const ssize_t n = write(job->done.get(), &one, sizeof one);
    };
    try {
        std::thread(std::move(work)).detach();
    } catch (const std::system_error& e) {
        return with_hint(fail("cannot start a thread: {}", e.code().message()), "ulimit -u limits them");
    }
    return job;
}

// Take over what a finished job has found out.
Status finish(Job& job, std::int64_t start_ns, Instance& instance) {
    std::uint64_t one = 0;
    [[maybe_unused]] const ssize_t n = read(job.done.get(), &one, sizeof one);
    job.done.reset();
    if (!*job.result) {
        return fail("{}: {}", instance.name(), job.result->error().message);
    }
    instance.models = std::move(**job.result);
    instance.ready_s = static_cast<double>(job.done_ns - start_ns) * 1e-9;
    return Status::ok();
}

Error too_late(std::span<const Instance> instances, const std::vector<std::shared_ptr<Job>>& jobs, int timeout_s) {
    std::string late;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i]->done) {
            late +=
                fmt::format("{}{} was {}", late.empty() ? "" : ", ", instances[i].name(), jobs[i]->progress.stage());
        }
    }
    return with_hint(fail("not ready within --infer-timeout={} s: {}", timeout_s, late),
                     "a large model needs more time: give a larger --infer-timeout");
}

bool contains(const std::vector<int>& fds, int fd) { return std::find(fds.begin(), fds.end(), fd) != fds.end(); }

// Look at what `ready` says of one database. An error of its thread may be the first sign that it has ended.
Status look_at(Instance& instance, Job& job, const std::vector<int>& ready, std::int64_t start_ns, Events& events) {
    if (contains(ready, instance.pidfd())) {
        return ended_too_soon(instance);
    }
    if (!contains(ready, job.done.get())) {
        return Status::ok();
    }
    Status status = finish(job, start_ns, instance);
    if (!status && contains(events.wait({instance.pidfd()}, kDeathMs), instance.pidfd())) {
        return ended_too_soon(instance);
    }
    return status;
}

}  // namespace

Error ended_too_soon(Instance& instance) {
    instance.reap();
    return fail("{} ended before it was ready ({})", instance.name(), describe_exit(instance.ended()->wait_status));
}

Status make_all_ready(std::span<Instance> instances, const std::string& password, const DbOptions& options, Load load,
                      std::int64_t start_ns, Events& events) {
    const std::int64_t left_ns = start_ns + options.timeout_s * std::int64_t{1'000'000'000} - now_ns();
    const client::Deadline deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(left_ns);
    std::vector<std::shared_ptr<Job>> jobs;
    for (const Instance& instance : instances) {
        Result<std::shared_ptr<Job>> job = begin(instance, password, options, load, deadline);
        if (!job) {
            return job.error();
        }
        jobs.push_back(std::move(*job));
    }
    for (;;) {
        std::vector<int> fds;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            fds.insert(fds.end(), {jobs[i]->done.get(), instances[i].pidfd()});
        }
        if (std::none_of(jobs.begin(), jobs.end(), [](const auto& job) { return static_cast<bool>(job->done); })) {
            return Status::ok();
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        const std::vector<int> ready = left > 0 ? events.wait(fds, static_cast<int>(left)) : std::vector<int>();
        if (events.stopped()) {
            return fail("stopped before the databases were ready: {}", events.stop_reason());
        }
        if (left <= 0) {
            return too_late(instances, jobs, options.timeout_s);
        }
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (Status s = look_at(instances[i], *jobs[i], ready, start_ns, events); !s) {
                return s;
            }
        }
    }
}

}  // namespace inferstep
