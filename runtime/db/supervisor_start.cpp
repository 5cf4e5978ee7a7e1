// The supervisor until its databases are ready.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/cpulist.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "db/limits.hpp"
#include "db/startup.hpp"
#include "db/supervisor.hpp"
#include "place/draw.hpp"

namespace inferstep {
namespace {

Result<std::string> module_file() {
    std::string path = library_directory() + "/inferdb.so";
    if (access(path.c_str(), R_OK) != 0) {
        return with_hint(fail("the inference module {} cannot be read: {}", path, std::strerror(errno)),
                         "it belongs beside the program, in ../lib/inferstep; install both from the same build");
    }
    return path;
}

}  // namespace

Supervisor::Supervisor(const DbOptions& options, std::optional<MappedPage> page, Events events, StepTasks tasks,
                       UniqueFd guard)
    : options_(options),
      page_(std::move(page)),
      events_(std::move(events)),
      tasks_(std::move(tasks)),
      guard_(std::move(guard)),
      claims_(options_.statedir, step_identity().node) {
    record_.id = identity_of(page_ ? &**page_ : nullptr, options_.standard.has_value());
}

Status Supervisor::start() {
    if (page_) {
        (*page_)->supervisor_pid = getpid();
    }
    if (Status s = check_model_files(options_.models); !s) {
        return s;
    }
    if (Status s = check_script_files(options_.scripts); !s) {
        return s;
    }
    if (Status s = plan(); !s) {
        return s;
    }
    phase("planned");
    if (Status s = options_.dry_run || verbose() ? show_plan() : Status::ok(); !s) {
        return s;
    }
    if (options_.dry_run) {
        return fail("dry run: nothing was started");
    }
    if (Status s = start_instances(); !s) {
        return s;
    }
    phase("started");
    if (Status s = make_ready(); !s) {
        return s;
    }
    phase("ready");
    return tell();
}

Status Supervisor::plan() {
    Result<NodePlan> planned = plan_node(options_, page_ ? &**page_ : nullptr, claims_);
    if (!planned) {
        return planned.error();
    }
    plan_ = std::move(*planned);
    record_.plan = plan_json(plan_->topology, plan_->plan);
    return Status::ok();
}

Status Supervisor::show_plan() {
    std::fputs(draw_text(plan_->topology, plan_->plan).c_str(), stderr);
    if (options_.tcp) {
        const Result<Interface> interface = tcp_interface(options_);
        if (!interface) {
            return interface.error();
        }
        std::fputs(tcp_plan(options_, *interface).c_str(), stderr);
    }
    return Status::ok();
}

// What all instances share: the CPUs that this process moves to, the directory, the secret, the memory.
Status Supervisor::prepare() {
    const CpuSet cpus = cpus_of(plan_->plan);
    if (!set_affinity(0, cpus)) {
        return fail("cannot move to the CPUs {}: {}", cpu_list(cpus), std::strerror(errno));
    }
    Result<StateDir> directory =
        StateDir::create(options_.statedir, step_name(record_.id), record_.id.node, kLongestSocketName);
    if (!directory) {
        return directory.error();
    }
    directory_ = std::move(*directory);
    Result<std::string> password = random_hex(32);
    if (!password) {
        return password.error();
    }
    password_ = std::move(*password);
    const std::uint64_t given = page_ ? (*page_)->memory_mib << 20U : 0;
    record_.memory_limit = given > 0 ? std::min(given, memory_limit()) : memory_limit();
    const Result<std::uint64_t> memory = memory_within_limit(options_, record_.memory_limit);
    if (!memory) {
        return memory.error();
    }
    record_.max_memory = *memory / plan_->plan.instances.size();
    return Status::ok();
}

// What the databases leave of the step's memory, each its part. A step in which they may have all has no such bound.
std::uint64_t Supervisor::memory_for_models() const {
    const std::uint64_t count = plan_->plan.instances.size();
    const std::uint64_t stored = record_.max_memory * count;
    return stored < record_.memory_limit ? (record_.memory_limit - stored) / count : 0;
}

Standard::Vigil Supervisor::vigil() {
    const auto left = std::chrono::seconds(options_.timeout_s) - std::chrono::nanoseconds(now_ns() - start_ns_);
    return {events_, instances_, std::chrono::steady_clock::now() + left, options_.timeout_s};
}

Status Supervisor::start_instances() {
    const Result<std::string> module = module_file();
    if (!module) {
        return module.error();
    }
    if (Status s = prepare(); !s) {
        return s;
    }
    if (options_.standard) {
        Result<Standard> joined = Standard::join(options_, record_.id, vigil());
        if (!joined) {
            return joined.error();
        }
        standard_ = std::move(*joined);
        if (Status s = directory_->note_outside(standard_->files()); !s) {
            return s;
        }
    }
    if (options_.tcp) {
        Result<StepNet> net = StepNet::open(options_, record_.id, *directory_);
        if (!net) {
            return net.error();
        }
        net_ = std::move(*net);
        if (const std::vector<std::string> files = net_->files(); !files.empty()) {
            if (Status s = directory_->note_outside(files); !s) {
                return s;
            }
        }
    }
    for (const PlannedInstance& planned : plan_->plan.instances) {
        const Result<Network> network = next_network();
        if (!network) {
            return network.error();
        }
        Result<Instance> instance =
            Instance::start(static_cast<int>(instances_.size()),
                            {options_.redis, *module, password_, planned, options_.tpq, options_.device,
                             record_.max_memory, *network, memory_for_models()},
                            *directory_);
        if (!instance) {
            return instance.error();
        }
        instances_.push_back(std::move(*instance));
    }
    return Status::ok();
}

Result<Network> Supervisor::next_network() {
    return standard_ ? standard_->next_network() : net_ ? net_->next() : Result<Network>(Network());
}

// A shard takes no key before the cluster stands.
Status Supervisor::make_ready() {
    if (standard_) {
        if (Status s = make_all_ready(instances_, password_, options_, Load::nothing, start_ns_, events_); !s) {
            return s;
        }
        phase("answering");
        if (Status s = standard_->form(vigil(), password_); !s) {
            return s;
        }
        phase("formed");
    }
    return make_all_ready(instances_, password_, options_, Load::models_and_scripts, start_ns_, events_);
}

// On standard output, for whoever started a server of its own.
Status Supervisor::say_ready() {
    if (standard_) {
        return standard_->announce(vigil());
    }
    for (const Instance& instance : instances_) {
        std::printf("ready %s %s%s\n", instance.name().c_str(), instance.endpoint().c_str(),
                    net_ ? (" " + instance.network().endpoint()).c_str() : "");
    }
    std::fflush(stdout);
    return Status::ok();
}

// Tell the tasks, or whoever reads our output, where the databases are.
Status Supervisor::tell() {
    record_.state = "ready";
    if (Status s = write_file(directory_->file("step.json"), node_json(record_, options_, instances_).dump()); !s) {
        print_warning(s.error().message);
    }
    std::vector<std::string> endpoints;
    for (const Instance& instance : instances_) {
        endpoints.push_back(instance.endpoint());
        print_note(fmt::format("{} on node {} is ready after {:.3f} s on CPUs {}", instance.name(), record_.id.node,
                               instance.ready_s, cpu_list(instance.plan().cpus)));
    }
    if (net_) {
        net_->announce(instances_);
    }
    if (!page_) {
        return say_ready();
    }
    (*page_)->reconnect_s = options_.on_failure == DbFailure::restart ? options_.timeout_s : 0;
    for (std::size_t i = 0; net_ && i < instances_.size(); ++i) {
        set_text((*page_)->instances[i].tcp, instances_[i].network().endpoint());
        set_text((*page_)->secret, options_.tcp_secret ? kSecretName : "");
    }
    publish(plan_->plan, endpoints, directory_->path(), **page_);
    return page_advance(**page_, PageState::starting, PageState::ready) ? Status::ok()
                                                                        : Status(fail("the tasks gave up waiting"));
}

void Supervisor::phase(const char* name) { record_.phases.push_back({name, seconds_since(start_ns_)}); }

}  // namespace inferstep
