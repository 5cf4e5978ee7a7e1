// libnccl.so.2 for emulated GPUs: what a sender puts into a pipe its receiver takes out. As NCCL's communicators that
// do not block, it says at first that joining goes on.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

extern "C" {

enum Outcome { kSuccess = 0, kSystemError = 2, kInProgress = 7 };
struct UniqueId {
    char internal[128];
};
struct Communicator {
    std::string path;
    int pipe = -1;
    int rank = 0;
    bool joined = false;
};

int ncclGetUniqueId(UniqueId* id) {
    std::random_device random;
    std::snprintf(id->internal, sizeof id->internal, "/tmp/inferstep-nccl-%08x%08x", random(), random());
    return mkfifo(id->internal, 0600) == 0 ? kSuccess : kSystemError;
}
int ncclCommInitRankConfig(Communicator** made, int /*ranks*/, UniqueId id, int rank, void* /*config*/) {
    if (const char* failing = std::getenv("EMULATED_NCCL_FAILS"); failing != nullptr && std::atoi(failing) == rank) {
        return kSystemError;
    }
    *made = new Communicator{id.internal, open(id.internal, O_RDWR | O_CLOEXEC), rank};
    return (*made)->pipe >= 0 ? kInProgress : kSystemError;
}
int ncclCommGetAsyncError(Communicator* communicator, int* state) {
    *state = communicator->joined ? kSuccess : kInProgress;
    communicator->joined = true;
    return kSuccess;
}
int ncclSend(const void* data, std::size_t count, int /*type*/, int /*peer*/, Communicator* to, void* /*stream*/) {
    for (std::size_t done = 0; done < count;) {
        const ssize_t n = write(to->pipe, static_cast<const char*>(data) + done, count - done);
        if (n <= 0) {
            return kSystemError;
        }
        done += static_cast<std::size_t>(n);
    }
    return kSuccess;
}
int ncclRecv(void* data, std::size_t count, int /*type*/, int /*peer*/, Communicator* from, void* /*stream*/) {
    for (std::size_t done = 0; done < count;) {
        const ssize_t n = read(from->pipe, static_cast<char*>(data) + done, count - done);
        if (n <= 0) {
            return kSystemError;
        }
        done += static_cast<std::size_t>(n);
    }
    return kSuccess;
}
const char* ncclGetErrorString(int /*code*/) { return "an emulated error"; }
int ncclCommDestroy(Communicator* communicator) {
    close(communicator->pipe);
    if (communicator->rank == 1) {
        unlink(communicator->path.c_str());
    }
    delete communicator;
    return kSuccess;
}
int ncclCommAbort(Communicator* communicator) { return ncclCommDestroy(communicator); }
}
