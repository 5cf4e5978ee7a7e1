// libcuda.so.1 of a machine with two emulated GPUs: what core/gpu_driver.cpp asks for.
#include <cstddef>
#include <cstdio>

extern "C" {

int cuInit(unsigned /*flags*/) { return 0; }
int cuDeviceGetCount(int* count) {
    *count = 2;
    return 0;
}
int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return 0;
}
int cuDeviceGetName(char* name, int length, int device) {
    std::snprintf(name, static_cast<std::size_t>(length), "Emulated GPU %d", device);
    return 0;
}
int cuDeviceGetPCIBusId(char* id, int length, int device) {
    std::snprintf(id, static_cast<std::size_t>(length), "0000:%02x:00.0", device);
    return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int /*device*/) {
    *context = nullptr;
    return 0;
}
int cuCtxSetCurrent(void* /*context*/) { return 0; }
int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
    *free = *total = 0;
    return 0;
}
int cuStreamQuery(void* /*stream*/) { return 0; }
int cuGetErrorString(int /*code*/, const char** text) {
    *text = "an emulated error";
    return 0;
}
}
