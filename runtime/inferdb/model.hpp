// Models as values of keys: the file as it was received, what was said about it, and, once it has been loaded, the
// thing that executes. A model read from an RDB file is loaded when it is first used.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/executable.hpp"

namespace inferstep {

struct ModelDefinition {
    std::string device = "CPU";  // CPU, GPU or GPU:n
    std::string tag;
    BatchPolicy policy;
    std::vector<std::string> inputs;   // names, if any were given
    std::vector<std::string> outputs;  // likewise
    std::int64_t threads = 0;          // of each execution; 0: the database's
    Precision precision = Precision::float32;
    // A package: where its file lies and what its sha256 is. The code itself is never kept, copied or sent.
    std::string file;
    std::string sha256;

    const char* backend() const { return file.empty() ? "TORCH" : "AOTI"; }

    bool operator==(const ModelDefinition& other) const;
};

// By how much the results of a model with 8 or 11 bits of mantissa differ between one batch and another.
constexpr double kReducedTolerance = 0.03;

struct StoredModel : Executable {
    StoredModel(ModelDefinition said, std::string_view content, std::shared_ptr<const void> content_owner)
        : definition(std::move(said)), blob(content), owner(std::move(content_owner)) {
        policy = definition.policy;
        tolerance = definition.precision == Precision::float32 ? 0 : kReducedTolerance;
    }
    const ModelDefinition definition;
    const std::string_view blob;
    const std::shared_ptr<const void> owner;  // of the blob's memory

    const std::string& device() const override { return definition.device; }
    Status load() override;
};
using ModelRef = std::shared_ptr<StoredModel>;

constexpr std::int64_t kMaxModelThreads = 256;

// The words of PRECISION.
constexpr const char* kPrecisions[] = {"float32", "bfloat16", "float16"};
inline const char* name_of(Precision precision) { return kPrecisions[static_cast<std::size_t>(precision)]; }

// Register the type of model keys; once, when the module is loaded. False: Redis refused.
bool register_model_type(redis::Context* context);

// Errors: no such key, a key of another type.
Result<ModelRef> find_model(redis::Context* context, redis::String* name);
// Error: a key of another type.
Status check_model_key(redis::Context* context, redis::String* name);
// Replaces a model; a key of another type is an error.
Status store_model(redis::Context* context, redis::String* name, ModelRef model);

// The models that exist, under whatever key.
std::vector<ModelRef> all_models();

}  // namespace inferstep
