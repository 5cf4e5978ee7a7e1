#include "report/fresh_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/file.hpp"

namespace inferstep::report {

Result<FreshDirectory> FreshDirectory::make(const std::string& place) {
    const std::string whole = absolute_path(place);
    if (Status s = make_directories(whole.substr(0, whole.rfind('/') + 1)); !s) {
        return s.error();
    }
    std::string path = whole + ".XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return fail("cannot make a directory beside {}: {}", whole, std::strerror(errno));
    }
    const mode_t mask = umask(0);
    umask(mask);
    if (chmod(path.c_str(), 0777 & ~mask) != 0) {
        return fail("cannot change the mode of {}: {}", path, std::strerror(errno));
    }
    return FreshDirectory(whole, path);
}

FreshDirectory::~FreshDirectory() {
    if (!path_.empty()) {
        std::error_code code;
        std::filesystem::remove_all(path_, code);
    }
}

Status FreshDirectory::keep() {
    if (rename(path_.c_str(), place_.c_str()) == 0) {  // nothing there, or an empty directory
        path_.clear();
        return Status::ok();
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
        return fail("cannot move {} to {}: {}", path_, place_, std::strerror(errno));
    }
    // In one go, where the file system can do it; what was there before is in path_ then, and goes with us.
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, place_.c_str(), RENAME_EXCHANGE) == 0) {
        return Status::ok();
    }
    const std::string before = path_ + ".before";
    if (rename(place_.c_str(), before.c_str()) != 0 || rename(path_.c_str(), place_.c_str()) != 0) {
        return fail("cannot replace {}: {}", place_, std::strerror(errno));
    }
    path_ = before;
    return Status::ok();
}

}  // namespace inferstep::report
