#include "report/bundle.hpp"

#include "core/file.hpp"
#include "report/bundle_parts.hpp"

namespace inferstep::report {

const char* state_word(State state) {
    constexpr const char* kWords[] = {"done", "failed", "timeout", "cancelled", "missing"};
    return kWords[static_cast<int>(state)];
}

Status write_bundle(const std::string& directory, const Figures& figures, const Collection& collection,
                    const BundleOptions& options) {
    if (Status s = make_directories(directory); !s) {
        return s;
    }
    using Text = std::string (*)(const Figures&, const Collection&);
    constexpr std::pair<const char*, Text> kFiles[] = {
        {"executions.csv", executions_csv}, {"functions.csv", functions_csv},   {"scaling.csv", scaling_csv},
        {"breakdown.csv", breakdown_csv},   {"metrics.csv", metrics_csv},       {"failures.csv", failures_csv},
        {"outliers.csv", outliers_csv},     {"experiment.csv", experiment_csv}, {"stages.csv", stages_csv}};
    for (const auto& [name, text] : kFiles) {
        const std::string csv = text(figures, collection);
        if (Status s = csv.empty() ? Status::ok() : write_file(directory + "/" + name, csv); !s) {
            return s;
        }
    }
    if (options.samples) {
        if (Status s = write_samples(directory + "/samples.csv", figures, collection); !s) {
            return s;
        }
    }
    return write_file(directory + "/report.json", report_json_text(figures, collection, options));
}

}  // namespace inferstep::report
