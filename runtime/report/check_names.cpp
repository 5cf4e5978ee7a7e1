#include <set>

#include "core/words.hpp"
#include "report/compute.hpp"
#include "report/compute_grouping.hpp"

namespace inferstep::report {
namespace {

// Names that are there, each once.
class Known {
   public:
    void add(const std::string& name) {
        if (seen_.insert(name).second) {
            names_.push_back(name);
        }
    }
    Status check(const char* option, const std::string& name) const {
        if (names_.empty()) {
            return fail("{}: there is no '{}', and nothing else that could be named here", option, name);
        }
        const Result<std::size_t> found = parse_choice(option, name, {names_.begin(), names_.end()});
        return found ? Status::ok() : Status(found.error());
    }

   private:
    std::set<std::string> seen_;
    std::vector<std::string> names_;  // in the order of their first appearance
};

}  // namespace

Status check_names(const Collection& collection, const FigureOptions& options) {
    Known parameters, rates, times;
    for (const std::string& name : parameter_names(collection)) {
        parameters.add(name);
    }
    for (const Execution& e : collection.executions) {
        for (const Metric& m : e.metrics) {
            rates.add(m.name);
            times.add(m.name);
        }
        for (const FunctionTimes& f : e.functions) {
            times.add(f.function);
        }
    }
    Known axes = parameters;
    for (const char* name : kScales) {
        axes.add(name);
    }
    Known baselines = axes;
    baselines.add("x");
    baselines.add("series");
    Status s = options.x.empty() ? Status::ok() : axes.check("--x", options.x);
    for (std::size_t i = 0; s && i < options.series.size(); ++i) {
        s = parameters.check("--series", options.series[i]);
    }
    s = s && !options.rate.empty() ? rates.check("--rate", options.rate) : s;
    s = s && !options.time.empty() ? times.check("--time", options.time) : s;
    for (std::size_t i = 0; s && i < options.baseline.size(); ++i) {
        s = baselines.check("--baseline", options.baseline[i].first);
    }
    return s;
}

}  // namespace inferstep::report
