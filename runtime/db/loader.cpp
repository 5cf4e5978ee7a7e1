#include "db/loader.hpp"

#include <algorithm>
#include <span>
#include <thread>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/mapped_file.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 20U;  // below what Redis takes as one word (512 MB)
constexpr const char* kWarmupInput = "inferstep.warmup.in";
constexpr const char* kWarmupOutput = "inferstep.warmup.out";

std::vector<std::string> store_command(const ModelSpec& model, const LoadedModel& loaded) {
    const bool package = model.backend == "AOTI";
    const char* command = package ? "AI._MODELFILE" : "AI.MODELSTORE";
    std::vector<std::string> words = {command, loaded.key, model.backend, loaded.device};
    const auto number = [&words](const char* key, int value) {
        if (value > 0) {
            words.insert(words.end(), {key, std::to_string(value)});
        }
    };
    number("BATCHSIZE", model.batch_size);
    number("MINBATCHSIZE", model.min_batch_size);
    number("MINBATCHTIMEOUT", model.min_batch_timeout);
    number("THREADS", model.threads);
    if (!model.precision.empty()) {
        words.insert(words.end(), {"PRECISION", model.precision});
    }
    if (package) {
        words.insert(words.end(), {"SHA256", model.sha256, "FILE", model.path});
    } else {
        words.emplace_back("BLOB");
    }
    return words;
}

// Code is not sent: the database reads the file, and finds the one that was seen here.
Status store_package(client::Connection& connection, ModelSpec model, const LoadedModel& loaded,
                     client::Deadline deadline) {
    if (model.sha256.empty()) {
        const Result<std::string> digest = sha256_of_file(model.path);
        if (!digest) {
            return digest.error();
        }
        model.sha256 = *digest;
    }
    const Result<client::Reply> stored = ask(connection, store_command(model, loaded), deadline);
    return stored ? Status::ok() : Status(stored.error());
}

Status store(client::Connection& connection, const ModelSpec& model, LoadedModel& loaded, client::Deadline deadline) {
    // A package is read by the database, which checks what it executes.
    const Result<MappedFile> file = read_checked(model.path, model.backend == "AOTI" ? "" : model.sha256);
    if (!file) {
        return file.error();
    }
    std::vector<client::Bytes> chunks;
    for (std::size_t at = 0; at < file->size; at += kChunk) {
        chunks.emplace_back(file->data.get() + at, std::min(kChunk, file->size - at));
    }
    loaded.bytes = file->size;
    const std::int64_t start = now_ns();
    Status status = [&]() -> Status {
        if (model.backend == "AOTI") {
            return store_package(connection, model, loaded, deadline);
        }
        const auto stored = ask(connection, store_command(model, loaded), deadline, chunks);
        return stored ? Status::ok() : Status(stored.error());
    }();
    loaded.store_s = seconds_since(start);
    return status;
}

// One inference on zeros of the shape that was named, so that the first client finds everything allocated and tuned.
Status warm_up(client::Connection& connection, const ModelSpec& model, const LoadRequest& request,
               LoadedModel& loaded) {
    const client::Deadline deadline = request.deadline;
    const std::string input = request.prefix + kWarmupInput;
    const std::string output = request.prefix + kWarmupOutput;
    std::vector<std::string> put = {"AI.TENSORSET", input, name_of(model.warmup_type)};
    std::size_t bytes = bytes_of(model.warmup_type);
    for (const std::int64_t size : model.warmup) {
        put.push_back(std::to_string(size));
        bytes *= static_cast<std::size_t>(size);
    }
    put.emplace_back("BLOB");
    const std::vector<std::byte> zeros(bytes);
    const client::Bytes payload(zeros);
    const std::int64_t start = now_ns();
    if (const Result<client::Reply> r = ask(connection, put, deadline, std::span(&payload, 1)); !r) {
        return r.error();
    }
    const Result<client::Reply> ran =
        ask(connection, {"AI.MODELEXECUTE", loaded.key, "INPUTS", "1", input, "OUTPUTS", "1", output}, deadline);
    const Result<client::Reply> gone = ask(connection, {"DEL", input, output}, deadline);
    loaded.warmup_s = seconds_since(start);
    return ran ? (gone ? Status::ok() : Status(gone.error())) : Status(ran.error());
}

