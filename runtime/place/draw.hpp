// Plans for people and records.
#pragma once

#include <string>

#include "core/json.hpp"
#include "place/plan.hpp"

namespace inferstep {

// A picture in plain text, at most 100 columns wide: a mark for every core (for every hardware thread, where those of a
// core are used differently), and below it who has which CPUs, and the plan's notes. Ends with a newline.
std::string draw_text(const Topology& topology, const Plan& plan);

// The same as a drawing: one self-contained SVG document.
std::string draw_svg(const Topology& topology, const Plan& plan);

// The same for step.json: domains, gpus, instances, tasks, notes. CPU sets are in the Linux list form.
Json plan_json(const Topology& topology, const Plan& plan);

}  // namespace inferstep
