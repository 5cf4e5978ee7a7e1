// Where the databases of this node run, and what is left for its tasks: the machine and the step's masks put together.
#pragma once

#include "core/page.hpp"
#include "core/result.hpp"
#include "db/claims.hpp"
#include "db/options.hpp"
#include "place/plan.hpp"

namespace inferstep {

struct NodePlan {
    Topology topology;
    Plan plan;
};

// `page` may be null: a server of its own takes --db-cpus of this process' CPUs, all of them by default, and leaves
// none of them reserved. The CPUs planned are claimed. Errors: the planner's; --device=gpu without a GPU.
Result<NodePlan> plan_node(const DbOptions& options, const Page* page, Claims& claims);

// Write the plan, the endpoints and the state directory into the page, for the tasks to take.
void publish(const Plan& plan, const std::vector<std::string>& endpoints, const std::string& state_dir, Page& page);

}  // namespace inferstep
