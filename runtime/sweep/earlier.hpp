// How long the points of a battery took when it ran before.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

class EarlierTimes {
   public:
    // Of the newest run below `results`/`battery` that has any point that was done.
    static EarlierTimes read(const std::string& results, const std::string& battery);

    // Mean seconds of the points with these parameters; of all points, where there are none with them.
    std::optional<double> of(const Parameters& parameters) const;
    const std::string& run() const { return run_; }  // empty: there is none

   private:
    struct Sum {
        double seconds = 0;
        int points = 0;
    };
    std::string run_;
    Sum all_;
    std::map<std::string, Sum> by_parameters_;  // describe(parameters)
};

}  // namespace inferstep::sweep
