#include "db/state_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/file.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kMostOutside = std::size_t{1} << 20U;
constexpr const char* kOutside = "outside";  // the file that lists what the owner has elsewhere
constexpr std::size_t kLongestSocket = sizeof(sockaddr_un::sun_path) - 1;

struct CloseDir {
    void operator()(DIR* d) const { closedir(d); }
};
using Listing = std::unique_ptr<DIR, CloseDir>;

// The entries of an open directory; the fd stays the caller's.
Listing list(int directory) {
    const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* d = fd >= 0 ? fdopendir(fd) : nullptr;
    if (d == nullptr && fd >= 0) {
        close(fd);
    }
    return Listing(d);
}

UniqueFd open_directory(int parent, const char* name) {
    return UniqueFd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// A sub-directory that a program took its own rights of is given them back: `name` may have become a link, whose target
// is the user's to change anyway.
UniqueFd open_to_empty(int parent, const char* name) {
    UniqueFd fd = open_directory(parent, name);
    if (!fd && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) {
        fd = open_directory(parent, name);
    }
    return fd;
}

// Empty `directory`. Sub-directories of another file system (something mounted) are left alone.
void remove_contents(int directory, dev_t device, int depth) {
    const Listing entries = list(directory);
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
        const std::string name = entry->d_name;
        if (name == "." || name == ".." || unlinkat(directory, entry->d_name, 0) == 0) {
            continue;
        }
        struct stat st {};
        const UniqueFd inner = open_to_empty(directory, entry->d_name);
        if (depth < kMaxDepth && inner && fstat(inner.get(), &st) == 0 && st.st_dev == device) {
            remove_contents(inner.get(), device, depth + 1);
            unlinkat(directory, entry->d_name, AT_REMOVEDIR);
        }
    }
}

// What a dead owner of the directory had elsewhere: its own files, so that it could remove them itself just as well.
void remove_outside(int directory) {
    const Result<std::string> text = read_tail(kOutside, kMostOutside, directory);
    for (const std::string& path : split(text ? *text : "", '\n')) {
        if (path.starts_with('/')) {
            std::remove(path.c_str());
        }
    }
}

void remove_directory(int parent, const char* name, int self) {
    struct stat st {};
    if (fstat(self, &st) == 0) {
        remove_contents(self, st.st_dev, 0);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
}

// Ours, private and still linked: what may be trusted, and what may be swept.
bool is_private(int directory) {
    struct stat st {};
    return fstat(directory, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700 && st.st_nlink > 0;
}

Result<UniqueFd> open_statedir(const std::string& path) {
    UniqueFd fd = open_directory(AT_FDCWD, path.c_str());
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) != 0) {
        const bool link = lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
        return link ? fail("--statedir: {} is a symbolic link; name the directory itself", path)
                    : fail("--statedir: cannot open the directory {}: {}", path, std::strerror(errno));
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return fail("--statedir: {} belongs to user {}; it must be yours or root's", path, st.st_uid);
    }
    if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) {
        return fail("--statedir: others may write {}, which has no sticky bit; chmod go-w or +t it", path);
    }
    return fd;
}

std::string prefix() { return fmt::format("inferstep-{}-", geteuid()); }

// Make `name` and lock it. Empty, with errno set, when that fails: EEXIST when the name is taken, also by a sweep that
// was faster than our lock.
UniqueFd make_locked(int parent, const std::string& name) {
    if (mkdirat(parent, name.c_str(), 0700) != 0) {
        return UniqueFd();
    }
    UniqueFd fd = open_directory(parent, name.c_str());
    if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && is_private(fd.get())) {
        return fd;
    }
    errno = EEXIST;
    return UniqueFd();
}

