// A rank's weights and links.
#include <algorithm>

#include "core/text.hpp"
#include "llm/run/run_state.hpp"
#include "llm/stage/device.hpp"
#include "llm/stage/formats.hpp"

namespace inferstep::llm {
namespace {

constexpr double kGiga = 1e9;

}  // namespace

StageOptions StageRun::stage_options() const {
    StageOptions options;
    options.range = plan_.range();
    options.format = settings_.format;
    options.threads = thread_count();
    options.slots = plan_.limits.slots();
    options.context = plan_.limits.context;
    options.max_rows = plan_.limits.rows;
    options.max_logit_rows = plan_.limits.logit_rows;
    options.device = gpu_;
    options.local_rank = id_.local_rank;
    return options;
}

Status StageRun::load_weights() {
    const std::int64_t began = now_ns();
    std::size_t bytes = 0;
    const auto show = [&](const LoadProgress& p) {
        bytes = p.bytes;
        constexpr double kMega = 1e6;
        if (id_.rank == 0 && progress_.has_bar()) {
            BarState bar;
            bar.done = static_cast<int>(static_cast<double>(p.bytes) / kMega);
            bar.total = static_cast<int>(static_cast<double>(p.total) / kMega);
            bar.note = fmt::format("MB of weights, {:.2f} GB/s",
                                   static_cast<double>(p.bytes) / std::max(seconds_since(began), 1e-6) / kGiga);
            progress_.show(bar);
        }
    };
    Result<std::unique_ptr<Stage>> stage = load_stage(*files_, stage_options(), show);
    progress_.clear();
    if (!stage) {
        return stage.error();
    }
    stage_ = std::move(*stage);
    facts_.load_s = seconds_since(began);
    facts_.io_s += facts_.load_s;
    facts_.loaded_bytes = bytes;
    log_->info(fmt::format("Stage {} read {:.3f} GB of weights in {:.2f}s ({:.2f} GB/s)", plan_.stage,
                           static_cast<double>(bytes) / kGiga, facts_.load_s,
                           static_cast<double>(bytes) / std::max(facts_.load_s, 1e-6) / kGiga));
    times_->row("load", facts_.load_s);
    return Status::ok();
}

Status StageRun::load() {
    const Result<DeviceChoice> device = choose_device(settings_.device, id_.local_rank);
    if (!device) {
        return device.error();
    }
    gpu_ = device->gpu;
    if (!device->note.empty()) {
        log_->info(device->note);
    }
    const StageOptions options = stage_options();
    facts_.threads = options.threads;
    const LayerRange& range = options.range;
    log_->info(loads_line(plan_.stage, range.last - range.first, range_text(range),
                          gpu_ >= 0 ? fmt::format("gpu {}", gpu_) : "cpu"));
    if (Status s = load_weights(); !s) {
        return s;
    }
    facts_.device = stage_->device_name();
    facts_.weight_bytes = stage_->weight_bytes();
    facts_.cache_bytes = stage_->cache_bytes();
    facts_.read_bytes = stage_->read_bytes();
    log_->info(fmt::format("Stage {} is on {}: {:.3f} GB of weights ({}), {:.3f} GB for keys and values", plan_.stage,
                           facts_.device, static_cast<double>(facts_.weight_bytes) / kGiga,
                           name_of(weight_formats(*files_, settings_.format).layers),
                           static_cast<double>(facts_.cache_bytes) / kGiga));
    return warm_up();
}

// Whatever is done once only (threads, pages, a GPU's kernels) is done with a row that nobody reads: a prompt's first
// row takes its place.
Status StageRun::warm_up() {
    const std::int64_t began = now_ns();
    const std::vector<int> tokens(plan_.first() ? 1 : 0, 0);
    if (!plan_.first() && !stage_->on_device()) {
        std::fill_n(static_cast<float*>(stage_->input()), files_->shape().hidden, 0.0F);
    }
    Status s = stage_->forward({Span{0, 0, 1, false, false}}, tokens);
    facts_.warm_up_s = seconds_since(began);
    times_->row("warm_up", facts_.warm_up_s);
    return s;
}

// Which ranks' stages are on a GPU.
Result<std::vector<bool>> StageRun::devices() {
    const Result<std::vector<std::string>> texts =
        world_->all_gather(stage_ != nullptr && stage_->on_device() ? "gpu" : "cpu");
    if (!texts) {
        return texts.error();
    }
    std::vector<bool> on_gpu;
    for (const std::string& text : *texts) {
        on_gpu.push_back(text == "gpu");
    }
    return on_gpu;
}

// From one stage to the next, or from the last to the first; both ends call it. `device`: both are on GPUs.
Status StageRun::connect_edge(int from, bool device) {
    const int to = (from + 1) % plan_.stages;
    const std::size_t row = static_cast<std::size_t>(files_->shape().hidden) * sizeof(float);
    const std::size_t rows = static_cast<std::size_t>(plan_.limits.rows) * row;
    const bool answers = to == 0;
    comm::LinkOptions options;
    options.transport = settings_.transport == "nccl" ? "auto" : settings_.transport;
    // All that can be in flight: nobody waits for the other end while he could go on.
    options.largest_message = static_cast<std::size_t>(plan_.limits.groups) *
                              (answers ? answer_bytes(plan_.limits) : work_bytes(plan_.limits) + rows);
    Result<std::unique_ptr<comm::Link>> link = world_->link(from, to, options);
    if (!link) {
        return link.error();
    }
    const bool mine = from == plan_.stage;
    comm::Link* const host = link->get();
    comm::Link* payload = host;
    links_.push_back(std::move(*link));
    if (!answers && device && (settings_.transport == "nccl" || settings_.transport == "auto")) {
        options.transport = "nccl";
        options.device_memory = true;
        options.device = gpu_;
        options.join_timeout_s = settings_.timeout_s;
        Result<std::unique_ptr<comm::Link>> rows_link = world_->link(from, to, options);
        if (!rows_link && (settings_.transport == "nccl" || world_->failure())) {
            return rows_link.error();
        }
        if (rows_link) {
            payload = rows_link->get();
            links_.push_back(std::move(*rows_link));
        } else {
            log_->warning(
                fmt::format("{}; what is computed goes over {}", rows_link.error().message, host->transport()));
        }
    }
    if (answers) {
        (mine ? edges_.answers_out : edges_.answers_in) = host;
    } else {
        (mine ? edges_.work_out : edges_.work_in) = host;
        (mine ? edges_.rows_out : edges_.rows_in) = payload;
    }
    if (mine) {
        facts_.transport_out = payload->transport();
        log_->info(fmt::format("Edge from rank {} to rank {}: {}", from, to,
                               payload == host ? std::string(host->transport())
                                               : fmt::format("{} and {}", host->transport(), payload->transport())));
    }
    return Status::ok();
}

Status StageRun::connect() {
    const Result<std::vector<bool>> on_gpu = devices();
    if (!on_gpu) {
        return on_gpu.error();
    }
    for (int rank = 0; settings_.transport == "nccl" && plan_.stages > 1 && rank < plan_.stages; ++rank) {
        if (!(*on_gpu)[static_cast<std::size_t>(rank)]) {
            return fail("--transport=nccl joins GPUs, and rank {} on node {} computes on its CPUs", rank,
                        world_->peers()[static_cast<std::size_t>(rank)].node);
        }
    }
    for (int from = 0; plan_.stages > 1 && from < plan_.stages; ++from) {
        const int to = (from + 1) % plan_.stages;
        if (plan_.stage != from && plan_.stage != to) {
            continue;
        }
        const bool device = (*on_gpu)[static_cast<std::size_t>(from)] && (*on_gpu)[static_cast<std::size_t>(to)];
        if (Status s = connect_edge(from, device); !s) {
            return s;
        }
    }
    return Status::ok();
}

}  // namespace inferstep::llm
