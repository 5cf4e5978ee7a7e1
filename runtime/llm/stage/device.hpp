// A stage on a GPU. The kernels are in libinferstep_cuda.so, which is opened when a GPU is used; a machine without one
// needs neither it nor a driver.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/gpu_driver.hpp"
#include "core/result.hpp"
#include "llm/files/model_files.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

// `wanted` is --device: "cpu", "gpu" or "auto". The GPU for this rank, or -1 for the CPUs; `local_rank` counts the
// ranks of this node, which take the GPUs in turn. `note` says why auto took the CPUs. Error: "gpu", and there is none.
struct DeviceChoice {
    int gpu = -1;
    std::string note;
};
Result<DeviceChoice> choose_device(std::string_view wanted, int local_rank);

// load_stage() for options.device >= 0. Results depend on neither batch, chunks, stages nor transport, as on CPUs;
// between a GPU and a CPU, or GPUs of different generations, they differ by rounding.
Result<std::unique_ptr<Stage>> open_device_stage(const ModelFiles& files, const StageOptions& options,
                                                 const std::function<void(const LoadProgress&)>& progress);

// bytes/s that kernels read from the memory of this GPU, now.
Result<double> gpu_read_bandwidth(int gpu);

}  // namespace inferstep::llm
