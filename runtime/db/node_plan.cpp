#include "db/node_plan.hpp"

#include <cerrno>
#include <cstring>

#include "core/page_step.hpp"
#include "core/step.hpp"
#include "db/gpu_env.hpp"
#include "db/limits.hpp"
#include "db/page_map.hpp"
#include "place/allocation.hpp"
#include "place/topology.hpp"

namespace inferstep {
namespace {

Result<std::vector<CpuSet>> task_masks(const Page* page) {
    std::vector<CpuSet> masks;
    if (page != nullptr) {
        for (std::uint32_t i = 0; i < page->task_count; ++i) {
            masks.push_back(page->tasks[i].before);
        }
        return masks;
    }
    masks.emplace_back();
    if (!get_affinity(0, masks[0])) {
        return fail("cannot read this process' CPUs: {}", std::strerror(errno));
    }
    return masks;
}

}  // namespace

Result<NodePlan> plan_node(const DbOptions& options, const Page* page, Claims& claims) {
    const Result<std::vector<CpuSet>> masks = task_masks(page);
    if (!masks) {
        return masks.error();
    }
    // Looking for GPUs more than doubles the time that the topology takes: not without their driver.
    const bool gpus =
        options.device == Device::gpu || (options.device == Device::automatic && access("/dev/nvidiactl", F_OK) == 0);
    Result<Topology> topology = load_topology("", gpus);
    if (!topology) {
        return topology.error();
    }
    GpuWords words = gpu_words(page != nullptr ? page->job_id != 0 : step_identity().slurm);
    if (page != nullptr && page->gpus[0] != '\0') {
        words.slurm = PageText(page->gpus).text;
    }
    keep_step_gpus(*topology, words);
    if (options.device == Device::gpu && topology->gpus.empty()) {
        return with_hint(fail("--infer-device=gpu: there is no GPU that this step may use"),
                         "ask for one (srun --gpus=1), or use --infer-device=auto; where Slurm does not count GPUs, "
                         "CUDA_VISIBLE_DEVICES says which are the step's");
    }
    PlanRequest request{options.instances, 0, page != nullptr && options.pin_app, gpus && !topology->gpus.empty()};
    request.devices = options.num_devices;
    if (page != nullptr) {
        request.step = allocated_cpus(*topology, PageText(page->cores).text, *masks);
    }
    const Result<int> cpus = cpus_within_limit(options, (request.step | united(*masks)).count());
    if (!cpus) {
        return cpus.error();
    }
    request.db_cpus = *cpus;
    request.avoid = claims.of_others();
    Result<Plan> planned =
        page == nullptr && *cpus == 0 ? plan_alone(*topology, masks->at(0), request) : plan(*topology, *masks, request);
    claims.make(planned ? cpus_of(*planned) : CpuSet());
    if (!planned) {
        return planned.error();
    }
    return NodePlan{std::move(*topology), std::move(*planned)};
}

void publish(const Plan& plan, const std::vector<std::string>& endpoints, const std::string& state_dir, Page& page) {
    set_text(page.state_dir, state_dir);
    for (std::size_t i = 0; i < plan.instances.size(); ++i) {
        set_text(page.instances[i].endpoint, endpoints[i]);
        page.instances[i].cpus = plan.instances[i].cpus;
    }
    page.instance_count = static_cast<std::int32_t>(plan.instances.size());
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
        page.tasks[i].instance = plan.tasks[i].instance;
        page.tasks[i].after = plan.tasks[i].after;
    }
}

}  // namespace inferstep
