#include "bench/client_door.hpp"

#include <dlfcn.h>

#include <array>
#include <span>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "db/client/inferclient.hpp"

namespace inferstep {
namespace {

class CppDoor final : public ClientDoor {
   public:
    Status connect(const std::string& endpoint, int timeout_ms, double& seconds) override {
        const std::int64_t start = now_ns();
        ConnectOptions options;
        options.command_timeout = Client::Milliseconds{timeout_ms};
        const ClientStatus s = client_.connect(endpoint, options);
        seconds = seconds_since(start);
        return s ? Status::ok() : Status(Error{s.message(), {}});
    }

    Status run(LoopBlock& block) override {
        block.done = 0;
        for (int i = 0; i < block.count; ++i) {
            const ClientStatus s = iterate(block, i);
            if (!s) {
                return Error{s.message(), {}};
            }
            block.done = i + 1;
        }
        return Status::ok();
    }

   private:
    // The tensors of one iteration.
    struct Keys {
        std::string input, middle, output;  // middle: what the script makes of the input; without one, the input
        Keys(const LoopBlock& b, int iteration) {
            const std::string end = b.keep_keys != 0 ? "." + std::to_string(iteration) : "";
            input = b.keys + ("in" + end);
            middle = *b.script != '\0' ? b.keys + ("pre" + end) : input;
            output = b.keys + ("out" + end);
        }
    };

    ClientStatus iterate(const LoopBlock& b, int i) {
        const Keys keys(b, b.first + i);
        const std::int64_t which = (b.first + i) % b.inputs;
        const TensorIn input{keys.input, TensorType::float32, std::span(b.shape, static_cast<std::size_t>(b.rank)),
                             b.input + which * b.input_elements};
        const auto output = [&](float* memory) {
            return TensorOut{keys.output, TensorType::float32, memory + i * b.output_elements,
                             static_cast<std::size_t>(b.output_elements) * sizeof(float)};
        };
        ClientStatus s;
        if (b.pipelined != 0) {
            const std::int64_t start = now_ns();
            s = client_.infer(b.model, input, output(b.output), Client::Milliseconds{b.timeout_ms});
            b.loop[i] = seconds_since(start);
        } else if (b.separate != 0) {
            s = call_after_call(b, i, keys, input, output(b.output));
        }
        if (s && b.dag != 0) {
            s = one_command(b, i, keys, input, output(b.dag_output));
        }
        return s;
    }

    ClientStatus call_after_call(const LoopBlock& b, int i, const Keys& keys, const TensorIn& input,
                                 const TensorOut& output) {
        const Client::Milliseconds limit{b.timeout_ms};
        const std::int64_t start = now_ns();
        ClientStatus s = client_.put_tensor(input);
        std::int64_t before = now_ns();
        b.put[i] = static_cast<double>(before - start) * 1e-9;
        const auto call = [&](double* seconds, const auto& work) {
            if (!s) {
                return;
            }
            s = work();
            const std::int64_t after = now_ns();
            seconds[i] = static_cast<double>(after - before) * 1e-9;
            before = after;
        };
        if (*b.script != '\0') {
            call(b.preprocess,
                 [&] { return client_.run_script(b.script, b.function, {keys.input}, {keys.middle}, limit); });
        }
        call(b.run, [&] { return client_.run_model(b.model, {keys.middle}, {keys.output}, limit); });
        call(b.get, [&] { return client_.get_tensor(output); });
        b.loop[i] = static_cast<double>(before - start) * 1e-9;
        return s;
    }

    ClientStatus one_command(const LoopBlock& b, int i, const Keys& keys, const TensorIn& input,
                             const TensorOut& output) {
        const std::int64_t start = now_ns();
        Dag dag;
        dag.put(input);
        if (*b.script != '\0') {
            dag.run_script(b.script, b.function, {keys.input}, {keys.middle});
        }
        dag.run_model(b.model, {keys.middle}, {keys.output}).get(output);
        ClientStatus s = client_.run(dag, Client::Milliseconds{b.timeout_ms});
        b.one[i] = seconds_since(start);
        return s;
    }

    Client client_;
};

// The entries of libinferstep_fortran.so.
struct FortranEntries {
    int (*connect)(const char* endpoint, int timeout_ms, double* seconds);
    int (*run)(LoopBlock* block);
    void (*message)(char* buffer, int size);
    void (*disconnect)();
};

class FortranDoor final : public ClientDoor {
   public:
    explicit FortranDoor(const FortranEntries& fortran) : fortran_(fortran) {}
    ~FortranDoor() override { fortran_.disconnect(); }

    Status connect(const std::string& endpoint, int timeout_ms, double& seconds) override {
        return told(fortran_.connect(endpoint.c_str(), timeout_ms, &seconds));
    }
    Status run(LoopBlock& block) override { return told(fortran_.run(&block)); }

   private:
    Status told(int code) {
        if (code == 0) {
            return Status::ok();
        }
        std::array<char, 512> text{};
        fortran_.message(text.data(), static_cast<int>(text.size()));
        return Error{text.data(), {}};
    }

    FortranEntries fortran_;
};

template <typename Entry>
bool find(void* library, const char* name, Entry& entry) {
    entry = reinterpret_cast<Entry>(dlsym(library, name));
    return entry != nullptr;
}

}  // namespace

Result<std::unique_ptr<ClientDoor>> open_door(bool fortran) {
    if (!fortran) {
        return std::unique_ptr<ClientDoor>(std::make_unique<CppDoor>());
    }
    const std::string path = library_directory() + "/libinferstep_fortran.so";
    // Never closed: the Fortran run-time library keeps state of the process.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return with_hint(fail("cannot open the Fortran client: {}", dlerror()),
                         "was it built? `make all` makes it; --language=cpp needs it not");
    }
    FortranEntries entries{};
    if (!find(library, "inferstep_fortran_connect", entries.connect) ||
        !find(library, "inferstep_fortran_run", entries.run) ||
        !find(library, "inferstep_fortran_message", entries.message) ||
        !find(library, "inferstep_fortran_disconnect", entries.disconnect)) {
        return fail("{} is of another version", path);
    }
    return std::unique_ptr<ClientDoor>(std::make_unique<FortranDoor>(entries));
}

}  // namespace inferstep
