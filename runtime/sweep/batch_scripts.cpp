#include "sweep/batch_scripts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/fd.hpp"
#include "core/file.hpp"
#include "sweep/matrix.hpp"

namespace inferstep::sweep {
namespace {

constexpr const char* kBegin = "#################### SLURM Script Preview ####################\n";
constexpr const char* kEnd = "##############################################################\n";

}  // namespace

Result<std::string> preview_scripts(const Battery& battery, std::vector<Point> points, ScriptContext context) {
    context.run = "{run_dir}";
    set_run_directory(points, context.run);
    std::string text;
    for (const Point& point : points) {
        const Result<std::string> script = point_script(battery, point, context);
        if (!script) {
            return script.error();
        }
        text += kBegin + *script + kEnd;
    }
    return text;
}

Status save_script(const BatchSettings& settings, const Battery& battery, const Point& point, const std::string& text) {
    if (settings.scripts_folder.empty()) {
        return Status::ok();
    }
    if (Status s = make_directories(settings.scripts_folder); !s) {
        return s;
    }
    const std::string path = fmt::format("{}/{}-{}.sh", settings.scripts_folder, battery.name, point.id);
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (!fd && errno == EEXIST) {
        return with_hint(fail("{} is there already, and is not overwritten", path), "name another --scripts-folder");
    }
    if (!fd) {
        return fail("cannot create {}: {}", path, std::strerror(errno));
    }
    if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        const int error = errno;
        unlink(path.c_str());
        return fail("cannot write {}: {}", path, std::strerror(error));
    }
    return Status::ok();
}

Status make_log_folders(const BatchSettings& settings, const Battery& battery) {
    for (const char* option : {"output", "error"}) {
        const std::string* file = settings.find(option);
        const std::size_t slash = file != nullptr ? file->rfind('/') : std::string::npos;
        if (slash == std::string::npos || slash == 0 || file->find('%') < slash || file->find('{') < slash) {
            continue;
        }
        const std::string folder = (std::filesystem::path(battery.folder) / file->substr(0, slash)).string();
        if (Status s = make_directories(folder); !s) {
            return s;
        }
    }
    return Status::ok();
}

}  // namespace inferstep::sweep
