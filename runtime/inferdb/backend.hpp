// What executes models. The module and the in-process check know only this interface; libtorch stands behind it, in
// libinferstep_torch.so, which is opened when it is first needed. Plain types cross the boundary, never libtorch's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

enum class DType : std::uint8_t { float32, float64, int8, int16, int32, int64, uint8, uint16, boolean, string };

// The bytes of a tensor in C order, little endian. `owner` keeps them alive; they are never written once shared.
struct TensorView {
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape;
    const void* data = nullptr;
    std::size_t bytes = 0;
    std::shared_ptr<const void> owner;
};

// What a model computes in. Inputs and outputs keep the types of the wire.
enum class Precision : std::uint8_t { float32, bfloat16, float16 };

struct ModelOptions {
    std::string device = "CPU";  // CPU, GPU or GPU:n as RedisAI writes them
    bool optimize = true;        // freeze and optimize for inference; false: exactly as saved (the reference in checks)
    Precision precision = Precision::float32;
    int threads = 0;       // of each execution; 0: what prepare_thread() was told
    int at_once = 1;       // executions at the same time that are to be possible
    bool package = false;  // an AOTInductor package, not TorchScript: native code, executed as it is
};

// Samples that a model takes in one execution: the first extent of its inputs.
struct BatchRange {
    std::int64_t low = 1;
    std::int64_t high = 0;  // 0: any number
};

class Model {
   public:
    virtual ~Model() = default;
    // Run on the calling thread. Inputs share dim 0 when batched by the caller. Outputs are contiguous and on the host.
    virtual Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) = 0;
    // Shape of an example input (with batch 1) when the file carries one (inferstep model writes it), else empty.
    virtual std::vector<std::int64_t> example_shape() const = 0;
    // What a reduced precision costs: the largest difference of any output from float32's over the largest output, for
    // the example, or where there is none for the first execution. Nothing: float32, or not yet known.
    virtual std::optional<double> precision_error() const { return std::nullopt; }
    virtual BatchRange batch_range() const { return {}; }
};

// What is handed to a function of a script besides tensors.
struct ScriptCall {
    std::string function;
    std::vector<std::string> keys;
    std::vector<std::string> args;
    // Inputs from this one on are the elements of a parameter of type List[Tensor]; nothing: the schema decides.
    std::optional<std::size_t> list_from;
};

// TorchScript source: functions of tensors. Thread-safe once made.
class Script {
   public:
    virtual ~Script() = default;
    virtual std::vector<std::string> functions() const = 0;
    // Whether the function is (tensors: List[Tensor], keys: List[str], args: List[str]), as entry points must be.
    virtual bool is_entry_point(const std::string& function) const = 0;
    // Run a function on the calling thread. Its parameters are of the types Tensor, each the next input, List[Tensor],
    // the inputs from list_from on or else those that other parameters leave, and List[str], first the keys, then the
    // args. Outputs are contiguous and on the host; a function that gives None has none.
    virtual Result<std::vector<TensorView>> run(const ScriptCall& call, const std::vector<TensorView>& inputs) = 0;
};

class Backend {
   public:
    virtual ~Backend() = default;
    virtual std::string version() const = 0;  // "torch 2.11.0"
    virtual int gpu_count() const = 0;
    // `blob`: the bytes of a TorchScript file or of a package. Errors are one line, in libtorch's words without its
    // stack trace.
    virtual Result<std::shared_ptr<Model>> load(std::string_view blob, const ModelOptions& options) = 0;
    // `source`: TorchScript; `device`: as in ModelOptions. Errors as load()'s.
    virtual Result<std::shared_ptr<Script>> compile(const std::string& source, const std::string& device) = 0;
    // Must be called once on every thread before its first load() or run(): how many threads these use inside.
    virtual void prepare_thread(int threads) = 0;
    // The bytes that libtorch may take for tensors on the host, weights included; 0: any number. An execution that
    // wants more fails. Once, before the first load().
    virtual void bound_memory(std::size_t) {}
    virtual std::size_t memory_in_use() const { return 0; }  // of these; 0 before bound_memory()
    // Write a seeded model of the zoo as TorchScript: "resnet18" … "resnet152". `classes` outputs.
    virtual Status write_model(const std::string& architecture, std::uint64_t seed, int classes,
                               const std::string& path) = 0;
};

// Whether these are the bytes of an AOTInductor package (.pt2).
bool is_package(std::string_view blob);

// What libtorch reads from the environment. Threads of OpenMP that wait for one another spin for some 50 us and then
// sleep, unless the environment says otherwise (GOMP_SPINCOUNT, OMP_WAIT_POLICY): their default of milliseconds makes
// an execution 30 times slower as soon as anybody else wants one of its CPUs. Packages check the types and extents of
// their inputs. Call it while no other thread reads the environment.
void prepare_environment();

// Open libinferstep_torch.so in `directory` (once per process) and give its backend; prepare_environment() first.
// Error: the dynamic linker's words.
Result<Backend*> open_torch_backend(const std::string& directory);

}  // namespace inferstep
