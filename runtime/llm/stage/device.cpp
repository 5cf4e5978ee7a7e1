#include "llm/stage/device.hpp"

#include <dlfcn.h>

#include "core/file.hpp"
#include "llm/stage/device_library.hpp"

namespace inferstep::llm {

namespace {

Result<DeviceLibrary> open_library() {
    const std::string path = library_directory() + "/libinferstep_cuda.so";
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return with_hint(fail("cannot open the kernels for GPUs: {}", dlerror()),
                         "they are built where nvcc is found: `make help` says whether it is");
    }
    const auto version = reinterpret_cast<cuda::VersionEntry>(dlsym(library, cuda::kVersionSymbol));
    if (version == nullptr || std::string_view(version()) != INFERSTEP_VERSION) {
        return fail("{} is of version {}, and this is {}", path, version == nullptr ? "none" : version(),
                    INFERSTEP_VERSION);
    }
    const DeviceLibrary found = {reinterpret_cast<cuda::EngineEntry>(dlsym(library, cuda::kEngineSymbol)),
                                 reinterpret_cast<cuda::BandwidthEntry>(dlsym(library, cuda::kBandwidthSymbol))};
    if (found.engine == nullptr || found.read_bandwidth == nullptr) {
        return fail("{} lacks functions that it should have", path);
    }
    return found;
}

}  // namespace

Result<DeviceLibrary> device_library() {
    static const Result<DeviceLibrary> opened = open_library();
    return opened;
}

Result<DeviceChoice> choose_device(std::string_view wanted, int local_rank) {
    if (wanted == "cpu") {
        return DeviceChoice{};
    }
    const auto count = count_gpus();
    const auto library = count ? device_library() : Result<DeviceLibrary>(count.error());
    if (library) {
        return DeviceChoice{local_rank % *count, {}};
    }
    const Error& why = library.error();
    if (wanted == "gpu") {
        return with_hint(why, "--device cpu runs this stage on CPUs");
    }
    return DeviceChoice{-1, fmt::format("on CPUs: {}", why.message)};
}

Result<double> gpu_read_bandwidth(int gpu) {
    const auto library = device_library();
    if (!library) {
        return library.error();
    }
    std::string problem;
    const double rate = library->read_bandwidth(gpu, &problem);
    return problem.empty() ? Result<double>(rate) : fail("{}", problem);
}

}  // namespace inferstep::llm
