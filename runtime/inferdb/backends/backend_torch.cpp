// The one symbol of libinferstep_torch.so: libtorch as a Backend. No exception leaves this library.
#include <ATen/Context.h>
#include <dlfcn.h>
#include <torch/version.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <mutex>
#include <sstream>

#include "inferdb/backends/convert_torch.hpp"
#include "inferdb/backends/memory_torch.hpp"
#include "inferdb/backends/model_torch.hpp"
#include "inferdb/backends/package_torch.hpp"
#include "inferdb/backends/script_torch.hpp"
#include "inferdb/backends/threads_torch.hpp"
#include "vision/resnet_torch.hpp"

namespace inferstep {
namespace {

constexpr const char* kNoCuda = "GPU requested but Torch couldn't find CUDA";

// libtorch's CUDA half is opened only when somebody asks for a GPU, and only where there is a driver: it costs half a
// second and 200 MB.
int count_gpus() {
    static std::once_flag once;
    static int count = 0;
    std::call_once(once, [] {
        if (dlopen("libcuda.so.1", RTLD_LAZY) == nullptr ||
            dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
            return;
        }
        count = static_cast<int>(at::getNumGPUs());
    });
    return count;
}

Result<at::Device> parse_device(const std::string& name) {
    if (name == "CPU") {
        return at::Device(at::kCPU);
    }
    int index = 0;
    if (name != "GPU" && (std::sscanf(name.c_str(), "GPU:%3d", &index) != 1 || index < 0)) {
        return fail("device {} is unknown; CPU, GPU or GPU:n is right", name);
    }
    const int gpus = count_gpus();
    if (gpus == 0) {
        return Error{kNoCuda, {}};
    }
    if (index >= gpus) {
        return fail("device {} does not exist: GPU:0 to GPU:{} are there", name, gpus - 1);
    }
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

class TorchBackend final : public Backend {
   public:
    std::string version() const override { return "torch " TORCH_VERSION; }
    int gpu_count() const override { return count_gpus(); }

    Result<std::shared_ptr<Model>> load(std::string_view blob, const ModelOptions& options) override {
        try {
            const auto device = parse_device(options.device);
            if (!device) {
                return device.error();
            }
            if (options.package) {
                return std::shared_ptr<Model>(std::make_shared<PackageModel>(blob, *device, options));
            }
            return std::shared_ptr<Model>(std::make_shared<TorchModel>(blob, *device, options));
        } catch (const std::exception& e) {
            return Error{one_line(e), {}};
        } catch (...) {
            return Error{"the model cannot be read", {}};
        }
    }

    Result<std::shared_ptr<Script>> compile(const std::string& source, const std::string& device) override {
        const auto place = parse_device(device);
        return place ? compile_script(source, *place) : Result<std::shared_ptr<Script>>(place.error());
    }

    void prepare_thread(int threads) override { set_thread_default(threads); }

    void bound_memory(std::size_t bytes) override { inferstep::bound_memory(bytes); }
    std::size_t memory_in_use() const override { return inferstep::memory_in_use(); }

    Status write_model(const std::string& architecture, std::uint64_t seed, int classes,
                       const std::string& path) override;
};

Status TorchBackend::write_model(const std::string& architecture, std::uint64_t seed, int classes,
                                 const std::string& path) {
    const ResNetSpec* spec = find_resnet(architecture);
    if (spec == nullptr) {
        std::string known;
        for (const ResNetSpec& each : kResNets) {
            known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
        }
        return fail("architecture {} is unknown; one of {} is right", architecture, known);
    }
    if (classes < 1 || classes > 1'000'000) {
        return fail("a model has 1 to 1000000 classes, not {}", classes);
    }
    const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
    try {
        const torch::jit::ExtraFilesMap extra{{"inferstep.json", R"({"example_shape":[1,3,224,224]})"}};
        // Into memory first: libtorch's writer ends the program when the disk is full under it.
        std::ostringstream bytes;
        build_resnet(*spec, seed, classes).save(bytes, extra);
        std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
        if (!file) {
            return fail("cannot write {}: {}", temporary, std::strerror(errno));
        }
        const std::string_view view = bytes.view();
        file.write(view.data(), static_cast<std::streamsize>(view.size()));
        file.close();
        if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
            const Error error = fail("cannot write {}: {}", path, std::strerror(errno));
            unlink(temporary.c_str());
            return error;
        }
        return Status::ok();
    } catch (const std::exception& e) {
        unlink(temporary.c_str());
        return fail("cannot write {}: {}", path, one_line(e));
    } catch (...) {
        unlink(temporary.c_str());
        return fail("cannot write {}", path);
    }
}

}  // namespace
}  // namespace inferstep

extern "C" __attribute__((visibility("default"))) inferstep::Backend* inferstep_torch_backend() {
    static inferstep::TorchBackend backend;
    return &backend;
}
