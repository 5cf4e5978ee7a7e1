// The C face of Client: tensors and models.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/fd.hpp"
#include "db/client/c_face.hpp"

using inferstep::Client;
using inferstep::ClientStatus;
using inferstep::TensorType;
using namespace inferstep::c_face;

static_assert(static_cast<int>(Code::mismatch) == INFERCLIENT_MISMATCH);
static_assert(static_cast<int>(TensorType::boolean) == INFERCLIENT_BOOL);

namespace {

ClientStatus store(Client& client, const char* name, std::span<const std::byte> file, const char* device,
                   int batch_size) {
    inferstep::ModelStoreOptions options;
    options.device = device != nullptr ? device : "CPU";
    options.batch_size = batch_size;
    return client.set_model(name, file, options);
}

}  // namespace

ClientStatus inferstep::c_face::read_whole(const char* path, std::vector<std::byte>& file) {
    const inferstep::UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) != 0) {
        return {Code::usage, std::string("cannot open ") + path + ": " + std::strerror(errno)};
    }
    file.resize(S_ISREG(st.st_mode) ? static_cast<std::size_t>(st.st_size) : 0);
    for (std::size_t at = 0; at < file.size();) {
        const ssize_t n = read(fd.get(), file.data() + at, file.size() - at);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return {Code::usage,
                    std::string("cannot read ") + path + ": " + (n < 0 ? std::strerror(errno) : "it ended early")};
        }
        at += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return {};
}

int inferclient_connect(inferclient** client, const char* endpoint, int timeout_ms) {
    if (client == nullptr) {
        return INFERCLIENT_USAGE;
    }
    try {
        *client = new inferclient;
    } catch (const std::bad_alloc&) {
        *client = nullptr;
        return INFERCLIENT_USAGE;
    }
    return guarded(*client, [&](Client& c) {
        inferstep::ConnectOptions options;
        if (timeout_ms > 0) {
            options.command_timeout = Client::Milliseconds{timeout_ms};
            options.connect_timeout = std::min(options.connect_timeout, options.command_timeout);
        }
        return c.connect(endpoint != nullptr ? endpoint : "", options);
    });
}

void inferclient_free(inferclient* client) { delete client; }

const char* inferclient_error(const inferclient* client) {
    return client != nullptr ? client->error.c_str() : "there is no client: inferclient_connect() was not called";
}

int inferclient_put_tensor(inferclient* client, const inferclient_tensor* tensor) {
    return guarded(client, [&](Client& c) {
        inferstep::TensorIn in;
        ClientStatus s = take(tensor, in);
        return s ? c.put_tensor(in) : s;
    });
}

int inferclient_get_tensor(inferclient* client, const char* key, inferclient_type type, void* data, size_t bytes) {
    return guarded(client, [&](Client& c) {
        if (key == nullptr || !known(type) || (data == nullptr && bytes > 0)) {
            return wrong("get_tensor needs a key, a known type and memory");
        }
        return c.get_tensor({key, static_cast<TensorType>(type), data, bytes});
    });
}

int inferclient_reserve_tensor(inferclient* client, inferclient_type type, int rank, const int64_t* shape,
                               void** data) {
    return guarded(client, [&](Client& c) {
        if (!known(type) || rank < 1 || shape == nullptr || data == nullptr) {
            return wrong(
                "reserve_tensor needs a known type, a shape of at least one dimension and a place for the answer");
        }
        return c.reserve_tensor(static_cast<TensorType>(type), {shape, static_cast<std::size_t>(rank)}, *data);
    });
}

int inferclient_commit_tensor(inferclient* client, const char* key, const void* data) {
    return guarded(client, [&](Client& c) {
        return key != nullptr ? c.commit_tensor(key, data) : wrong("commit_tensor needs a key");
    });
}

int inferclient_discard_tensor(inferclient* client, const void* data) {
    return guarded(client, [&](Client& c) { return c.discard_tensor(data); });
}

int inferclient_tensor_exists(inferclient* client, const char* key, int* exists) {
    return guarded(client, [&](Client& c) {
        if (key == nullptr || exists == nullptr) {
            return wrong("tensor_exists needs a key and a place for the answer");
        }
        bool there = false;
        ClientStatus s = c.tensor_exists(key, there);
        *exists = there ? 1 : 0;
        return s;
    });
}

int inferclient_delete_tensor(inferclient* client, const char* key) {
    return guarded(
        client, [&](Client& c) { return key != nullptr ? c.delete_tensor(key) : wrong("delete_tensor needs a key"); });
}

int inferclient_delete_tensors(inferclient* client, const char* const* keys, int count) {
    return guarded(client, [&](Client& c) {
        std::vector<std::string> list;
        return take_list(keys, count, list) ? c.delete_tensors(list) : wrong("delete_tensors needs at least one key");
    });
}

int inferclient_run_model(inferclient* client, const char* model, const char* const* inputs, int input_count,
                          const char* const* outputs, int output_count, int timeout_ms) {
    return guarded(client, [&](Client& c) {
        std::vector<std::string> in;
        std::vector<std::string> out;
        if (model == nullptr || !take_list(inputs, input_count, in) || !take_list(outputs, output_count, out)) {
            return wrong("run_model needs a model and at least one input and output");
        }
        return c.run_model(model, in, out, limit(timeout_ms));
    });
}

int inferclient_infer(inferclient* client, const char* model, const inferclient_tensor* input, const char* output_key,
                      inferclient_type output_type, void* output, size_t output_bytes, int timeout_ms) {
    return guarded(client, [&](Client& c) {
        inferstep::TensorIn in;
        if (ClientStatus s = take(input, in); !s) {
            return s;
        }
        if (model == nullptr || output_key == nullptr || !known(output_type) || output == nullptr) {
            return wrong("infer needs a model, a key for the output, its type and memory");
        }
        return c.infer(model, in, {output_key, static_cast<TensorType>(output_type), output, output_bytes},
                       limit(timeout_ms));
    });
}

int inferclient_set_model(inferclient* client, const char* name, const void* file, size_t bytes, const char* device,
                          int batch_size) {
    return guarded(client, [&](Client& c) {
        return name != nullptr && file != nullptr
                   ? store(c, name, {static_cast<const std::byte*>(file), bytes}, device, batch_size)
                   : wrong("set_model needs a name and the bytes of a model");
    });
}

int inferclient_set_model_from_file(inferclient* client, const char* name, const char* path, const char* device,
                                    int batch_size) {
    return guarded(client, [&](Client& c) {
        if (name == nullptr || path == nullptr) {
            return wrong("set_model_from_file needs a name and a path");
        }
        std::vector<std::byte> file;
        ClientStatus s = read_whole(path, file);
        return s ? store(c, name, file, device, batch_size) : s;
    });
}

int inferclient_model_exists(inferclient* client, const char* name, int* exists) {
    return inferclient_tensor_exists(client, name, exists);
}

int inferclient_delete_model(inferclient* client, const char* name) {
    return guarded(
        client, [&](Client& c) { return name != nullptr ? c.delete_model(name) : wrong("delete_model needs a name"); });
}

int inferclient_ping(inferclient* client) {
    return guarded(client, [](Client& c) { return c.ping(); });
}
