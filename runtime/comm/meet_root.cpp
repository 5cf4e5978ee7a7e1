// Rank 0 of a meeting: it listens and takes in who belongs to the step.
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <list>

#include "comm/address.hpp"
#include "comm/hello.hpp"
#include "comm/meet.hpp"
#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace inferstep::comm {
namespace {

constexpr int kPatienceMs = 10'000;         // with a connection that has not yet proved itself
constexpr std::size_t kMostStrangers = 64;  // beyond the ranks of the step; then the oldest goes
constexpr int kFarewellMs = 2000;

struct Stranger {
    Connection connection;
    std::int64_t end_ms = 0;
    std::optional<Hello> hello;  // taken, and answered
    std::string nonce;
};

class Root {
   public:
    Root(const StepIdentity& id, std::int64_t end_ms) : own_(hello_of(id)), end_ms_(end_ms) {
        meeting_.peers.resize(static_cast<std::size_t>(own_.size));
        meeting_.addresses.resize(meeting_.peers.size());
        meeting_.connections.resize(meeting_.peers.size());
        meeting_.peers[0] = own_.peer;
    }

    Status open(const StepIdentity& id);
    Result<Meeting> run();

   private:
    void accept_all();
    bool look_at(Stranger& stranger);  // false: it is to be dropped
    bool greet(Stranger& stranger, const Frame& frame);
    bool admit(Stranger& stranger, const Frame& frame);
    bool deny(const Stranger& stranger, const std::string& why, bool ours) const;
    Status check_members(const pollfd* watched) const;  // by rank
    Error missing() const;
    Error tell(Error error);
    Status welcome();

    Hello own_;
    std::int64_t end_ms_;
    UniqueFd listener_;
    bool network_ = false;
    std::unique_ptr<Munge> munge_;
    std::list<Stranger> strangers_;
    Meeting meeting_;
    std::size_t here_ = 1;
};

Status Root::open(const StepIdentity& id) {
    network_ = !on_one_machine(id);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;  // a connection for every rank
        setrlimit(RLIMIT_NOFILE, &files);
    }
    std::string last;
    for (const int port : network_ ? candidate_ports(id) : std::vector<int>()) {
        Result<UniqueFd> fd = listen_everywhere(port);
        if (fd) {
            listener_ = std::move(*fd);
            break;
        }
        last = fd.error().message;
    }
    for (const SocketAddress& name : network_ ? std::vector<SocketAddress>() : candidate_names(id)) {
        Result<UniqueFd> fd = listen_at(name);
        if (fd) {
            listener_ = std::move(*fd);
            break;
        }
        last = fd.error().message;
    }
    if (!listener_) {
        return fail("rank 0 finds no place to meet the others: {}", last);
    }
    if (network_) {
        Result<std::unique_ptr<Munge>> munge = Munge::open();
        if (munge) {
            munge_ = std::move(*munge);
        } else {
            print_warning(fmt::format("{}: who can reach port {} of node {} while the step starts could join it",
                                      munge.error().message, own_address(listener_.get()).port(), own_.peer.node));
        }
    }
    return Status::ok();
}

void Root::accept_all() {
    for (;;) {
        UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) {
            return;
        }
        if (!network_ && !is_own_user(fd.get())) {
            continue;
        }
        if (strangers_.size() >= meeting_.peers.size() + kMostStrangers) {
            strangers_.pop_front();
        }
        strangers_.push_back({{std::move(fd), FrameReader(kStrangerLimit)}, now_ms() + kPatienceMs, {}, {}});
    }
}

bool Root::deny(const Stranger& stranger, const std::string& why, bool ours) const {
    const std::string body = BodyWriter().number(ours ? 1 : 0).text(why).body();
    send_whole(stranger.connection.fd.get(), framed(Kind::deny, body), now_ms());
    return false;
}

// The reply always fits into an empty socket's buffer: nothing here waits for the stranger.
bool Root::greet(Stranger& stranger, const Frame& frame) {
    const std::optional<Hello> hello = frame.kind == Kind::hello ? read_hello(frame.body) : std::nullopt;
    if (!hello) {
        return false;
    }
    bool ours = false;
    std::string why = denial(own_, *hello, ours);
    const auto rank = static_cast<std::size_t>(hello->peer.rank);
    if (why.empty() && meeting_.connections[rank].fd) {
        why = fmt::format("rank {} is here already, as process {} of node {}", rank, meeting_.peers[rank].pid,
                          meeting_.peers[rank].node);
    }
    if (!why.empty()) {
        return deny(stranger, why, ours);
    }
    const Result<std::string> nonce = random_hex(16);
    const Result<std::string> word = nonce ? Proof(munge_.get(), *hello, *nonce).say("0") : nonce.error();
    if (!word) {
        return deny(stranger, word.error().message, true);
    }
    stranger.hello = hello;
    stranger.nonce = *nonce;
    BodyWriter out;
    out.text(*nonce).text(*word);
    write_peer(out, own_.peer);
    return send_whole(stranger.connection.fd.get(), framed(Kind::answer, out.body()), now_ms());
}

