// The door of the arenas: a Unix socket at which a client of the same user asks for one, and whose connection lives as
// long as the client uses it.
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"
#include "inferdb/arena_session.hpp"
#include "inferdb/settings.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kMaxSessions = 1024;
constexpr std::int64_t kClockApartNs = 1'000'000'000;
// Bytes copied for a client that has gone before other clients have their turn, and when it goes on.
constexpr std::size_t kHomeAtOnce = std::size_t{32} << 20;
constexpr long long kHomeAgainMs = 1;
constexpr long long kNoRoomAgainMs = 1000;

void filter(redis::FilterContext*) { drain_arenas(); }

void go_home(redis::Context*, void* data) {
    auto* memory = static_cast<std::shared_ptr<ArenaMemory>*>(data);
    const Home home = bring_home(*memory, kHomeAtOnce);
    if (home == Home::all) {
        delete memory;
        return;
    }
    redis::CreateTimer(arenas().context, home == Home::more ? kHomeAgainMs : kNoRoomAgainMs, go_home, data);
}

// The client has gone. What it put last is taken still; its tensors stay.
void end_session(ArenaSession* session) {
    drain_arenas();
    ArenaState& state = arenas();
    redis::EventLoopDel(session->fd.get(), redis::kFdReadable);
    std::shared_ptr<ArenaMemory> memory = std::move(session->memory);
    std::erase_if(state.sessions, [session](const auto& s) { return s.get() == session; });
    if (memory != nullptr) {
        go_home(nullptr, new std::shared_ptr<ArenaMemory>(std::move(memory)));
    }
    const bool used =
        std::any_of(state.sessions.begin(), state.sessions.end(), [](const auto& s) { return s->memory != nullptr; });
    if (!used && state.filter != nullptr) {
        redis::UnregisterCommandFilter(state.context, state.filter);
        state.filter = nullptr;
    }
}

// Bytes of data part for a request, 0 for none: what was asked for, but no client gets more than a quarter of the quota
// unless it needs that, and none more than is left.
std::size_t grant(const ArenaHello& hello) {
    const std::size_t quota = settings().arena;
    const std::size_t used = ArenaMemory::total() + kArenaData;
    if (used >= quota || hello.least > quota - used || hello.wish < hello.least) {
        return 0;
    }
    const std::size_t fair = std::max<std::size_t>(quota / 4, hello.least);
    const std::size_t pages = std::min({hello.wish, fair, quota - used}) / kArenaPage;
    return pages * kArenaPage >= hello.least ? pages * kArenaPage : 0;
}

Status answer(ArenaSession& session, const ArenaHello& hello, ArenaWelcome& welcome, UniqueFd& file) {
    if (hello.magic != kArenaMagic || hello.version != kArenaVersion) {
        return fail("the client speaks another version of the arena's protocol");
    }
    if (const std::int64_t now = now_ns(); hello.clock > now + kClockApartNs || hello.clock < now - kClockApartNs) {
        return fail("the clocks of client and database differ");
    }
    const std::size_t bytes = grant(hello);
    if (bytes == 0) {
        return fail("no {} bytes are left of the {} for arenas", hello.least, settings().arena);
    }
    auto memory = ArenaMemory::make(bytes, file);
    if (!memory) {
        return memory.error();
    }
    if (getrandom(&welcome.token, sizeof welcome.token, 0) != sizeof welcome.token) {
        return fail("there are no random numbers");
    }
    welcome.bytes = bytes;
    session.token = welcome.token;
    session.memory = std::move(*memory);
    return Status::ok();
}

bool send_welcome(int fd, ArenaWelcome& welcome, int file) {
    iovec part{&welcome, sizeof welcome};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &file, sizeof file);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof welcome);
}

// Whatever the client sends after its request, and the end of its connection, ends the session.
bool greet(ArenaSession& session) {
    ArenaHello hello{};
    if (session.memory != nullptr || recv(session.fd.get(), &hello, sizeof hello, MSG_DONTWAIT) != sizeof hello) {
        return false;
    }
    ArenaWelcome welcome{};
    welcome.magic = kArenaMagic;
    welcome.version = kArenaVersion;
    UniqueFd file;
    if (Status status = answer(session, hello, welcome, file); !status) {
        ++arenas().stats.fallbacks;
        std::strncpy(welcome.refusal, status.error().message.c_str(), sizeof welcome.refusal - 1);
        send_welcome(session.fd.get(), welcome, -1);
        return false;
    }
    ArenaState& state = arenas();
    if (state.filter == nullptr) {
        state.filter = redis::RegisterCommandFilter(state.context, filter, 0);
    }
    return state.filter != nullptr && send_welcome(session.fd.get(), welcome, file.get());
}

void on_readable(int, void* data, int) {
    auto* session = static_cast<ArenaSession*>(data);
    bool welcome = false;
    try {
        welcome = greet(*session);
    } catch (...) {  // no memory
    }
    if (!welcome) {
        end_session(session);
    }
}

void on_connection(int listening, void*, int) {
    UniqueFd fd(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ucred peer{};
    socklen_t length = sizeof peer;
    ArenaState& state = arenas();
    if (!fd || getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid() ||
        state.sessions.size() >= kMaxSessions) {
        return;
    }
    auto session = std::make_unique<ArenaSession>(fd.release());
    if (redis::EventLoopAdd(session->fd.get(), redis::kFdReadable, on_readable, session.get()) == redis::kOk) {
        state.sessions.push_back(std::move(session));
    }
}

void on_cron(redis::Context*, redis::ServerEvent, std::uint64_t, void*) { drain_arenas(); }

int on_change(redis::Context*, int, const char*, redis::String*) { return redis::kOk; }

}  // namespace

Status start_arenas(redis::Context* context) {
    const std::string& path = settings().arena_socket;
    if (settings().arena == 0 || path.empty()) {
        return Status::ok();
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail("ARENASOCKET {} is too long for a socket: {} bytes are possible", path,
                    sizeof address.sun_path - 1);
    }
    path.copy(address.sun_path, path.size());
    ArenaState& state = arenas();
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    unlink(path.c_str());  // as Redis does with its own: what a killed predecessor left
    if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        chmod(path.c_str(), S_IRWXU) != 0 || listen(fd.get(), SOMAXCONN) != 0 ||
        redis::EventLoopAdd(fd.get(), redis::kFdReadable, on_connection, nullptr) != redis::kOk) {
        return fail("cannot listen at {}: {}", path, std::strerror(errno));
    }
    state.listening = std::move(fd);
    state.context = redis::GetDetachedThreadSafeContext(context);
    redis::SubscribeToServerEvent(context, redis::kCronEvent, on_cron);
    redis::SubscribeToKeyspaceEvents(context, redis::kNotifyModule, on_change);  // see store() in arena.cpp
    return Status::ok();
}

void stop_arenas() {
    drain_arenas();
    if (arenas().listening) {
        unlink(settings().arena_socket.c_str());
    }
}

std::string arena_path(redis::Context* context) {
    const bool cluster = (redis::GetContextFlags(context) & (redis::kFlagCluster | redis::kFlagReplica)) != 0;
    return cluster || !arenas().listening ? std::string() : settings().arena_socket;
}

}  // namespace inferstep
