#include "report/compute.hpp"

#include "report/compute_breakdown.hpp"
#include "report/compute_distributions.hpp"
#include "report/compute_experiment.hpp"
#include "report/compute_grouping.hpp"
#include "report/compute_outliers.hpp"
#include "report/compute_resources.hpp"
#include "report/compute_scaling.hpp"
#include "report/compute_stages.hpp"

namespace inferstep::report {

Figures compute(const Collection& collection, const FigureOptions& options) {
    Figures figures;
    figures.notes = collection.notes;
    const FigureOptions meaning = meaning_of(collection, options);
    group(collection, meaning, figures);
    compute_distributions(collection, figures);
    measure(collection, meaning, figures);
    compute_scaling(meaning, figures);
    compute_resources(collection, figures);
    compute_metrics(collection, figures);
    compute_breakdown(collection, figures);
    compute_stages(collection, figures);
    compute_experiment(collection, figures);
    find_outliers(collection, figures);
    note_what_is_missing(collection, figures);
    return figures;
}

}  // namespace inferstep::report
