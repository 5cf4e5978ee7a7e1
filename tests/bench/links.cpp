// Ranks of a step that do nothing but communicate: for the tests of runtime/comm, and to measure its links.
//
//     links join                         all gather their ranks and leave
//     links wait                         until a failure is heard of
//     links receive TRANSPORT            rank 0 waits for a message of the last rank, which does not come
//     links gather ROUNDS                a line "barrier MICROSECONDS" of rank 0: one barrier
//     links pingpong TRANSPORT BYTES ROUNDS   a line "TRANSPORT MICROSECONDS" of rank 0: one way
//     links stream TRANSPORT BYTES ROUNDS     a line "TRANSPORT GB/s" of rank 0: messages of ranks 1 to 0
//
// Rank and size come from the environment, as for inferstep itself; LINKS_JOIN_S and LINKS_SILENCE_S are the time-outs.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "comm/world.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"

namespace inferstep {
namespace {

using Words = std::vector<std::string>;

double seconds_of(const char* name, double otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::strtod(value, nullptr) : otherwise;
}

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

Result<std::unique_ptr<comm::Link>> open_link(comm::World& world, int from, int to, const Words& words) {
    comm::LinkOptions options;
    options.transport = words[1];
    options.largest_message = words.size() > 2 ? std::stoul(words[2]) : 4096;
    return world.link(from, to, options);
}

Status join(comm::World& world) {
    const auto all = world.all_gather(std::to_string(world.rank()));
    if (!all) {
        return all.error();
    }
    std::string nodes;
    for (const comm::Peer& peer : world.peers()) {
        nodes += " " + peer.node;
    }
    say(fmt::format("rank {} with {} on{}", world.rank(), fmt::join(*all, ","), nodes));
    return world.leave();
}

Status sleep_here(const comm::World& world) {
    while (!world.failure()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return *world.failure();
}

Status wait(comm::World& world) {
    if (Status s = world.barrier(); !s) {
        return s;
    }
    say(fmt::format("ready {}", getpid()));
    return sleep_here(world);
}

Status receive(comm::World& world, const Words& words) {
    const int last = world.size() - 1;
    if (world.rank() != 0 && world.rank() != last) {
        return wait(world);
    }
    auto link = open_link(world, last, 0, words);
    if (!link) {
        return link.error();
    }
    if (Status s = world.barrier(); !s) {
        return s;
    }
    say(fmt::format("ready {}", getpid()));
    char byte = 0;
    return world.rank() == 0 ? (*link)->receive(&byte, 1) : sleep_here(world);
}

Status gather(comm::World& world, const Words& words) {
    const int rounds = std::stoi(words[1]);
    Status s = world.barrier();
    const std::int64_t start = now_ns();
    for (int i = 0; i < rounds && s; ++i) {
        s = world.barrier();
    }
    if (world.rank() == 0) {
        say(fmt::format("barrier {:.3f}", seconds_since(start) * 1e6 / rounds));
    }
    return s ? world.leave() : s;
}

Status pingpong(comm::World& world, const Words& words) {
    auto there = open_link(world, 0, 1, words);
    auto back = open_link(world, 1, 0, words);
    if (!there || !back) {
        return there ? back.error() : there.error();
    }
    comm::Link& out = world.rank() == 0 ? **there : **back;
    comm::Link& in = world.rank() == 0 ? **back : **there;
    std::vector<char> data(std::stoul(words[2]));
    const int rounds = std::stoi(words[3]);
    std::int64_t start = now_ns();
    Status s = Status::ok();
    for (int i = -rounds / 10 - 1; i < rounds && s; ++i) {
        start = i == 0 ? now_ns() : start;
        s = world.rank() == 0 ? out.send(data.data(), data.size()) : in.receive(data.data(), data.size());
        s = !s ? s : world.rank() == 0 ? in.receive(data.data(), data.size()) : out.send(data.data(), data.size());
    }
    if (world.rank() == 0) {
        say(fmt::format("{} {:.3f}", out.transport(), seconds_since(start) * 1e6 / rounds / 2));
    }
    return s ? world.leave() : s;
}

Status stream(comm::World& world, const Words& words) {
    auto link = open_link(world, 1, 0, words);
    if (!link) {
        return link.error();
    }
    std::vector<char> data(std::stoul(words[2]));
    const int rounds = std::stoi(words[3]);
    std::int64_t start = now_ns();
    Status s = Status::ok();
    for (int i = -2; i < rounds && s; ++i) {
        start = i == 0 ? now_ns() : start;
        s = world.rank() == 1 ? (*link)->send(data.data(), data.size()) : (*link)->receive(data.data(), data.size());
    }
    if (world.rank() == 0) {
        const double bytes = static_cast<double>(data.size()) * rounds;
        say(fmt::format("{} {:.3f}", (*link)->transport(), bytes / seconds_since(start) * 1e-9));
    }
    return s ? world.leave() : s;
}

Status run(const Words& words) {
    comm::WorldOptions options;
    options.join_timeout_s = seconds_of("LINKS_JOIN_S", 20);
    options.silence_timeout_s = seconds_of("LINKS_SILENCE_S", 20);
    auto world = comm::World::join(step_identity(), options);
    if (!world) {
        return world.error();
    }
    const std::string& what = words[0];
    return what == "join"                            ? join(**world)
           : what == "wait"                          ? wait(**world)
           : what == "receive" && words.size() == 2  ? receive(**world, words)
           : what == "gather" && words.size() == 2   ? gather(**world, words)
           : what == "pingpong" && words.size() == 4 ? pingpong(**world, words)
           : what == "stream" && words.size() == 4   ? stream(**world, words)
                                                     : Status(fail("links: what is '{}'?", what));
}

}  // namespace
}  // namespace inferstep

int main(int argc, char** argv) {
    inferstep::set_log_name("links");
    const inferstep::Status status = inferstep::run({argv + 1, argv + argc});
    if (!status) {
        inferstep::print_error(status.error());
    }
    return status ? 0 : 1;
}
