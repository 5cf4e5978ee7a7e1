// The C face of Client: scripts, and several steps in one round trip.
#include <cstring>

#include "db/client/c_face.hpp"

using inferstep::Client;
using inferstep::ClientStatus;
using inferstep::Dag;
using inferstep::TensorType;
using namespace inferstep::c_face;

struct inferclient_dag {
    Dag dag;
    const char* mistake = nullptr;  // the first one that no Dag can hold
};

namespace {

ClientStatus store(Client& client, const char* name, std::string_view source, const char* device) {
    inferstep::ScriptStoreOptions options;
    options.device = device != nullptr ? device : "CPU";
    return client.set_script(name, source, options);
}

// Add a step to the Dag; `valid` tells whether its arguments can be one.
template <typename Work>
void add(inferclient_dag* dag, bool valid, const char* mistake, Work work) noexcept {
    if (dag == nullptr || dag->mistake != nullptr) {
        return;
    }
    if (!valid) {
        dag->mistake = mistake;
        return;
    }
    try {
        work(dag->dag);
    } catch (const std::exception&) {
        dag->mistake = "out of memory";
    }
}

}  // namespace

int inferclient_set_script(inferclient* client, const char* name, const char* source, const char* device) {
    return guarded(client, [&](Client& c) {
        return name != nullptr && source != nullptr ? store(c, name, source, device)
                                                    : wrong("set_script needs a name and a source");
    });
}

int inferclient_set_script_from_file(inferclient* client, const char* name, const char* path, const char* device) {
    return guarded(client, [&](Client& c) {
        if (name == nullptr || path == nullptr) {
            return wrong("set_script_from_file needs a name and a path");
        }
        std::vector<std::byte> file;
        ClientStatus s = read_whole(path, file);
        return s ? store(c, name, {reinterpret_cast<const char*>(file.data()), file.size()}, device) : s;
    });
}

int inferclient_get_script(inferclient* client, const char* name, char* buffer, size_t size, size_t* length) {
    return guarded(client, [&](Client& c) {
        if (name == nullptr || length == nullptr || (buffer == nullptr && size > 0)) {
            return wrong("get_script needs a name, memory and a place for the length");
        }
        std::string source;
        *length = 0;
        ClientStatus s = c.get_script(name, source);
        if (!s) {
            return s;
        }
        *length = source.size();
        if (size <= source.size()) {
            return ClientStatus(Code::usage, "script " + std::string(name) + ": its source needs " +
                                                 std::to_string(source.size() + 1) + " bytes");
        }
        std::memcpy(buffer, source.c_str(), source.size() + 1);
        return s;
    });
}

int inferclient_script_exists(inferclient* client, const char* name, int* exists) {
    return guarded(client, [&](Client& c) {
        if (name == nullptr || exists == nullptr) {
            return wrong("script_exists needs a name and a place for the answer");
        }
        bool there = false;
        ClientStatus s = c.script_exists(name, there);
        *exists = there ? 1 : 0;
        return s;
    });
}

int inferclient_delete_script(inferclient* client, const char* name) {
    return guarded(client, [&](Client& c) {
        return name != nullptr ? c.delete_script(name) : wrong("delete_script needs a name");
    });
}

int inferclient_run_script(inferclient* client, const char* name, const char* function, const char* const* inputs,
                           int input_count, const char* const* outputs, int output_count, int timeout_ms) {
    return guarded(client, [&](Client& c) {
        std::vector<std::string> in;
        std::vector<std::string> out;
        if (name == nullptr || function == nullptr || !take_list(inputs, input_count, in) ||
            !take_list(outputs, output_count, out)) {
            return wrong("run_script needs a script, a function and at least one input and output");
        }
        return c.run_script(name, function, in, out, limit(timeout_ms));
    });
}

inferclient_dag* inferclient_dag_new(void) {
    try {
        return new inferclient_dag;
    } catch (const std::exception&) {
        return nullptr;
    }
}

void inferclient_dag_free(inferclient_dag* dag) { delete dag; }

void inferclient_dag_load(inferclient_dag* dag, const char* key) {
    add(dag, key != nullptr, "a load needs a key", [&](Dag& d) { d.load(key); });
}

void inferclient_dag_persist(inferclient_dag* dag, const char* key) {
    add(dag, key != nullptr, "a persist needs a key", [&](Dag& d) { d.persist(key); });
}

void inferclient_dag_put_tensor(inferclient_dag* dag, const inferclient_tensor* tensor) {
    inferstep::TensorIn in;
    const bool valid = static_cast<bool>(take(tensor, in));
    add(dag, valid, "a tensor needs a key, a known type and a shape of at least one dimension",
        [&](Dag& d) { d.put(in); });
}

void inferclient_dag_get_tensor(inferclient_dag* dag, const char* key, inferclient_type type, void* data,
                                size_t bytes) {
    add(dag, key != nullptr && known(type) && (data != nullptr || bytes == 0),
        "get_tensor needs a key, a known type and memory", [&](Dag& d) {
            d.get({key, static_cast<TensorType>(type), data, bytes});
        });
}

void inferclient_dag_run_model(inferclient_dag* dag, const char* model, const char* const* inputs, int input_count,
                               const char* const* outputs, int output_count) {
    add(dag, model != nullptr, "run_model needs a model", [&](Dag& d) {
        std::vector<std::string> in;
        std::vector<std::string> out;
        take_list(inputs, input_count, in);
        take_list(outputs, output_count, out);
        d.run_model(model, in, out);
    });
}

void inferclient_dag_run_script(inferclient_dag* dag, const char* name, const char* function, const char* const* inputs,
                                int input_count, const char* const* outputs, int output_count) {
    add(dag, name != nullptr && function != nullptr, "run_script needs a script and a function", [&](Dag& d) {
        std::vector<std::string> in;
        std::vector<std::string> out;
        take_list(inputs, input_count, in);
        take_list(outputs, output_count, out);
        d.run_script(name, function, in, out);
    });
}

int inferclient_dag_run(inferclient* client, const inferclient_dag* dag, int timeout_ms) {
    return guarded(client, [&](Client& c) {
        if (dag == nullptr || dag->mistake != nullptr) {
            return wrong(dag != nullptr ? dag->mistake : "there is no graph: inferclient_dag_new() was not called");
        }
        return c.run(dag->dag, limit(timeout_ms));
    });
}
