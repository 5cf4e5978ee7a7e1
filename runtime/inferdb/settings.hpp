// What the line loadmodule gives the module: pairs of a name and a value.
//
//   TPQ n          worker threads of each device queue                     1 … 64         1
//   THREADS n      threads of one execution inside libtorch                1 … 256        CPUs of the process / TPQ
//   DEVICE d       cpu: no GPU is touched; gpu; auto: GPUs where there are any            auto
//   MAXQUEUE n     requests that may wait for a device                     1 … 1000000    1024
//   MAXBATCH n     samples that are joined of models without BATCHSIZE; 1: none    1 … 65536      16, on GPUs 64
//   MAXRUN s       seconds until an execution is written off; 0: never     0 … 1000000    300
//   MAXTENSOR n    bytes of one tensor                                     1 … 2^40       512 MiB
//   ARENA n        bytes of all arenas (shared memory) of clients together 0 … 2^40       0: none
//   ARENASOCKET p  path of the Unix socket at which they are asked for                    none
//   TRUSTSOCKET b  yes: clients of Redis' own Unix socket need not authenticate          no
//   MAXMODEL n     bytes of one model                                      1 … 2^40       64 GiB
//   MAXTORCH n     bytes of libtorch's tensors on the host, weights included; 0: any number   0 … 2^40   0
//   OPTIMIZE b     yes: models are frozen and optimized; no: exactly as saved, as the reference of measurements   yes
//
// RedisAI's THREADS_PER_QUEUE and INTRA_OP_PARALLELISM mean TPQ and THREADS; its MODEL_CHUNK_SIZE is known too, and
// INTER_OP_PARALLELISM, which can only be 0 or 1: the operators of one execution follow one another.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

enum class DeviceChoice { cpu, gpu, any };

struct Settings {
    int workers = 1;
    int threads = 1;
    DeviceChoice device = DeviceChoice::any;
    bool optimize = true;
    bool trust_socket = false;
    std::size_t max_queue = 1024;
    std::int64_t max_batch = 0;  // 0: what is good for the device
    std::int64_t max_run_s = 300;
    std::size_t max_tensor = std::size_t{512} << 20;
    std::size_t max_torch = 0;
    std::size_t max_model = std::size_t{64} << 30;
    std::size_t arena = 0;
    std::string arena_socket;
    long long model_chunk_size = 511LL << 20;  // what clients are told; AI.CONFIG changes it
};

// The settings of this process: written when the module is loaded and by AI.CONFIG, on the main thread.
Settings& settings();

// Errors name the argument and the range that is right.
Result<Settings> parse_settings(const std::vector<std::string_view>& arguments);

}  // namespace inferstep
