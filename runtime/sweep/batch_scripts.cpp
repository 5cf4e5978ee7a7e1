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

std::string saved_path(const BatchSettings& settings, const Battery& battery, const Point& point) {
    return fmt::format("{}/{}-{}.sh", settings.scripts_folder, battery.name, point.id);
}

// Never over a file that is there.
Status create(const std::string& path, const std::string& text) {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
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

Status check_scripts_folder(const Battery& battery, const std::vector<Point>& points, const BatchSettings& settings) {
    if (settings.scripts_folder.empty()) {
        return Status::ok();
    }
    if (!settings.save) {
        return fail("a folder for the scripts, {}, does not go with --no-save-script", settings.scripts_folder);
    }
    for (const Point& point : points) {
        const std::string path = saved_path(settings, battery, point);
        if (exists(path)) {
            return with_hint(fail("{} is there already, and is not overwritten", path),
                             "name another --scripts-folder");
        }
    }
    return Status::ok();
}

Status save_scripts(const Battery& battery, const std::vector<Point>& points, const ScriptContext& context) {
    const BatchSettings& settings = context.settings;
    Status s = settings.scripts_folder.empty() ? Status::ok() : make_directories(settings.scripts_folder);
    for (std::size_t i = 0; s && i < points.size() && !settings.scripts_folder.empty(); ++i) {
        const Result<std::string> text = point_script(battery, points[i], context);
        s = text ? create(saved_path(settings, battery, points[i]), *text) : Status(text.error());
    }
    return s;
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
