#include "db/local_supervisor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/log.hpp"
#include "core/process.hpp"
#include "core/spawn.hpp"
#include "core/wait.hpp"

namespace inferstep {
namespace {

constexpr int kEndMs = 10'000;  // longer than all of its own waits

}  // namespace

Result<LocalSupervisor> LocalSupervisor::start(const DbOptions& options, const MappedPage& page) {
    LocalSupervisor supervisor;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail("cannot make a pipe: {}", std::strerror(errno));
    }
    const UniqueFd life_read(ends[0]);
    supervisor.life_.reset(ends[1]);
    std::error_code code;
    const std::string self = std::filesystem::read_symlink("/proc/self/exe", code).string();
    std::vector<std::string> words = {self, "db", "serve", "--page-fd=3", "--life-fd=4"};
    for (std::string& word : as_arguments(options)) {
        words.push_back(std::move(word));
    }
    const std::vector<char*> argv = as_argv(words);
    const int passed[] = {page.fd(), life_read.get()};
    SpawnRequest request;
    request.path = self.c_str();
    request.argv = argv.data();
    request.env = environ;
    request.pass_fds = passed;
    request.pass_fd_count = 2;
    request.stderr_fd = STDERR_FILENO;
    // A session of its own: a ^C at the terminal is for the tasks, and the databases end when they have ended.
    request.new_session = true;
    const SpawnResult started = spawn(request);
    if (started.error != 0) {
        return fail("cannot start {}: {}", self, std::strerror(started.error));
    }
    supervisor.pid_ = started.pid;
    supervisor.pidfd_.reset(started.pidfd);
    return supervisor;
}

int LocalSupervisor::reap() { return reap_within(pid_, std::move(pidfd_), 0); }

int LocalSupervisor::end() {
    life_.reset();
    if (!wait_exit(pidfd_.get(), kEndMs)) {
        print_warning(fmt::format("the supervisor of the databases did not end within {} ms; it is killed", kEndMs));
    }
    return reap();
}

}  // namespace inferstep
