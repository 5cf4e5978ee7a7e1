// What can be wrong with a battery although each of its keys is right by itself.
#pragma once

#include "sweep/battery.hpp"

namespace inferstep::sweep {

// Battery::source says where things stand.
Status check_battery(const Battery& battery);

}  // namespace inferstep::sweep