bool Root::admit(Stranger& stranger, const Frame& frame) {
    BodyReader in(frame.body);
    const std::string credential = in.text();
    const auto rank = static_cast<std::size_t>(stranger.hello->peer.rank);
    if (frame.kind != Kind::proof || !in.done() || meeting_.connections[rank].fd) {
        return false;
    }
    const Proof proof(munge_.get(), *stranger.hello, stranger.nonce);
    if (const Status s = proof.verify(std::to_string(rank), credential); !s) {
        return deny(stranger, s.error().message, true);
    }
    meeting_.peers[rank] = stranger.hello->peer;
    if (network_) {
        meeting_.addresses[rank] = peer_address(stranger.connection.fd.get()).host();
    }
    meeting_.connections[rank] = std::move(stranger.connection);
    ++here_;
    return false;  // as a stranger it is gone
}

bool Root::look_at(Stranger& stranger) {
    if (!stranger.connection.in.fill(stranger.connection.fd.get())) {
        return false;
    }
    while (const std::optional<Frame> frame = stranger.connection.in.next()) {
        if (!(stranger.hello ? admit(stranger, *frame) : greet(stranger, *frame))) {
            return false;
        }
    }
    return !stranger.connection.in.bad();
}

// Whoever is here says nothing before it is welcome: what can be read is its end.
Status Root::check_members(const pollfd* watched) const {
    for (std::size_t rank = 1; rank < meeting_.peers.size(); ++rank) {
        if (watched[rank].revents != 0) {
            return fail("rank {} on node {} (process {}) ended while the others were awaited", rank,
                        meeting_.peers[rank].node, meeting_.peers[rank].pid);
        }
    }
    return Status::ok();
}

Error Root::missing() const {
    std::vector<std::string> ranks;
    for (std::size_t rank = 1; rank < meeting_.peers.size(); ++rank) {
        if (!meeting_.connections[rank].fd) {
            ranks.push_back(std::to_string(rank));
        }
    }
    return fail("rank 0 on node {} waited for {} in vain: {}", own_.peer.node,
                ranks.size() == 1 ? "one rank" : fmt::format("{} ranks", ranks.size()), fmt::join(ranks, ", "));
}

Error Root::tell(Error error) {
    const std::string body = BodyWriter().text(error.message).text(error.hint).body();
    for (const Connection& member : meeting_.connections) {
        if (member.fd) {
            send_whole(member.fd.get(), framed(Kind::failure, body), now_ms() + kFarewellMs);
        }
    }
    return error;
}

Status Root::welcome() {
    BodyWriter out;
    out.number(meeting_.peers.size());
    for (std::size_t rank = 0; rank < meeting_.peers.size(); ++rank) {
        write_peer(out, meeting_.peers[rank]);
        out.text(meeting_.addresses[rank]);
    }
    const std::string frame = framed(Kind::welcome, out.body());
    for (std::size_t rank = 1; rank < meeting_.peers.size(); ++rank) {
        if (!send_whole(meeting_.connections[rank].fd.get(), frame, now_ms() + kPatienceMs)) {
            return fail("rank {} on node {} (process {}) does not take its welcome", rank, meeting_.peers[rank].node,
                        meeting_.peers[rank].pid);
        }
    }
    return Status::ok();
}

Result<Meeting> Root::run() {
    while (here_ < meeting_.peers.size()) {
        const std::int64_t now = now_ms();
        if (now >= end_ms_) {
            return tell(missing());
        }
        strangers_.remove_if([now](const Stranger& s) { return now >= s.end_ms; });
        std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}};
        for (const Stranger& s : strangers_) {
            watched.push_back({s.connection.fd.get(), POLLIN, 0});
        }
        for (const Connection& member : meeting_.connections) {
            watched.push_back({member.fd.get(), POLLIN, 0});
        }
        if (poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(end_ms_ - now, 500))) <= 0) {
            continue;
        }
        if (Status s = check_members(watched.data() + watched.size() - meeting_.connections.size()); !s) {
            return tell(s.error());
        }
        std::size_t at = 1;  // the strangers are in the order in which they were put into `watched`
        for (auto s = strangers_.begin(); s != strangers_.end(); ++at) {
            s = watched[at].revents == 0 || look_at(*s) ? std::next(s) : strangers_.erase(s);
        }
        accept_all();
    }
    if (Status s = welcome(); !s) {
        return tell(s.error());
    }
    return std::move(meeting_);
}

}  // namespace

Result<Meeting> await_ranks(const StepIdentity& id, std::int64_t end_ms) {
    Root root(id, end_ms);
    if (Status s = root.open(id); !s) {
        return s.error();
    }
    return root.run();
}

}  // namespace inferstep::comm
