#include "db/standard_meeting.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/file.hpp"
#include "db/address.hpp"

namespace inferstep {

Result<Meeting> Meeting::join(const std::string& directory, const std::string& name, int rank, int ranks) {
    Meeting meeting(directory + "/." + name, rank, ranks);
    if (ranks > 1) {
        if (Status s = make_private_directory(meeting.path_); !s) {
            return with_hint(s.error(), fmt::format("all tasks must see it: name a directory of a shared file system "
                                                    "in {} if the home is none",
                                                    kAttachDir));
        }
    }
    return meeting;
}

Status Meeting::leave(const std::string& what, const std::string& text) {
    own_.emplace_back(what, text);
    return ranks_ > 1 ? write_file(fmt::format("{}/{}.{}", path_, what, rank_), text, 0600) : Status::ok();
}

Result<std::string> Meeting::of(const std::string& what, int rank, const Pause& pause) {
    if (rank == rank_) {
        const auto said = std::find_if(own_.begin(), own_.end(), [&](const auto& o) { return o.first == what; });
        return said != own_.end() ? said->second : std::string();
    }
    const std::string file = fmt::format("{}/{}.{}", path_, what, rank);
    for (;;) {
        if (access(file.c_str(), R_OK) == 0) {
            return read_file(file);
        }
        if (Status s = pause(fmt::format("the {} of task {}", what, rank)); !s) {
            return s.error();
        }
        refresh_directory(path_);
    }
}

Result<std::vector<std::string>> Meeting::of_all(const std::string& what, const Pause& pause) {
    std::vector<std::string> all;
    for (int rank = 0; rank < ranks_; ++rank) {
        Result<std::string> one = of(what, rank, pause);
        if (!one) {
            return one.error();
        }
        all.push_back(std::move(*one));
    }
    return all;
}

std::vector<std::string> Meeting::paths() const {
    std::vector<std::string> all;
    for (int rank = 0; rank < ranks_ && ranks_ > 1; ++rank) {
        for (const char* what : kSubjects) {
            all.push_back(fmt::format("{}/{}.{}", path_, what, rank));
        }
    }
    all.push_back(path_);
    return all;
}

void Meeting::remove() {
    for (const std::string& path : paths()) {
        std::remove(path.c_str());
    }
}

}  // namespace inferstep
