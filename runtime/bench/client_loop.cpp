#include "bench/client_loop.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "bench/client_preprocess.hpp"
#include "core/clock.hpp"
#include "core/cpuset.hpp"
#include "core/log.hpp"
#include "vision/image.hpp"

namespace inferstep {
namespace {

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Threads of a forward in this process. Tasks that were given the same CPUs share them; and a thread has at least one
// sample to itself, because threads that wait for each other on a busy node are slower than one.
int forward_threads(const StepIdentity& id, int batch_size) {
    CpuSet mask;
    const int cpus = get_affinity(0, mask) ? mask.count() : 1;
    return std::clamp(cpus / std::max(1, id.local_ranks), 1, batch_size);
}

Json array_of(const std::vector<std::int64_t>& values) {
    Json array = Json::array();
    for (const std::int64_t value : values) {
        array.push(static_cast<double>(value));
    }
    return array;
}

}  // namespace

ClientLoop::ClientLoop(const ClientOptions& options, RankRecord& record, RankSummary& summary)
    : options_(options), record_(record), summary_(summary) {
    // One set of keys per rank, written again in every iteration, unless it is asked for more: the database's memory
    // does not grow. The braces keep them on one shard of a cluster.
    keys_ = fmt::format("{{inferstep.{}.{}}}.", step_name(summary.id), summary.id.rank);
    const auto add = [this](const char* function) { samples_.push_back({function, {}}); };
    if (options.pipelined) {
        add("infer");
    } else if (options.separate) {
        add("put_tensor");
        if (options.smartsim) {
            add("run_script");
        }
        add("run_model");
        add(options.smartsim ? "unpack_tensor" : "get_tensor");
    }
    if (options.pipelined || options.separate) {
        add("loop");
    }
    if (options.dag) {
        add("dag");
    }
}

Status ClientLoop::run() {
    const char* state = std::getenv("INFER_STATE_DIR");
    const std::string state_directory = state != nullptr ? state : "";
    NodeMeeting meeting(state_directory, summary_.id, record_.directory());
    if (Status s = connect(); !s) {
        return s;
    }
    if (Status s = prepare(state_directory); !s) {
        return s;
    }
    if (Status s = iterate(0, options_.warmup, false); !s) {
        return s;
    }
    if (!meeting.wait(options_.patience)) {
        record_.log("warning", "some ranks of this node did not come to the start: the loop began without them");
    }
    summary_.begin = wall_seconds();
    const std::int64_t start = now_ns();
    Status looped = iterate(options_.warmup, options_.iterations, true);
    summary_.loop_seconds = seconds_since(start);
    summary_.end = wall_seconds();
    record_.row("loop_time", summary_.loop_seconds);
    if (looped && !options_.keep_keys) {
        (void)client_.delete_tensors({keys_ + "in", keys_ + "pre", keys_ + "out"});
    }
    return looped;
}

Status ClientLoop::connect() {
    auto door = open_door(options_.fortran);
    if (!door) {
        return door.error();
    }
    door_ = std::move(*door);
    if (Status s = door_->connect(summary_.endpoint, timeout_ms(), summary_.client_seconds); !s) {
        return s;
    }
    record_.row("client()", summary_.client_seconds);
    ConnectOptions limits;
    limits.command_timeout = Client::Milliseconds{timeout_ms()};
    const ClientStatus s = client_.connect(summary_.endpoint, limits);
    return s ? Status::ok() : Status(Error{s.message(), {}});
}

Status ClientLoop::prepare(const std::string& state_directory) {
    const auto model = provide_model(client_, options_, state_directory, record_.directory());
    if (!model) {
        return model.error();
    }
    model_ = model->name;
    script_ = model->script;
    Json json = Json::object();
    json.set("name", model->name).set("origin", model->origin).set("bytes", model->file.size());
    json.set("stored_on", model->device);
    record_.log("model", json);
    if (Status s = make_reference(*model); !s) {
        return s;
    }
    const auto block_size = static_cast<std::size_t>(inputs_.count);
    for (auto* outputs : {&outputs_, &dag_outputs_}) {
        outputs->resize(block_size * static_cast<std::size_t>(reference_.elements));
    }
    for (auto* times : {&put_, &preprocess_, &run_model_, &get_, &whole_, &one_}) {
        times->resize(block_size);
    }
    return Status::ok();
}

Status ClientLoop::make_reference(const LoopModel& model) {
    const bool own = options_.reference.empty();
    const auto other = own ? Result<std::string>(std::string()) : read_file(options_.reference);
    if (!other) {
        return other.error();
    }
    const std::string origin = own ? model.origin : options_.reference;
    const auto forward =
        ReferenceModel::load(own ? model.file : *other, origin, forward_threads(summary_.id, options_.batch_size));
    if (!forward) {
        return forward.error();
    }
    std::vector<std::int64_t> sample = options_.shape.empty() ? forward->sample_shape() : options_.shape;
    if (sample.empty()) {
        sample = {3, kCropSide, kCropSide};
    }
    if (options_.smartsim) {
        if (sample.size() != 3 || sample[0] != 3) {
            return fail("--workload=smartsim preprocesses images of three channels, which {} does not take", origin);
        }
        sample = {sample[1], sample[2], 3};
    }
    auto inputs = make_inputs(options_, sample, summary_.id.rank, summary_.id.ranks);
    if (!inputs) {
        return inputs.error();
    }
    inputs_ = std::move(*inputs);
    if (options_.smartsim) {
        inputs_.shape = sample;  // one image: without the batch
    }
    Json json = Json::object();
    json.set("source", options_.images.empty() ? "synthetic" : options_.images.c_str());
    json.set("shape", array_of(inputs_.shape)).set("different", inputs_.count).set("left_out", inputs_.damaged);
    record_.log("inputs", json);
    auto reference = forward->run(options_.smartsim ? preprocess(inputs_) : inputs_);
    if (!reference) {
        return reference.error();
    }
    reference_ = std::move(*reference);
    json = Json::object();
    json.set("origin", origin).set("library", reference_.version).set("forward_seconds", reference_.seconds);
    json.set("scale", reference_.scale).set("apart", reference_.apart).set("tolerance", options_.tolerance);
    record_.log("reference", json);
    if (reference_.apart <= 2 * options_.tolerance) {
        const std::string warning = fmt::format(
            "outputs of different inputs lie only {:.2g} apart, with a tolerance of {:.2g}: an answer to another "
            "request "
            "could pass",
            reference_.apart, options_.tolerance);
        record_.log("warning", warning);
        if (summary_.id.rank == 0) {
            print_warning(warning);
        }
    }
    return Status::ok();
}

LoopBlock ClientLoop::block(int first, int count) {
    LoopBlock b{};
    b.model = model_.c_str();
    b.script = script_.c_str();
    b.function = kPreprocessFunction;
    b.keys = keys_.c_str();
    b.keep_keys = options_.keep_keys ? 1 : 0;
    b.rank = static_cast<int>(inputs_.shape.size());
    std::copy(inputs_.shape.begin(), inputs_.shape.end(), b.shape);
    b.inputs = inputs_.count;
    b.input_elements = inputs_.elements;
    b.output_elements = reference_.elements;
    b.input = inputs_.data.data();
    b.output = outputs_.data();
    b.dag_output = dag_outputs_.data();
    b.first = first;
    b.count = count;
    b.separate = options_.separate ? 1 : 0;
    b.pipelined = options_.pipelined ? 1 : 0;
    b.dag = options_.dag ? 1 : 0;
    b.timeout_ms = timeout_ms();
    b.put = put_.data();
    b.preprocess = preprocess_.data();
    b.run = run_model_.data();
    b.get = get_.data();
    b.loop = whole_.data();
    b.one = one_.data();
    return b;
}

Status ClientLoop::iterate(int first, int count, bool measured) {
    // With a pause after every iteration, a block is one iteration.
    const int most = options_.sleep > 0 ? 1 : inputs_.count;
    for (int at = first; at < first + count;) {
        LoopBlock b = block(at, std::min(most, first + count - at));
        Status s = door_->run(b);
        if (measured) {
            keep(b);
            if (options_.separate || options_.pipelined) {
                compare(b, b.output);
            }
            if (options_.dag) {
                compare(b, b.dag_output);
            }
        }
        if (!s) {
            return s;
        }
        at += b.count;
        if (options_.sleep > 0) {
            usleep(static_cast<useconds_t>(options_.sleep * 1e6));
        }
    }
    return Status::ok();
}

void ClientLoop::keep(const LoopBlock& b) {
    const auto time_of = [&b](const std::string& function) {
        return function == "put_tensor"                    ? b.put
               : function == "run_script"                  ? b.preprocess
               : function == "run_model"                   ? b.run
               : function == "dag"                         ? b.one
               : function == "loop" || function == "infer" ? b.loop
                                                           : b.get;
    };
    for (int i = 0; i < b.done; ++i) {
        for (Samples& each : samples_) {
            const double seconds = time_of(each.function)[i];
            each.times.push_back(seconds);
            record_.row(each.function, seconds);
        }
    }
    summary_.iterations += b.done;
    record_.flush();
}

void ClientLoop::compare(const LoopBlock& b, const float* outputs) {
    for (int i = 0; i < b.done; ++i) {
        const int which = (b.first + i) % b.inputs;
        summary_.wrong += count_wrong(reference_, which, outputs + i * b.output_elements, options_.batch_size,
                                      options_.tolerance, summary_.worst);
        summary_.compared += options_.batch_size;
    }
}

}  // namespace inferstep
