// The state directory of one node's part of a step: <statedir>/inferstep-<uid>-<step>-<node>, mode 0700.
//
// It holds the databases' sockets and logs. Whoever owns it holds a lock on it as long as it lives; one that nobody
// holds was left by a SIGKILL and is swept by the next step of the same user on the same node. Everything is done
// relative to open directories and no link is ever followed, so that nothing planted by another user can lead us
// elsewhere.
#pragma once

#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

class StateDir {
   public:
    // Sweep, then make and lock the directory of `step` ("1234.0"). A name that somebody else has taken gets a random
    // ending. Errors: `statedir` is absent, a link, writable by others without the sticky bit, not of root or ours, or
    // so long that `longest_file` in it would be no valid socket address.
    static Result<StateDir> create(const std::string& statedir, const std::string& step, const std::string& node,
                                   const std::string& longest_file);

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    Result<UniqueFd> create_file(const std::string& name) const;  // new, empty, mode 0600, opened for appending

    // Note what its owner has elsewhere (absolute paths of files and of directories that become empty): a sweep removes
    // that as well.
    Status note_outside(const std::vector<std::string>& paths) const;

    // Remove it with all that is in it; a second call does nothing.
    void remove();

   private:
    StateDir(UniqueFd parent, UniqueFd self, std::string path)
        : parent_(std::move(parent)), self_(std::move(self)), path_(std::move(path)) {}
    UniqueFd parent_;
    UniqueFd self_;  // carries the lock
    std::string path_;
};

// A database's socket in a state directory of this user.
struct StepSocket {
    std::string step;      // "1234.0", "local.4711"
    std::string instance;  // "db0"
    std::string path;
};
// Those on `node`, by name; some may be of steps that are dead.
std::vector<StepSocket> find_sockets(const std::string& statedir, const std::string& node);

// Remove the directories that dead steps of this user left on `node`; returns how many. Those in use stay.
int sweep_state_dirs(const std::string& statedir, const std::string& node);

}  // namespace inferstep
