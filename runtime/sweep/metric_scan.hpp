// What stands in one file for one rule: the numbers of its lines, rows or members, in their order.
#pragma once

#include <functional>
#include <string>

#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

struct Use {
    std::function<void(double value, long line)> number;  // line 0: of the file as a whole
    std::string* cut;  // set to a sentence when a row without its end was passed over
};

// `name` stands for the file in messages. Error: it cannot be read, or something selected is no number.
Status scan(const MetricRule& rule, const std::string& path, const std::string& name, const Use& use);

}  // namespace inferstep::sweep
