// The calls for scripts. Their older forms on the wire, AI.SCRIPTSET and AI.SCRIPTRUN, are those that take any
// function; the newer ones demand one particular signature of RedisAI's users.
#include "db/client/client_impl.hpp"

namespace inferstep {

using client::Words;
using Code = ClientStatus::Code;

ClientStatus Client::set_script(std::string_view name, std::string_view source, const ScriptStoreOptions& options) {
    if (source.empty()) {
        return {Code::usage, "script " + std::string(name) + ": its source is empty"};
    }
    Words words{"AI.SCRIPTSET", {}, options.device};
    client::append_option(words, "TAG", options.tag);
    words.emplace_back("SOURCE");
    const client::Bytes payload = std::as_bytes(std::span(source));
    return impl_->call_everywhere(name, std::move(words), impl_->limit(options.timeout), {&payload, 1});
}

ClientStatus Client::get_script(std::string_view name, std::string& source) {
    client::Reply reply;
    if (ClientStatus s = impl_->call_first(name, {"AI.SCRIPTGET", {}, "SOURCE"}, reply); !s) {
        return s;
    }
    if (reply->type != REDIS_REPLY_STRING) {
        return {Code::mismatch, "script " + std::string(name) + ": the database's answer is not a source"};
    }
    source.assign(reply->str, reply->len);
    return {};
}

ClientStatus Client::delete_script(std::string_view name) {
    return impl_->call_everywhere(name, {"AI.SCRIPTDEL", {}}, impl_->options.command_timeout);
}

ClientStatus Client::script_exists(std::string_view name, bool& exists) {
    return impl_->exists_everywhere(name, exists);
}

ClientStatus Client::run_script(std::string_view name, std::string_view function, const Words& inputs,
                                const Words& outputs, Milliseconds timeout) {
    if (function.empty() || inputs.empty() || outputs.empty()) {
        return {Code::usage, "script " + std::string(name) + ": a function, an input and an output must be named"};
    }
    return impl_->run({"AI.SCRIPTRUN", name, function, false}, inputs, outputs, impl_->limit(timeout));
}

}  // namespace inferstep
