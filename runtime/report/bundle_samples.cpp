#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "report/bundle_parts.hpp"
#include "report/compute_distributions.hpp"
#include "report/csv_text.hpp"

namespace inferstep::report {
namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

bool put(std::FILE* file, const std::string& text) {
    return std::fwrite(text.data(), 1, text.size(), file) == text.size();
}

bool put_execution(std::FILE* file, const Collection& collection, const Figures& figures, const Row& row,
                   const Execution& e) {
    for (const FunctionTimes& f : e.functions) {
        CsvText csv;
        for (const RankTimes& rank : ranks_of(f)) {
            for (const double* p = rank.begin; p != rank.end; ++p) {
                csv.text(figures.series[row.series].name).number(row.x).text(collection.trees[e.tree].label).text(e.id);
                csv.text(f.function).whole(e.files[rank.file].rank).number(*p).end();
            }
            if (!put(file, csv.str())) {
                return false;
            }
            csv = CsvText();
        }
    }
    return true;
}

}  // namespace

Status write_samples(const std::string& path, const Figures& figures, const Collection& collection) {
    const std::string part = path + ".part";
    std::unique_ptr<std::FILE, Close> file(std::fopen(part.c_str(), "w"));
    bool good = file != nullptr && put(file.get(), "series,x,tree,id,function,rank,seconds\n");
    for (const Row& row : figures.rows) {
        for (const std::size_t i : row.executions) {
            good = good && put_execution(file.get(), collection, figures, row, collection.executions[i]);
        }
    }
    good = good && std::fflush(file.get()) == 0 && std::rename(part.c_str(), path.c_str()) == 0;
    if (!good) {
        const Error error = fail("cannot write {}: {}", path, std::strerror(errno));
        std::remove(part.c_str());
        return error;
    }
    return Status::ok();
}

}  // namespace inferstep::report