// The step of PREFIX<step>-NODE or PREFIX<step>-NODE-<8 hex digits>; empty: another name.
std::string step_of(std::string name, const std::string& node) {
    const std::string end = "-" + node;
    if (name.starts_with(prefix()) && !name.ends_with(end) && name.size() > 9 && name[name.size() - 9] == '-') {
        name.resize(name.size() - 9);
    }
    const bool ours = name.starts_with(prefix()) && name.ends_with(end) && name.size() > prefix().size() + end.size();
    return ours ? name.substr(prefix().size(), name.size() - prefix().size() - end.size()) : std::string();
}

bool is_of_node(const std::string& name, const std::string& node) { return !step_of(name, node).empty(); }

}  // namespace

Result<StateDir> StateDir::create(const std::string& statedir, const std::string& step, const std::string& node,
                                  const std::string& longest_file) {
    Result<UniqueFd> parent = open_statedir(statedir);
    if (!parent) {
        return parent.error();
    }
    const std::string plain = fmt::format("{}{}-{}", prefix(), step, node);
    const std::string longest = fmt::format("{}/{}-12345678/{}", statedir, plain, longest_file);
    if (longest.size() > kLongestSocket) {
        return with_hint(fail("--statedir: {} is too long: a socket's path may have {} characters, this one has {}",
                              statedir, kLongestSocket, longest.size()),
                         "give a shorter --statedir");
    }
    sweep_state_dirs(statedir, node);
    std::string name = plain;
    int error = EEXIST;
    for (int attempt = 0; attempt < 20 && error == EEXIST; ++attempt) {
        UniqueFd self = make_locked(parent->get(), name);
        error = errno;
        if (self) {
            return StateDir(std::move(*parent), std::move(self), fmt::format("{}/{}", statedir, name));
        }
        const Result<std::string> ending = random_hex(4);
        if (!ending) {
            return ending.error();
        }
        name = plain + "-" + *ending;
    }
    return fail("--statedir: cannot make {}/{}: {}", statedir, plain, std::strerror(error));
}

Result<UniqueFd> StateDir::create_file(const std::string& name) const {
    UniqueFd fd(
        openat(self_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        return fail("cannot create {}: {}", file(name), std::strerror(errno));
    }
    return fd;
}

Status StateDir::note_outside(const std::vector<std::string>& paths) const {
    return write_file(file(kOutside), fmt::format("{}\n", fmt::join(paths, "\n")));
}

void StateDir::remove() {
    if (self_) {
        remove_directory(parent_.get(), path_.substr(path_.rfind('/') + 1).c_str(), self_.get());
        self_.reset();
    }
}

std::vector<StepSocket> find_sockets(const std::string& statedir, const std::string& node) {
    std::vector<StepSocket> found;
    const Result<UniqueFd> parent = open_statedir(statedir);
    const Listing entries = parent ? list(parent->get()) : nullptr;
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
        const std::string directory = entry->d_name;
        const std::string step = step_of(directory, node);
        const UniqueFd fd = step.empty() ? UniqueFd() : open_directory(parent->get(), directory.c_str());
        const Listing files = fd && is_private(fd.get()) ? list(fd.get()) : nullptr;
        while (const dirent* file = files ? readdir(files.get()) : nullptr) {
            const std::string name = file->d_name;
            if (name.starts_with("db") && name.ends_with(".sock")) {
                found.push_back(
                    {step, name.substr(0, name.size() - 5), fmt::format("{}/{}/{}", statedir, directory, name)});
            }
        }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
}

int sweep_state_dirs(const std::string& statedir, const std::string& node) {
    const Result<UniqueFd> parent = open_statedir(statedir);
    if (!parent) {
        return 0;
    }
    int swept = 0;
    const Listing entries = list(parent->get());
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
        const bool ours = is_of_node(entry->d_name, node);
        const UniqueFd fd = ours ? open_directory(parent->get(), entry->d_name) : UniqueFd();
        if (fd && is_private(fd.get()) && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
            remove_outside(fd.get());
            remove_directory(parent->get(), entry->d_name, fd.get());
            ++swept;
        }
    }
    return swept;
}

}  // namespace inferstep
