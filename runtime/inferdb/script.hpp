// Scripts as values of keys: TorchScript source, what was said about it, and, once it has been compiled, its functions.
// A script read from an RDB file is compiled when it is first used.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/executable.hpp"

namespace inferstep {

struct ScriptDefinition {
    std::string device = "CPU";  // CPU, GPU or GPU:n
    std::string tag;
    std::vector<std::string> entry_points;  // the functions that may be called; none: all (AI.SCRIPTSET)

    bool operator==(const ScriptDefinition& other) const = default;
};

struct StoredScript : Executable {
    StoredScript(ScriptDefinition said, std::string_view text, std::shared_ptr<const void> text_owner)
        : definition(std::move(said)), source(text), owner(std::move(text_owner)) {}
    const ScriptDefinition definition;
    const std::string_view source;
    const std::shared_ptr<const void> owner;  // of the source's memory
    std::shared_ptr<Script> script;           // set once, before it is ready

    const std::string& device() const override { return definition.device; }
    Status load() override;
    // Whether each entry point is a function of the compiled script, of the right parameters.
    Status check_entry_points() const;
};
using ScriptRef = std::shared_ptr<StoredScript>;

// Register the type of script keys; once, when the module is loaded. False: Redis refused.
bool register_script_type(redis::Context* context);

// Errors: no such key, a key of another type.
Result<ScriptRef> find_script(redis::Context* context, redis::String* name);
// Error: a key of another type.
Status check_script_key(redis::Context* context, redis::String* name);
// Replaces a script; a key of another type is an error.
Status store_script(redis::Context* context, redis::String* name, ScriptRef script);

// The scripts that exist, under whatever key.
std::vector<ScriptRef> all_scripts();

}  // namespace inferstep
