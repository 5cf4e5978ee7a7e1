#include "core/gpu_driver.hpp"

#include <dlfcn.h>

#include <array>

namespace inferstep {

namespace {

// What we call of the two libraries, as their documentation has it. All CUresult and nvmlReturn_t are ints with 0 for
// success.
constexpr int kNotReady = 600;

struct Driver {
    int (*init)(unsigned flags) = nullptr;
    int (*count)(int* count) = nullptr;
    int (*get)(int* device, int ordinal) = nullptr;
    int (*name)(char* name, int length, int device) = nullptr;
    int (*bus_id)(char* id, int length, int device) = nullptr;
    int (*retain)(void** context, int device) = nullptr;
    int (*set_current)(void* context) = nullptr;
    int (*memory)(std::size_t* free, std::size_t* total) = nullptr;
    int (*query)(void* stream) = nullptr;
    int (*error_string)(int code, const char** text) = nullptr;
    std::string problem;  // why there is none
};

struct Management {
    struct Memory {
        unsigned long long total, free, used;
    };
    struct Utilization {
        unsigned gpu, memory;
    };
    int (*init)() = nullptr;
    int (*handle)(const char* bus_id, void** device) = nullptr;
    int (*memory)(void* device, Memory* memory) = nullptr;
    int (*utilization)(void* device, Utilization* utilization) = nullptr;
    bool usable = false;
};

template <typename F>
bool find(void* library, const char* symbol, F& function) {
    function = reinterpret_cast<F>(dlsym(library, symbol));
    return function != nullptr;
}

std::string text_of(const Driver& driver, int code) {
    const char* text = nullptr;
    if (driver.error_string != nullptr && driver.error_string(code, &text) == 0 && text != nullptr) {
        return text;
    }
    return fmt::format("error {}", code);
}

Driver open_driver() {
    Driver d;
    void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) {
        d.problem = "no CUDA device: this machine has no NVIDIA driver (libcuda.so.1)";
        return d;
    }
    if (!find(library, "cuInit", d.init) || !find(library, "cuDeviceGetCount", d.count) ||
        !find(library, "cuDeviceGet", d.get) || !find(library, "cuDeviceGetName", d.name) ||
        !find(library, "cuDeviceGetPCIBusId", d.bus_id) || !find(library, "cuDevicePrimaryCtxRetain", d.retain) ||
        !find(library, "cuCtxSetCurrent", d.set_current) || !find(library, "cuMemGetInfo_v2", d.memory) ||
        !find(library, "cuStreamQuery", d.query) || !find(library, "cuGetErrorString", d.error_string)) {
        d.problem = "no CUDA device: libcuda.so.1 lacks functions that it should have";
        return d;
    }
    if (const int code = d.init(0); code != 0) {
        d.problem = fmt::format("no CUDA device: the driver does not start: {}", text_of(d, code));
    }
    return d;
}

const Driver& driver() {
    static const Driver opened = open_driver();
    return opened;
}

const Management& management() {
    static const Management opened = [] {
        Management m;
        void* library = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
        m.usable = library != nullptr && find(library, "nvmlInit_v2", m.init) &&
                   find(library, "nvmlDeviceGetHandleByPciBusId_v2", m.handle) &&
                   find(library, "nvmlDeviceGetMemoryInfo", m.memory) &&
                   find(library, "nvmlDeviceGetUtilizationRates", m.utilization) && m.init() == 0;
        return m;
    }();
    return opened;
}

Result<int> device_of(int gpu) {
    const auto count = count_gpus();
    if (!count) {
        return count.error();
    }
    int device = 0;
    if (gpu < 0 || gpu >= *count || driver().get(&device, gpu) != 0) {
        return fail("no CUDA device {}: this process may use {}", gpu, *count);
    }
    return device;
}

}  // namespace

Result<int> count_gpus() {
    const Driver& d = driver();
    if (!d.problem.empty()) {
        return fail("{}", d.problem);
    }
    int count = 0;
    if (const int code = d.count(&count); code != 0) {
        return fail("no CUDA device: {}", text_of(d, code));
    }
    if (count == 0) {
        return fail("no CUDA device: the driver shows none to this process (CUDA_VISIBLE_DEVICES, --gres)");
    }
    return count;
}

Result<GpuUsage> gpu_usage(int gpu) {
    const auto device = device_of(gpu);
    if (!device) {
        return device.error();
    }
    GpuUsage usage;
    std::array<char, 128> text{};
    if (driver().name(text.data(), static_cast<int>(text.size()), *device) == 0) {
        usage.name = text.data();
    }
    const Management& m = management();
    void* handle = nullptr;
    if (!m.usable || driver().bus_id(text.data(), static_cast<int>(text.size()), *device) != 0 ||
        m.handle(text.data(), &handle) != 0) {
        return usage;
    }
    Management::Memory memory{};
    if (m.memory(handle, &memory) == 0) {
        usage.memory_total = memory.total;
        usage.memory_used = memory.used;
    }
    Management::Utilization busy{};
    if (m.utilization(handle, &busy) == 0) {
        usage.utilization = busy.gpu / 100.0;
    }
    return usage;
}

Result<std::string> gpu_address(int gpu) {
    const auto device = device_of(gpu);
    if (!device) {
        return device.error();
    }
    std::array<char, 32> text{};
    const int code = driver().bus_id(text.data(), static_cast<int>(text.size()), *device);
    return code == 0 ? Result<std::string>(text.data())
                     : fail("CUDA device {} has no address: {}", gpu, text_of(driver(), code));
}

Status use_gpu(int gpu) {
    const auto device = device_of(gpu);
    if (!device) {
        return device.error();
    }
    void* context = nullptr;
    int code = driver().retain(&context, *device);
    code = code != 0 ? code : driver().set_current(context);
    return code == 0 ? Status::ok() : Status(fail("CUDA device {} cannot be used: {}", gpu, text_of(driver(), code)));
}

Result<bool> gpu_stream_done(void* stream) {
    const int code = driver().problem.empty() ? driver().query(stream) : 0;
    if (code != 0 && code != kNotReady) {
        return fail("work on the GPU failed: {}", text_of(driver(), code));
    }
    return code == 0;
}

}  // namespace inferstep
