#include "sweep/earlier.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "core/file.hpp"
#include "core/json.hpp"
#include "sweep/matrix.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> folders_of(const std::string& path) {
    std::vector<std::string> folders;
    std::error_code error;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
        folders.push_back(at->path().string());
    }
    std::sort(folders.rbegin(), folders.rend());
    return folders;
}

Parameters parameters_of(const Json& point) {
    const Json values = point.copy_of("parameters");
    Parameters parameters;
    for (const std::string& name : values.keys()) {
        parameters.emplace_back(name, values.text(name.c_str()));
    }
    return parameters;
}

}  // namespace

EarlierTimes EarlierTimes::read(const std::string& results, const std::string& battery) {
    constexpr std::size_t kLargest = std::size_t{1} << 20;
    EarlierTimes times;
    for (const std::string& run : folders_of(fmt::format("{}/{}", results, battery))) {
        for (const std::string& folder : folders_of(fmt::format("{}/{}", run, kPointsDir))) {
            const Result<std::string> text = read_tail(fmt::format("{}/{}", folder, kPointFile), kLargest);
            const Result<Json> point = text ? Json::parse(*text, kPointFile) : Result<Json>(text.error());
            const double seconds = point ? point->number("seconds", -1) : -1;
            if (!point || point->text("state") != "done" || !std::isfinite(seconds) || seconds < 0) {
                continue;
            }
            for (Sum* sum : {&times.all_, &times.by_parameters_[describe(parameters_of(*point))]}) {
                sum->seconds += seconds;
                ++sum->points;
            }
        }
        if (times.all_.points > 0) {
            times.run_ = run;
            break;
        }
    }
    return times;
}

std::optional<double> EarlierTimes::of(const Parameters& parameters) const {
    const auto at = by_parameters_.find(describe(parameters));
    const Sum& sum = at != by_parameters_.end() ? at->second : all_;
    return sum.points > 0 ? std::optional<double>(sum.seconds / sum.points) : std::nullopt;
}

}  // namespace inferstep::sweep
