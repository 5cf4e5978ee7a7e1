// The lists of --infer-model and --infer-script: NAME:PATH[,key=value…][;NAME:PATH…], cut into words and checked. Libc
// alone, like core/step_options.hpp: srun refuses what the supervisor would refuse.
#pragma once

#include <stddef.h>

#include "core/problem.hpp"

namespace inferstep {

struct OptionSet;

enum ModelKey {
    kKeyBackend,
    kKeyDevice,
    kKeyBatchSize,
    kKeyMinBatchSize,
    kKeyMinBatchTimeout,
    kKeyThreads,
    kKeyPrecision,
    kKeySha256,
    kKeyWarmup,
    kModelKeys
};

struct ModelKeySpec {
    const char* name;
    long high;          // of a number, from 1; 0: it is none
    const char* words;  // of a choice, in any case
    const char* wants;
};
constexpr const char* kTensorTypes = "FLOAT|DOUBLE|INT8|INT16|INT32|INT64|UINT8|UINT16";
constexpr ModelKeySpec kModelKeyTable[kModelKeys] = {
    {"backend", 0, "torch|aoti", "torch or aoti"},
    {"device", 0, "cpu|gpu", "cpu, gpu or gpu:N"},
    {"batchsize", 1'000'000, "", "a whole number from 1 to 1000000"},
    {"minbatchsize", 1'000'000, "", "a whole number from 1 to 1000000"},
    {"minbatchtimeout", 86'400'000, "", "a whole number from 1 to 86400000"},
    {"threads", 256, "", "a whole number from 1 to 256"},
    {"precision", 0, "float32|bfloat16|float16", "float32, bfloat16 or float16"},
    {"sha256", 0, "", "64 hexadecimal digits"},
    {"warmup", 0, "", "a shape like 1x3x224x224 or 1x3x224x224:FLOAT, of at most 2^30 elements"},
};

// A part of a longer text.
struct Word {
    const char* at = nullptr;  // nullptr: there is none
    size_t length = 0;
};

// One item of a list.
struct FileWords {
    Word all, name, path;
    Word keys[kModelKeys];
};

// Cut the item at the start of `text` into words and check each, of a model or of a script (option `id`). `shown` is
// how a message calls the option.
bool cut_file(int id, const char* shown, const char* text, FileWords& words, Problem& why);

// All items of `value`; no two have one name.
bool check_files(int id, const char* shown, const char* value, Problem& why);

// No script has a model's name, and nothing needs a GPU where --infer-device=cpu.
bool check_files_together(const OptionSet& options, Problem& why);

}  // namespace inferstep
