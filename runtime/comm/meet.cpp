// The other ranks of a meeting: they look for rank 0.
#include "comm/meet.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "comm/address.hpp"
#include "comm/hello.hpp"
#include "core/clock.hpp"
#include "core/wait.hpp"

namespace inferstep::comm {
namespace {

constexpr int kConnectMs = 2000;
constexpr int kAnswerMs = 3000;      // a rank 0 answers at once
constexpr int kAskSlurmMs = 2000;    // so long the node's name alone is tried
constexpr int kAfterwardsMs = 5000;  // rank 0 gives up first, and says who is missing
constexpr int kFirstPauseMs = 10;
constexpr int kLongestPauseMs = 500;

// What came of one candidate.
struct Tried {
    std::optional<Meeting> meeting;
    std::string why;
    bool final = false;  // it is our rank 0, and it is in vain
};

Result<Frame> await_frame(Connection& connection, std::int64_t end_ms) {
    for (;;) {
        if (std::optional<Frame> frame = connection.in.next()) {
            return std::move(*frame);
        }
        const std::int64_t left = end_ms - now_ms();
        if (connection.in.bad()) {
            return fail("something else than inferstep answers");
        }
        if (left <= 0 || wait_events(connection.fd.get(), POLLIN, static_cast<int>(left)) == 0) {
            return fail("it accepts connections and says nothing");
        }
        if (!connection.in.fill(connection.fd.get())) {
            return fail("it closes the connection");
        }
    }
}

class Seeker {
   public:
    Seeker(const StepIdentity& id, std::int64_t end_ms) : id_(id), own_(hello_of(id)), end_ms_(end_ms) {}
    Result<Meeting> run();

   private:
    void find_places(bool ask_slurm);
    Tried try_at(const SocketAddress& address);
    Tried shake_hands(Connection connection);
    Tried await_welcome(Connection connection, const std::string& host, const Peer& root);
    Error in_vain() const;

