#include "report/output.hpp"

#include <filesystem>

#include "core/file.hpp"
#include "report/bundle.hpp"
#include "report/fresh_directory.hpp"
#include "report/page.hpp"
#include "report/plots.hpp"
#include "report/read_parts.hpp"
#include "report/tables.hpp"

namespace inferstep::report {

std::string default_directory(const Collection& collection) {
    const bool ours = collection.trees.size() == 1 && collection.trees.front().format.starts_with("inferstep") &&
                      collection.trees.front().path.find(", ") == std::string::npos;
    return ours ? collection.trees.front().path + "/report" : "report";
}

Status check_directory(const std::string& directory) {
    std::error_code code;
    if (!std::filesystem::exists(directory, code)) {
        return Status::ok();
    }
    if (std::filesystem::is_directory(directory, code)) {
        if (std::filesystem::is_empty(directory, code)) {
            return Status::ok();
        }
        const Result<Json> json = read_json(directory + "/report.json");
        if (json && json->text("schema").starts_with("inferstep-report/")) {
            return Status::ok();
        }
    }
    return with_hint(fail("{} is there already and is no earlier report: it stays as it is", directory),
                     "-o DIR names another place");
}

Result<std::vector<std::string>> write_report(const std::string& directory, const Collection& collection,
                                              const Figures& figures, const OutputOptions& options) {
    if (Status s = check_directory(directory); !s) {
        return s.error();
    }
    auto fresh = FreshDirectory::make(directory);
    if (!fresh) {
        return fresh.error();
    }
    if (Status s = write_bundle(fresh->path(), figures, collection, {options.samples, options.command}); !s) {
        return s.error();
    }
    if (Status s = write_file(fresh->path() + "/tables.txt", tables(figures, collection)); !s) {
        return s.error();
    }
    Plots plots;
    if (options.plots) {
        Result<Plots> drawn = write_plots(figures, fresh->path());
        if (!drawn) {
            return drawn.error();
        }
        plots = std::move(*drawn);
    } else {
        plots.left_out.emplace_back("all of them: the report was made with --no-plots");
    }
    if (Status s = write_page(collection, figures, plots, fresh->path()); !s) {  // its links are relative: it may move
        return s.error();
    }
    if (Status s = fresh->keep(); !s) {
        return s.error();
    }
    return plots.troubles;
}

}  // namespace inferstep::report
