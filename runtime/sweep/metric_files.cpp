#include "sweep/metric_files.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/fd.hpp"
#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

// Runs of digits count as numbers.
bool comes_before(const std::string& a, const std::string& b) { return strverscmp(a.c_str(), b.c_str()) < 0; }

void search(const std::filesystem::path& directory, const std::string& below, const std::vector<std::string>& parts,
            std::size_t depth, std::vector<std::string>& found) {
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(directory, code)) {
        const std::string name = entry.path().filename().string();
        if (fnmatch(parts[depth].c_str(), name.c_str(), FNM_PERIOD) != 0) {
            continue;
        }
        std::error_code ignored;
        const bool last = depth + 1 == parts.size();
        if (last && entry.is_regular_file(ignored)) {
            found.push_back(below + name);
        } else if (!last && entry.is_directory(ignored)) {
            search(entry.path(), below + name + "/", parts, depth + 1, found);
        }
    }
}

}  // namespace

Status check_pattern(const std::string& pattern) {
    const std::vector<std::string> parts = split(pattern, '/');
    const bool inside = !parts.empty() && std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
        return part.empty() || part == "." || part == "..";
    });
    return inside ? Status::ok() : fail("'{}' is no file below the point's directory, such as stdout.log", pattern);
}

std::vector<std::string> matching_files(const std::string& directory, const std::string& pattern) {
    std::vector<std::string> found;
    if (check_pattern(pattern)) {
        search(directory, "", split(pattern, '/'), 0, found);
    }
    std::sort(found.begin(), found.end(), comes_before);
    return found;
}

Result<Lines> Lines::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) != 0) {
        return fail("cannot read {}: {}", path, std::strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return fail("cannot read {}: it is no plain file", path);
    }
    FILE* file = fdopen(fd.get(), "r");
    if (file == nullptr) {
        return fail("cannot read {}: {}", path, std::strerror(errno));
    }
    fd.release();
    return Lines(file);
}

const std::string_view* Lines::next() {
    char* text = buffer_.release();
    const ssize_t length = getline(&text, &size_, file_.get());
    buffer_.reset(text);
    if (length <= 0) {
        return nullptr;
    }
    line_ = std::string_view(text, static_cast<std::size_t>(length));
    whole_ = line_.back() == '\n';
    line_.remove_suffix(whole_ ? 1 : 0);
    line_.remove_suffix(line_.ends_with('\r') ? 1 : 0);
    ++number_;
    return &line_;
}

}  // namespace inferstep::sweep