Status store(client::Connection& connection, const ScriptSpec& script, const LoadRequest& request) {
    const Result<MappedFile> file = map_file(script.path);
    if (!file) {
        return file.error();
    }
    const client::Bytes source(file->data.get(), file->size);
    const std::string& device = script.device.empty() ? request.device : script.device;
    const Result<client::Reply> stored =
        ask(connection, {"AI.SCRIPTSET", request.prefix + script.name, device, "SOURCE"}, request.deadline,
            std::span(&source, 1));
    return stored ? Status::ok() : Status(stored.error());
}

// Redis listens before it has loaded its module, and answers after: the first answer means that all of it is there.
Result<client::Connection> wait_for_server(const LoadRequest& request) {
    for (;;) {
        Result<client::Connection> connection = log_in(request.socket, request.password, request.deadline);
        if (connection || std::chrono::steady_clock::now() >= request.deadline) {
            return connection;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

Status check_module(client::Connection& connection, client::Deadline deadline) {
    const Result<client::Reply> reply = ask(connection, {"AI.CONFIG", "GET", "MODEL_CHUNK_SIZE"}, deadline);
    if (!reply) {
        return fail("the inference module does not answer: {}", reply.error().message);
    }
    return (*reply)->type == REDIS_REPLY_INTEGER ? Status::ok()
                                                 : Status(fail("the inference module answers in an unknown form"));
}

}  // namespace

Result<std::vector<LoadedModel>> make_ready(const LoadRequest& request, Progress& progress) {
    Result<client::Connection> connection = wait_for_server(request);
    if (!connection) {
        return connection.error();
    }
    if (Status s = check_module(*connection, request.deadline); !s) {
        return s.error();
    }
    std::vector<LoadedModel> loaded;
    for (const ModelSpec& model : request.models) {
        LoadedModel& entry = loaded.emplace_back();
        entry.name = model.name;
        entry.key = request.prefix + model.name;
        entry.device = model.device.empty() ? request.device : model.device;
        progress.set("loading model " + model.name);
        if (Status s = store(*connection, model, entry, request.deadline); !s) {
            return fail("--infer-model {}: {} was not loaded: {}", model.name, model.path, s.error().message);
        }
        if (model.warmup.empty()) {
            continue;
        }
        progress.set("warming up model " + model.name);
        if (Status s = warm_up(*connection, model, request, entry); !s) {
            return fail("--infer-model {}: the warm-up inference failed: {}", model.name, s.error().message);
        }
    }
    for (const ScriptSpec& script : request.scripts) {
        progress.set("storing script " + script.name);
        if (Status s = store(*connection, script, request); !s) {
            return fail("--infer-script {}: {} was not stored: {}", script.name, script.path, s.error().message);
        }
    }
    return loaded;
}

Status check_model_files(const std::vector<ModelSpec>& models) {
    for (const ModelSpec& model : models) {
        if (const Result<MappedFile> file = map_file(model.path); !file) {
            return fail("--infer-model {}: {}", model.name, file.error().message);
        }
        if (model.sha256.empty()) {
            continue;
        }
        const Result<std::string> digest = sha256_of_file(model.path);
        if (!digest) {
            return fail("--infer-model {}: {}", model.name, digest.error().message);
        }
        if (*digest != model.sha256) {
            return with_hint(
                fail("--infer-model {}: {} has not the checksum that was asked for", model.name, model.path),
                fmt::format("its sha256 is {}", *digest));
        }
    }
    return Status::ok();
}

Status check_script_files(const std::vector<ScriptSpec>& scripts) {
    for (const ScriptSpec& script : scripts) {
        if (const Result<MappedFile> file = map_file(script.path); !file) {
            return fail("--infer-script {}: {}", script.name, file.error().message);
        }
    }
    return Status::ok();
}

}  // namespace inferstep
