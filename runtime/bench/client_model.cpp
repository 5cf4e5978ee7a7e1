#include "bench/client_model.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <span>

#include "bench/client_preprocess.hpp"
#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/log.hpp"
#include "inferdb/backend.hpp"

namespace inferstep {
namespace {

constexpr double kStoreSeconds = 120;  // a large model on a busy node: sent, loaded, optimized
constexpr std::uint64_t kSeed = 0;
constexpr int kClasses = 1000;

Error told(const ClientStatus& status) { return Error{status.message(), {}}; }

// The user's cache, else a directory that is the user's, too: a model is code, and comes from no place where others
// write.
std::string cache_directory(const std::string& otherwise) {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    std::string path;
    if (cache != nullptr && *cache == '/') {
        path = std::string(cache) + "/inferstep";
    } else if (home != nullptr && *home == '/') {
        path = std::string(home) + "/.cache/inferstep";
    }
    return !path.empty() && make_directories(path) && access(path.c_str(), W_OK) == 0 ? path : otherwise;
}

// The file of a ResNet, made when it is not there yet.
Result<std::string> built_model(const std::string& architecture, const std::string& cache) {
    const auto backend = open_torch_backend(library_directory());
    if (!backend) {
        return backend.error();
    }
    // Another version of this program or of libtorch may make another file of the same name: each has its own.
    std::string version = (*backend)->version();
    for (char& c : version) {
        c = c == ' ' || c == '/' ? '-' : c;
    }
    const std::string path =
        fmt::format("{}/{}-seed{}-{}-{}.pt", cache, architecture, kSeed, INFERSTEP_VERSION, version);
    // Without the lock (a file system that has none) two may make the same file: written beside it and renamed.
    const auto lock = FileLock::acquire(path + ".lock", kStoreSeconds);
    if (!lock) {
        print_note(lock.error().message);
    }
    struct stat st {};
    if (stat(path.c_str(), &st) == 0 && st.st_size > 0 && st.st_uid == geteuid()) {
        return path;
    }
    print_note(fmt::format("making {}", path));
    if (Status s = (*backend)->write_model(architecture, kSeed, kClasses, path); !s) {
        return s.error();
    }
    return path;
}

// Where to try to store a model, best first. Whether the database uses a GPU of this node, it alone knows.
std::vector<std::string> devices_to_try(const std::string& asked) {
    if (!asked.empty()) {
        return {asked};
    }
    const bool has_gpu = access("/dev/nvidiactl", F_OK) == 0;
    return has_gpu ? std::vector<std::string>{"GPU", "CPU"} : std::vector<std::string>{"CPU"};
}

Status store(Client& client, const ClientOptions& options, LoopModel& model) {
    ModelStoreOptions how;
    how.batch_size = options.db_batch_size;
    how.timeout = Client::Milliseconds{static_cast<std::int64_t>(kStoreSeconds * 1000)};
    ClientStatus s;
    for (const std::string& device : devices_to_try(options.device)) {
        how.device = model.device = device;
        s = client.set_model(model.name, std::as_bytes(std::span(model.file)), how);
        if (s || s.code() != ClientStatus::Code::server) {
            break;
        }
    }
    return s ? Status::ok() : Status(told(s));
}

Status store_script(Client& client, const ClientOptions& options, const LoopModel& model) {
    bool there = false;
    ClientStatus s = client.script_exists(model.script, there);
    if (!s || there) {
        return s ? Status::ok() : Status(told(s));
    }
    ScriptStoreOptions how;
    for (const std::string& device : devices_to_try(options.device)) {
        how.device = device;
        s = client.set_script(model.script, preprocess_script(), how);
        if (s || s.code() != ClientStatus::Code::server) {
            break;
        }
    }
    return s ? Status::ok() : Status(told(s));
}

Status read_into(LoopModel& model, const std::string& path) {
    auto file = read_file(path);
    if (!file) {
        return file.error();
    }
    model.origin = absolute_path(path);
    model.file = std::move(*file);
    return Status::ok();
}

Status fetch_into(LoopModel& model, Client& client) {
    std::vector<std::byte> bytes;
    if (const ClientStatus s = client.get_model(model.name, bytes); !s) {
        return told(s);
    }
    model.origin = "in the database before";
    model.file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return Status::ok();
}

// With the lock held, so that the others of this instance wait until the model is there.
Status store_unless_there(Client& client, const ClientOptions& options, const std::string& state_directory,
                          const std::string& cache, LoopModel& model) {
    // Instances of a node have locks of their own, so that they load their models at the same time.
    const char* instance = std::getenv("INFER_INSTANCE");
    const auto lock =
        FileLock::acquire(fmt::format("{}/model-{}.lock", state_directory.empty() ? cache : state_directory,
                                      instance != nullptr ? instance : "0"),
                          2 * kStoreSeconds);
    if (!lock) {
        print_note(lock.error().message);
    }
    if (Status s = model.script.empty() ? Status::ok() : store_script(client, options, model); !s) {
        return s;
    }
    bool there = false;
    if (const ClientStatus s = client.model_exists(model.name, there); !s) {
        return told(s);
    }
    if (there) {
        return Status::ok();
    }
    if (model.file.empty()) {
        const auto path = built_model(options.architecture, cache);
        if (!path) {
            return path.error();
        }
        if (Status s = read_into(model, *path); !s) {
            return s.error();
        }
    }
    return store(client, options, model);
}

}  // namespace

Result<LoopModel> provide_model(Client& client, const ClientOptions& options, const std::string& state_directory,
                                const std::string& record_directory) {
    LoopModel model;
    model.name = options.model_name;
    model.script = options.smartsim ? options.model_name + ".preprocess" : "";
    if (!options.model.empty()) {
        if (Status s = read_into(model, options.model); !s) {
            return s.error();
        }
    }
    if (Status s = store_unless_there(client, options, state_directory, cache_directory(record_directory), model); !s) {
        return s.error();
    }
    if (model.file.empty()) {
        if (Status s = fetch_into(model, client); !s) {
            return s.error();
        }
    }
    return model;
}

}  // namespace inferstep