    const StepIdentity& id_;
    Hello own_;
    std::int64_t end_ms_;
    std::unique_ptr<Munge> munge_;
    std::string root_node_;
    std::vector<SocketAddress> places_;
    std::string found_;  // what was last seen in the place of rank 0
};

void Seeker::find_places(bool ask_slurm) {
    if (on_one_machine(id_)) {
        places_ = candidate_names(id_);
        return;
    }
    const char* list = std::getenv("SLURM_STEP_NODELIST");
    list = list != nullptr ? list : std::getenv("SLURM_JOB_NODELIST");
    root_node_ = first_node(list != nullptr ? list : "");
    const Result<std::vector<SocketAddress>> hosts =
        ask_slurm ? slurm_addresses(root_node_) : host_addresses(root_node_);
    if (!hosts) {
        found_ = found_.empty() ? hosts.error().message : found_;
        return;
    }
    for (const int port : candidate_ports(id_)) {
        for (const SocketAddress& host : *hosts) {
            places_.push_back(with_port(host, port));
        }
    }
}

Tried Seeker::await_welcome(Connection connection, const std::string& host, const Peer& root) {
    const Result<Frame> frame = await_frame(connection, end_ms_ + kAfterwardsMs);
    if (!frame) {
        return {{},
                fmt::format("rank 0 on node {} (process {}) ended while the others were awaited", root.node, root.pid),
                true};
    }
    BodyReader in(frame->body);
    if (frame->kind == Kind::failure || frame->kind == Kind::deny) {
        if (frame->kind == Kind::deny) {
            in.number();
        }
        return {{}, in.text(), true};
    }
    Meeting meeting;
    const int size = in.small(kMostRanks);
    for (int rank = 0; rank < size && in.ok(); ++rank) {
        meeting.peers.push_back(read_peer(in));
        meeting.addresses.push_back(in.text());
    }
    if (frame->kind != Kind::welcome || !in.done() || size != id_.ranks) {
        return {{}, "rank 0 sends no list of the ranks", true};
    }
    meeting.addresses[0] = host;
    meeting.connections.push_back(std::move(connection));
    return {std::move(meeting), {}, true};
}

Tried Seeker::shake_hands(Connection connection) {
    const int fd = connection.fd.get();
    const std::string host = peer_address(fd).host();
    const std::int64_t end = std::min(now_ms() + kAnswerMs, end_ms_);
    send_whole(fd, framed(Kind::hello, hello_body(own_)), end);
    Result<Frame> frame = await_frame(connection, end);
    if (!frame) {
        return {{}, frame.error().message, false};
    }
    BodyReader in(frame->body);
    if (frame->kind == Kind::deny) {
        const bool ours = in.number() != 0;
        return {{}, in.text(), ours && in.ok()};
    }
    const std::string nonce = in.text();
    const std::string credential = in.text();
    const Peer root = read_peer(in);
    if (frame->kind != Kind::answer || !in.done()) {
        return {{}, "something else than inferstep answers", false};
    }
    const Proof proof(munge_.get(), own_, nonce);
    if (const Status s = proof.verify("0", credential); !s) {
        return {{}, s.error().message, false};
    }
    const Result<std::string> word = proof.say(std::to_string(own_.peer.rank));
    if (!word) {
        return {{}, word.error().message, true};
    }
    send_whole(fd, framed(Kind::proof, BodyWriter().text(*word).body()), end);
    connection.in.set_limit(std::size_t{64} << 20U);
    return await_welcome(std::move(connection), host, root);
}

Tried Seeker::try_at(const SocketAddress& address) {
    Result<UniqueFd> fd = connect_within(address, kConnectMs);
    if (!fd) {
        return {{}, {}, false};
    }
    if (address.storage.ss_family == AF_UNIX && !is_own_user(fd->get())) {
        return {{}, "another user listens there", false};
    }
    Tried tried = shake_hands({std::move(*fd), FrameReader(kStrangerLimit)});
    if (!tried.why.empty() && !tried.final) {
        tried.why = address.text() + ": " + tried.why;
    }
    return tried;
}

Error Seeker::in_vain() const {
    const std::string place = root_node_.empty() ? "this node" : "node " + root_node_;
    return fail("rank {} on node {} does not find rank 0 on {}: {}", id_.rank, id_.node, place,
                found_.empty() ? places_.empty() ? "the node has no address" : "nobody listens at " + places_[0].text()
                               : found_);
}

Result<Meeting> Seeker::run() {
    if (!on_one_machine(id_)) {
        Result<std::unique_ptr<Munge>> munge = Munge::open();
        munge_ = munge ? std::move(*munge) : nullptr;
    }
    find_places(false);
    const std::int64_t ask_slurm = now_ms() + (places_.empty() ? 0 : kAskSlurmMs);
    bool asked = on_one_machine(id_);
    for (int pause = kFirstPauseMs; now_ms() < end_ms_; pause = std::min(pause * 2, kLongestPauseMs)) {
        if (!asked && now_ms() >= ask_slurm) {
            asked = true;
            find_places(true);
        }
        for (std::size_t i = 0; i < places_.size() && now_ms() < end_ms_; ++i) {
            Tried tried = try_at(places_[i]);
            if (tried.meeting) {
                return std::move(*tried.meeting);
            }
            if (tried.final) {
                return fail("{}", tried.why);
            }
            found_ = tried.why.empty() ? found_ : tried.why;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    }
    return in_vain();
}

}  // namespace

bool on_one_machine(const StepIdentity& id) { return !id.slurm || id.nodes <= 1; }

bool send_whole(int fd, std::string_view bytes, std::int64_t end_ms) {
    while (!bytes.empty()) {
        const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        const std::int64_t left = end_ms - now_ms();
        if ((errno != EAGAIN && errno != EINTR) || left <= 0) {
            return false;
        }
        wait_events(fd, POLLOUT, static_cast<int>(left));
    }
    return true;
}

Result<Meeting> find_root(const StepIdentity& id, std::int64_t end_ms) { return Seeker(id, end_ms).run(); }

Result<Meeting> meet(const StepIdentity& id, const WorldOptions& options) {
    if (id.ranks < 1 || id.ranks > kMostRanks || id.rank < 0 || id.rank >= id.ranks) {
        return fail("rank {} of {} cannot be: the step's variables contradict each other", id.rank, id.ranks);
    }
    const std::int64_t end_ms = now_ms() + static_cast<std::int64_t>(options.join_timeout_s * 1000);
    return id.rank == 0 ? await_ranks(id, end_ms) : find_root(id, end_ms);
}

}  // namespace inferstep::comm
