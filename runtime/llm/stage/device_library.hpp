// libinferstep_cuda.so, opened.
#pragma once

#include "core/result.hpp"
#include "llm/cuda/engine.hpp"

namespace inferstep::llm {

struct DeviceLibrary {
    cuda::EngineEntry engine = nullptr;
    cuda::BandwidthEntry read_bandwidth = nullptr;
};

// Opened at the first call, never closed. Error: it is not there, or of another version.
Result<DeviceLibrary> device_library();

}  // namespace inferstep::llm
