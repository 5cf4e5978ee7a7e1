#include "llm/run/agree.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "core/version.hpp"

namespace inferstep::llm {
namespace {

std::string joined(const std::vector<int>& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

std::string shape_text(const Shape& s) {
    return fmt::format(
        "{} layers of {}, {} heads and {} for keys of {}, {} in between, {} tokens, context {}, eps {}, "
        "theta {}, {}, bos {}, eos {}",
        s.layers, s.hidden, s.heads, s.kv_heads, s.head_dim, s.ffn, s.vocab, s.context, s.rms_eps, s.rope_theta,
        s.tied_head ? "tied head" : "own head", s.bos, joined(s.eos));
}

std::string prompts_text(const std::vector<Prompt>& prompts) {
    std::string all;
    for (const Prompt& prompt : prompts) {
        all += fmt::format("{} {}\n", prompt.index, joined(prompt.tokens));
    }
    return fmt::format("{} ({:.12})", counted(prompts.size(), "prompt"), sha256_of(all));
}

std::string place(const comm::Peer& peer) { return fmt::format("rank {} on node {}", peer.rank, peer.node); }

Error difference(const comm::Peer& peer, const comm::Peer& first, const std::string& name, const Json& theirs,
                 const Json& ours) {
    const auto value = [&name](const Json& values) { return values.text(name.c_str(), "nothing"); };
    return with_hint(fail("{} has {} {}, and {} has {}", place(peer), name, value(theirs), place(first), value(ours)),
                     "all ranks need the same options, configuration files, environment and version");
}

}  // namespace

std::vector<Claim> claims_of(const StageSettings& s, const Shape& shape, const std::vector<Prompt>& prompts) {
    const auto text = [](auto value) { return fmt::format("{}", value); };
    return {{"version", version_json().dump(false)},
            {"model shape", shape_text(shape)},
            {"prompts", prompts_text(prompts)},
            {"pipeline_size", text(s.stages)},
            {"split", joined(s.split)},
            {"batch_size", text(s.batch_size)},
            {"groups", text(s.groups)},
            {"prefill_chunk", text(s.prefill_chunk)},
            {"max_new_tokens", text(s.max_new_tokens)},
            {"kv_cache", text(s.kv_cache)},
            {"ignore_eos", text(s.ignore_eos)},
            {"format", std::string(name_of(s.format))},
            {"temperature", text(s.sampling.temperature)},
            {"top_p", text(s.sampling.top_p)},
            {"seed", text(s.sampling.seed)},
            {"transport", s.transport},
            {"isa", s.isa.empty() ? "auto" : s.isa},
            {"reference", s.reference.empty() ? "none" : s.reference}};
}

std::string claims_text(const std::vector<Claim>& claims, Isa best) {
    Json values = Json::object();
    for (const Claim& claim : claims) {
        values.set(claim.name.c_str(), claim.value);
    }
    Json json = Json::object();
    json.set("isa", static_cast<int>(best)).set("values", std::move(values));
    return json.dump(false);
}

Result<Isa> compare_claims(const std::vector<comm::Peer>& peers, const std::vector<std::string>& texts) {
    auto lowest = static_cast<int>(Isa::kAvx512);
    Json first = Json::object();
    for (std::size_t rank = 0; rank < texts.size(); ++rank) {
        const Result<Json> theirs = Json::parse(texts[rank], place(peers[rank]));
        if (!theirs) {
            return theirs.error();
        }
        lowest = std::clamp(static_cast<int>(theirs->number("isa")), 0, lowest);
        Json values = theirs->copy_of("values");
        if (rank == 0) {
            first = std::move(values);
            continue;
        }
        for (const Json* side : {&first, &values}) {
            for (const std::string& name : side->keys()) {
                if (values.text(name.c_str()) != first.text(name.c_str())) {
                    return difference(peers[rank], peers[0], name, values, first);
                }
            }
        }
    }
    return static_cast<Isa>(lowest);
}

Result<Isa> agree(comm::World& world, const std::vector<Claim>& claims, Isa best) {
    const Result<std::vector<std::string>> texts = world.all_gather(claims_text(claims, best));
    if (!texts) {
        return texts.error();
    }
    return compare_claims(world.peers(), *texts);
}

}  // namespace inferstep::llm
