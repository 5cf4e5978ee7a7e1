// inferstep topo: where the databases of a step would run on this machine, or on one described by hwloc's XML.
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/step.hpp"
#include "core/words.hpp"
#include "db/gpu_env.hpp"
#include "place/blocks.hpp"
#include "place/draw.hpp"
#include "place/topology.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::string xml, colocate, db_cpus, devices, tasks, masks, svg;
    std::string pin_app = "yes";
    std::string device = "auto";
    bool json = false;
};

struct Wish {
    PlanRequest request;
    int tasks = 1;
    std::vector<CpuSet> masks;  // empty: `tasks` blocks of what there is
};

Result<std::vector<CpuSet>> parse_masks(const std::string& text) {
    std::vector<CpuSet> masks;
    for (const std::string& part : split(text, ';')) {
        if (!parse_cpus(part.c_str(), masks.emplace_back())) {
            return fail("--task-masks={}: '{}' is not a CPU list; use one per task, such as 0-3;4-7", text, part);
        }
    }
    return masks;
}

Status read_number(const char* option, const std::string& text, long high, int& value) {
    if (text.empty()) {
        return Status::ok();
    }
    const Result<long> n = parse_number(option, text, 1, high);
    if (!n) {
        return n.error();
    }
    value = static_cast<int>(*n);
    return Status::ok();
}

Result<Wish> parse(const Arguments& a) {
    Wish wish;
    for (const Status& s : {read_number("--colocate", a.colocate, kMaxCpus, wish.request.instances),
                            read_number("--db-cpus", a.db_cpus, kMaxCpus, wish.request.db_cpus),
                            read_number("--num-devices", a.devices, kMaxCpus, wish.request.devices),
                            read_number("--tasks", a.tasks, kMaxCpus, wish.tasks)}) {
        if (!s) {
            return s.error();
        }
    }
    const Result<std::size_t> pin = parse_choice("--pin-app", a.pin_app, {"no", "yes"});
    if (!pin) {
        return pin.error();
    }
    const Result<std::size_t> device = parse_choice("--device", a.device, {"cpu", "gpu", "auto"});
    if (!device) {
        return device.error();
    }
    if (!a.tasks.empty() && !a.masks.empty()) {
        return fail("--tasks and --task-masks exclude each other: the second says how many tasks there are");
    }
    wish.request.pin_app = *pin == 1;
    wish.request.gpus = *device != 0;
    if (!a.masks.empty()) {
        Result<std::vector<CpuSet>> masks = parse_masks(a.masks);
        if (!masks) {
            return masks.error();
        }
        wish.masks = std::move(*masks);
    }
    return wish;
}

// The CPUs that a step could have: those of this process, or, of another machine, all.
Result<CpuSet> own_mask(const Topology& topology) {
    CpuSet mask;
    if (!topology.here) {
        for (const Cpu& cpu : topology.cpus) {
            mask.add(cpu.os);
        }
    } else if (!get_affinity(0, mask)) {
        return fail("the CPU mask of this process cannot be read");
    }
    return mask;
}

Status show(const Arguments& a, Wish wish) {
    Result<Topology> topology = load_topology(a.xml, wish.request.gpus);
    if (!topology) {
        return topology.error();
    }
    if (topology->here) {
        keep_step_gpus(*topology, gpu_words(step_identity().slurm));
    }
    if (a.device == "gpu" && topology->gpus.empty()) {
        return fail("--device=gpu: there is no GPU that may be used; use --device=auto or --device=cpu");
    }
    if (wish.masks.empty()) {
        const Result<CpuSet> mask = own_mask(*topology);
        if (!mask) {
            return mask.error();
        }
        Result<std::vector<CpuSet>> blocks = split_into_blocks(*topology, *mask, wish.tasks);
        if (!blocks) {
            return blocks.error();
        }
        wish.masks = std::move(*blocks);
    }
    const Result<Plan> plan = inferstep::plan(*topology, wish.masks, wish.request);
    if (!plan) {
        return in_own_words(plan.error());
    }
    if (!a.svg.empty()) {
        if (Status s = write_file(a.svg, draw_svg(*topology, *plan)); !s) {
            return s;
        }
    }
    const std::string text = a.json ? plan_json(*topology, *plan).dump() + "\n" : draw_text(*topology, *plan);
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        return fail("cannot write the picture to the standard output");
    }
    return Status::ok();
}

int topo(const Arguments& a) {
    const Result<Wish> wish = parse(a);
    if (!wish) {
        print_error(wish.error());
        return 2;
    }
    if (const Status s = show(a, *wish); !s) {
        print_error(s.error());
        return 1;
    }
    return 0;
}

}  // namespace

void add_topo(CLI::App& app, Outcome& outcome) {
    CLI::App* sub = app.add_subcommand("topo", "show where the databases of a step would run");
    auto a = std::make_shared<Arguments>();
    sub->add_option("--colocate,--infer-colocate", a->colocate, "database instances (default 1)")->type_name("N");
    sub->add_option("--db-cpus,--infer-db-cpus", a->db_cpus, "CPUs for all of them (default: 2, or one each)")
        ->type_name("K");
    sub->add_option("--pin-app,--infer-pin-app", a->pin_app, "take these CPUs from the tasks: yes or no")
        ->type_name("yes|no");
    sub->add_option("--device,--infer-device", a->device, "show GPUs where there are some (default auto)")
        ->type_name("cpu|gpu|auto");
    sub->add_option("--num-devices,--infer-num-devices", a->devices, "GPUs for all of them (default: all)")
        ->type_name("D");
    sub->add_option("--tasks", a->tasks, "tasks, each with an equal block of the cores (default 1)")->type_name("N");
    sub->add_option("--task-masks", a->masks, "the tasks' own CPU lists, as in 0-3;4-7")->type_name("LIST;LIST…");
    sub->add_option("--xml", a->xml, "plan for the machine in an hwloc XML file")->type_name("FILE");
    sub->add_option("--svg", a->svg, "also write a drawing")->type_name("FILE");
    sub->add_flag("--json", a->json, "print JSON in place of the picture");
    sub->callback([a, &outcome] { outcome.exit_code = topo(*a); });
}

}  // namespace inferstep::cli
