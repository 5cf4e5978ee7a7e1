#include "inferdb/script.hpp"

#include <algorithm>

#include "inferdb/args.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/stored_text.hpp"
#include "inferdb/typed_key.hpp"

namespace inferstep {
namespace {

struct ScriptKind {
    using Value = StoredScript;
    static constexpr const char* kName = "INF_SCRPT";
    static constexpr int kEncoding = 0;
    static constexpr const char* kEmpty = "script key is empty";
    static constexpr bool kListed = true;

    static void save(redis::Io* io, const StoredScript& script) {
        save_text(io, script.definition.device);
        save_text(io, script.definition.tag);
        save_texts(io, script.definition.entry_points);
        save_text(io, script.source);
    }

    static ScriptRef load(redis::Io* io, int) {
        ScriptDefinition definition;
        definition.device = load_text(io);
        definition.tag = load_text(io);
        definition.entry_points = load_texts(io);
        LoadedBytes source = load_bytes(io);
        if (!source.owner) {
            redis::LogIOError(io, "warning", "cannot read a script");
            return nullptr;
        }
        auto script = std::make_shared<StoredScript>(std::move(definition), source.bytes, std::move(source.owner));
        const redis::String* name = redis::GetKeyNameFromIO(io);
        script->name = name != nullptr ? std::string(text_of(name)) : "";
        return script;
    }

    static void rewrite(redis::Io* io, redis::String* key, const StoredScript& script) {
        const ScriptDefinition& d = script.definition;
        std::vector<std::string> words = {d.device, "TAG", d.tag};
        if (!d.entry_points.empty()) {
            words.insert(words.end(), {"ENTRY_POINTS", std::to_string(d.entry_points.size())});
            words.insert(words.end(), d.entry_points.begin(), d.entry_points.end());
        }
        words.emplace_back("SOURCE");
        emit_command(io, d.entry_points.empty() ? "AI.SCRIPTSET" : "AI.SCRIPTSTORE", key, words, script.source);
    }

    static std::size_t memory(const StoredScript& script) { return sizeof script + script.source.size(); }
};
using ScriptKey = TypedKey<ScriptKind>;

}  // namespace

Status StoredScript::load() { return ready ? Status::ok() : engine().load(*this); }

Status StoredScript::check_entry_points() const {
    const std::vector<std::string> functions = script->functions();
    for (const std::string& entry : definition.entry_points) {
        if (std::find(functions.begin(), functions.end(), entry) == functions.end()) {
            return fail("entry point {} is no function of the script", entry);
        }
        if (!script->is_entry_point(entry)) {
            return fail(
                "entry point {} must have the parameters (tensors: List[Tensor], keys: List[str], args: List[str])",
                entry);
        }
    }
    return Status::ok();
}

bool register_script_type(redis::Context* context) { return ScriptKey::register_type(context); }

Result<ScriptRef> find_script(redis::Context* context, redis::String* name) { return ScriptKey::find(context, name); }

Status check_script_key(redis::Context* context, redis::String* name) { return ScriptKey::check(context, name); }

Status store_script(redis::Context* context, redis::String* name, ScriptRef script) {
    return ScriptKey::store(context, name, std::move(script));
}

std::vector<ScriptRef> all_scripts() { return ScriptKey::all(); }

}  // namespace inferstep
