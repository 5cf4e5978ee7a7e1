#include "db/standard.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "db/client/slots.hpp"
#include "db/standard_cluster.hpp"
#include "db/startup.hpp"

namespace inferstep {
namespace {

constexpr int kLookMs = 50;
constexpr int kHealthMs = 2000;
constexpr int kComplaints = 2;  // looks in a row that must find the cluster broken
constexpr const char* kNoSecret = "-";

// Sleep a little. Error: the time is over, the step is over, or a database of ours has ended.
Status sleep(const Standard::Vigil& v, const std::string& waiting_for) {
    if (std::chrono::steady_clock::now() >= v.deadline) {
        return with_hint(fail("not ready within --timeout={} s: waiting for {}", v.timeout_s, waiting_for),
                         "a large model needs more time: give a larger --timeout");
    }
    std::vector<int> fds;
    for (const Instance& instance : v.instances) {
        fds.push_back(instance.pidfd());
    }
    const std::vector<int> ready = v.events.wait(fds, kLookMs);
    if (v.events.stopped()) {
        return fail("stopped while waiting for {}: {}", waiting_for, v.events.stop_reason());
    }
    for (Instance& instance : v.instances) {
        if (std::find(ready.begin(), ready.end(), instance.pidfd()) != ready.end()) {
            return ended_too_soon(instance);
        }
    }
    return Status::ok();
}

Meeting::Pause pause_of(const Standard::Vigil& v) {
    return [&v](const std::string& waiting_for) { return sleep(v, waiting_for); };
}

// The same in all tasks, and unlike what a step of the same number once left: srun's port tells them apart.
std::string meeting_name(const std::string& step) {
    const char* port = std::getenv("SLURM_SRUN_COMM_PORT");
    return fmt::format("{}-{}", step, port != nullptr ? port : "0");
}

}  // namespace

Standard::Standard(const DbOptions& options, const StepIdentity& id, std::string directory, Meeting meeting)
    : rank_(id.rank),
      ranks_(id.ranks),
      per_task_(options.instances),
      port_(options.standard->port),
      name_(step_name(id)),
      node_(id.node),
      interface_(options.standard->interface),
      meeting_(std::move(meeting)) {
    published_.push_back(std::move(directory));
    if (!options.outdir.empty()) {
        published_.push_back(options.outdir + "/" + name_);
    }
}

Result<Standard> Standard::join(const DbOptions& options, const StepIdentity& id, const Vigil& vigil) {
    if (id.local_ranks > 1) {
        return with_hint(fail("{} tasks run on node {}: a standard database has one on each", id.local_ranks, id.node),
                         "give srun --ntasks-per-node=1; for several shards on a node, --shards=N");
    }
    const Result<std::string> base = attach_directory();
    if (!base) {
        return base.error();
    }
    Result<Meeting> meeting = Meeting::join(*base, meeting_name(step_name(id)), id.rank, id.ranks);
    if (!meeting) {
        return meeting.error();
    }
    Standard standard(options, id, *base + "/" + step_name(id), std::move(*meeting));
    Result<std::string> host = interface_address(standard.interface_);
    if (!host) {
        return host.error();
    }
    standard.host_ = std::move(*host);
    if (Status s = standard.agree(options.standard->authenticate, pause_of(vigil)); !s) {
        return s.error();
    }
    return standard;
}

// The first task makes the secret.
Status Standard::agree(bool authenticate, const Meeting::Pause& pause) {
    if (rank_ == 0) {
        const Result<std::string> secret = authenticate ? random_hex(32) : Result<std::string>(kNoSecret);
        if (!secret) {
            return secret.error();
        }
        if (Status s = meeting_.leave("secret", *secret); !s) {
            return s;
        }
    }
    Result<std::string> agreed = meeting_.of("secret", 0, pause);
    if (!agreed) {
        return agreed.error();
    }
    address_.secret = *agreed == kNoSecret ? std::string() : std::move(*agreed);
    return Status::ok();
}

Result<Network> Standard::next_network() {
    const bool cluster = shards() > 1;
    Result<ReservedPort> port =
        reserve_port(host_, ports_.empty() ? port_ : ports_.back().number + 1, cluster, "--port");
    if (!port) {
        return port.error();
    }
    ports_.push_back(std::move(*port));
    return Network{host_, ports_.back().number, cluster, address_.secret};
}

// The addresses and nodes of all shards, in the order of the tasks.
Status Standard::gather(const Vigil& vigil, const Meeting::Pause& pause) {
    std::string own = node_;
    for (const Instance& instance : vigil.instances) {
        own += " " + instance.network().endpoint();
    }
    if (Status s = meeting_.leave("shards", own); !s) {
        return s;
    }
    const Result<std::vector<std::string>> all = meeting_.of_all("shards", pause);
    if (!all) {
        return all.error();
    }
    for (std::size_t rank = 0; rank < all->size(); ++rank) {
        const std::vector<std::string> words = split(all->at(rank), ' ');
        if (static_cast<int>(words.size()) != per_task_ + 1) {
            return fail("task {} has {} shards, task {} has {}: give all the same --shards", rank, words.size() - 1,
                        rank_, per_task_);
        }
        address_.shards.insert(address_.shards.end(), words.begin() + 1, words.end());
        nodes_.insert(nodes_.end(), words.size() - 1, words[0]);
    }
    return Status::ok();
}

Status Standard::wait_for_cluster(client::Connection& connection, const Meeting::Pause& pause) const {
    for (;;) {
        const client::Deadline soon = in_ms(kHealthMs);
        const Result<std::string> state = cluster_field(connection, "cluster_state", soon);
        const Result<std::string> known = cluster_field(connection, "cluster_size", soon);
        if (!state || !known) {
            return state ? known.error() : state.error();
        }
        if (*state == "ok" && *known == std::to_string(shards())) {
            return Status::ok();
        }
        if (Status s = pause(fmt::format("the cluster, which has {} of {} shards", *known, shards())); !s) {
            return s;
        }
    }
}

Status Standard::form(const Vigil& vigil, const std::string& password) {
    const Meeting::Pause pause = pause_of(vigil);
    std::vector<client::Connection> own;
    for (std::size_t i = 0; i < vigil.instances.size(); ++i) {
        Result<client::Connection> connection = log_in(vigil.instances[i].socket(), password, vigil.deadline);
        if (!connection) {
            return connection.error();
        }
        own.push_back(std::move(*connection));
        const int shard = first_shard() + static_cast<int>(i);
        if (shards() > 1) {
            if (Status s = take_slots(own[i], shard, shards(), vigil.deadline); !s) {
                return s;
            }
            vigil.instances[i].prefix = client::shard_prefix(static_cast<unsigned>(lowest_slot(shard, shards())));
        }
    }
    if (Status s = gather(vigil, pause); !s || shards() == 1) {
        return s;
    }
    if (rank_ == 0) {
        if (Status s = meet(own[0], {address_.shards.begin() + 1, address_.shards.end()}, vigil.deadline); !s) {
            return s;
        }
    }
    for (client::Connection& connection : own) {
        if (Status s = wait_for_cluster(connection, pause); !s) {
            return s;
        }
    }
    return Status::ok();
}

Status Standard::announce(const Vigil& vigil) {
    if (Status s = meeting_.leave("models", "loaded"); !s || rank_ > 0) {
        return s;
    }
    if (const Result<std::vector<std::string>> all = meeting_.of_all("models", pause_of(vigil)); !all) {
        return all.error();
    }
    meeting_.remove();
    for (const std::string& directory : published_) {
        if (Status s = write_address(directory, address_); !s) {
            return s;
        }
    }
    if (address_.secret.empty()) {
        print_warning(
            fmt::format("--tcp-auth=none: whoever can connect to {} may read and replace everything in it, "
                        "and run code as you by storing a model",
                        address_.endpoints()));
    }
    std::printf("ready %s %s %s\n", name_.c_str(), address_.type(), address_.endpoints().c_str());
    std::fflush(stdout);
    return Status::ok();
}

std::string Standard::describe(const Instance& instance) const {
    const auto at = std::find(address_.shards.begin(), address_.shards.end(), instance.network().endpoint());
    return fmt::format("shard {} ({})", at - address_.shards.begin(), instance.network().endpoint());
}

Status Standard::check(const Instance& instance, const std::string& password) {
    if (shards() == 1 || !instance.running()) {
        return Status::ok();
    }
    const client::Deadline deadline = in_ms(kHealthMs);
    Result<client::Connection> connection = log_in(instance.socket(), password, deadline);
    const Result<std::string> state =
        connection ? cluster_field(*connection, "cluster_state", deadline) : Result<std::string>(connection.error());
    // One that is busy (SAVE, FLUSHDB) is not lost: the others would say so.
    complaints_ = state && *state != "ok" ? complaints_ + 1 : 0;
    if (complaints_ < kComplaints) {
        return Status::ok();
    }
    const Result<std::vector<std::string>> silent = lost_shards(*connection, deadline);
    std::string lost;
    for (const std::string& one : silent ? *silent : std::vector<std::string>()) {
        const auto at = std::find(address_.shards.begin(), address_.shards.end(), one) - address_.shards.begin();
        lost += fmt::format("{}shard {} ({}) of node {}", lost.empty() ? "" : ", ", at, one,
                            static_cast<std::size_t>(at) < nodes_.size() ? nodes_[static_cast<std::size_t>(at)] : "?");
    }
    return fail("the database has lost {}", lost.empty() ? "a shard" : lost);
}

std::vector<std::string> Standard::files() const {
    if (rank_ > 0) {
        return {};
    }
    std::vector<std::string> all = meeting_.paths();
    for (const std::string& directory : published_) {
        const std::vector<std::string> files = address_files(directory);
        all.insert(all.end(), files.begin(), files.end());
    }
    return all;
}

void Standard::retire() {
    for (const std::string& path : files()) {
        std::remove(path.c_str());
    }
}

}  // namespace inferstep
