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
    ClientStatus iterate(const LoopBlock& block, int i) {
        const std::int64_t which = (block.first + i) % block.inputs;
        const TensorIn input{block.input_key, TensorType::float32,
                             std::span(block.shape, static_cast<std::size_t>(block.rank)),
                             block.input + which * block.input_elements};
        const TensorOut output{block.output_key, TensorType::float32, block.output + i * block.output_elements,
                               static_cast<std::size_t>(block.output_elements) * sizeof(float)};
        const Client::Milliseconds limit{block.timeout_ms};
        const std::int64_t start = now_ns();
        ClientStatus s;
        if (block.pipelined != 0) {
            s = client_.infer(block.model, input, output, limit);
        } else {
            s = client_.put_tensor(input);
            const std::int64_t after_put = now_ns();
            if (!s) {
                return s;
            }
            s = client_.run_model(block.model, {block.input_key}, {block.output_key}, limit);
            const std::int64_t after_run = now_ns();
            if (!s) {
                return s;
            }
            s = client_.get_tensor(output);
            block.get[i] = seconds_since(after_run);
            block.run[i] = static_cast<double>(after_run - after_put) * 1e-9;
            block.put[i] = static_cast<double>(after_put - start) * 1e-9;
        }
        block.loop[i] = seconds_since(start);
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
