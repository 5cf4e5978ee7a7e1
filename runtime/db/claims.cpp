#include "db/claims.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "core/clock.hpp"

namespace inferstep {
namespace {

constexpr int kPatienceMs = 100;

struct flock range(short type, long first, long count) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = first;
    lock.l_len = count;
    return lock;
}

// The claims in [from, to). The kernel names one, not the first: look on both sides of it. A reader may ask what would
// keep a writer out, though he could not become one.
void find(int directory, long from, long to, long base, CpuSet& claimed) {
    struct flock found = range(F_WRLCK, from, to - from);
    if (from >= to || fcntl(directory, F_OFD_GETLK, &found) != 0 || found.l_type == F_UNLCK) {
        return;
    }
    const long first = std::clamp<long>(found.l_start, from, to - 1);
    const long end = found.l_len == 0 ? to : std::clamp<long>(found.l_start + found.l_len, first + 1, to);
    for (long at = first; at < end; ++at) {
        claimed.add(static_cast<int>(at - base));
    }
    find(directory, from, first, base, claimed);
    find(directory, end, to, base, claimed);
}

}  // namespace

Claims::Claims(const std::string& statedir, const std::string& node)
    : directory_(open(statedir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
      base_(static_cast<long>(std::hash<std::string>()(node) % (1UL << 30U)) * kMaxCpus) {}

CpuSet Claims::of_others() {
    CpuSet claimed;
    const std::int64_t end = now_ms() + kPatienceMs;
    while (directory_ && ::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0 && now_ms() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (directory_) {
        find(directory_.get(), base_, base_ + kMaxCpus, base_, claimed);
    }
    return claimed;
}

void Claims::make(const CpuSet& cpus) {
    for (int cpu = cpus.next(0); directory_ && cpu >= 0; cpu = cpus.next(cpu + 1)) {
        struct flock claim = range(F_RDLCK, base_ + cpu, 1);
        fcntl(directory_.get(), F_OFD_SETLK, &claim);
    }
    if (directory_) {
        ::flock(directory_.get(), LOCK_UN);
    }
}

}  // namespace inferstep
