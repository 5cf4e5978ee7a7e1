#include "db/step_record.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/file.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/version.hpp"
#include "core/words.hpp"
#include "db/accounting.hpp"
#include "db/node_record.hpp"
#include "db/sacct.hpp"

namespace inferstep {
namespace {

// Paths of the nodes' parts, step_<node>.json.
Result<std::vector<std::string>> find_parts(const std::string& directory) {
    std::vector<std::string> parts;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(directory, code)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("step_") && name.ends_with(".json")) {
            parts.push_back(entry.path().string());
        }
    }
    if (code) {
        return fail("cannot read {}: {}", directory, code.message());
    }
    std::sort(parts.begin(), parts.end());
    return parts;
}

Result<Json> read_json(const std::string& path) {
    const Result<std::string> text = read_file(path);
    return text ? Json::parse(*text, path) : Result<Json>(text.error());
}

Error wrong_schema(const std::string& path, const Json& json) {
    const std::string schema = json.text("schema");
    return with_hint(
        fail("{} is of schema {}; this inferstep, {}, knows {}", path,
             schema.empty() ? "(none)" : "'" + printable(schema) + "'", version_json().text("inferstep"), kNodeSchema),
        "complete it with the inferstep that wrote it");
}

// The nodes of an earlier merge and of the parts, by their index in the step.
struct Nodes {
    std::vector<Json> all;
    std::vector<std::string> parts;  // the files that are merged now
};

// A step.json that cannot be read is an Error, or it would be lost; a part that cannot be read stays as a file.
Result<Nodes> collect_nodes(const std::string& directory) {
    Result<std::vector<std::string>> found = find_parts(directory);
    if (!found) {
        return found.error();
    }
    Nodes nodes;
    std::vector<Json> earlier;
    std::unordered_set<std::string> now;  // names of the nodes that have a part: ten thousand, maybe
    const std::string merged = directory + "/step.json";
    if (access(merged.c_str(), F_OK) == 0) {
        const Result<Json> before = read_json(merged);
        if (!before) {
            return before.error();
        }
        if (before->text("schema") != kNodeSchema) {
            return wrong_schema(merged, *before);
        }
        earlier = before->copy_of("nodes").items();
    }
    for (const std::string& path : *found) {
        Result<Json> node = read_json(path);
        if (node && node->text("schema") != kNodeSchema) {
            node = wrong_schema(path, *node);
        }
        if (!node) {
            print_warning(fmt::format("{} is left out of the step's record: {}", path, node.error().message));
            continue;
        }
        now.insert(node->text("node"));
        nodes.all.push_back(std::move(*node));
        nodes.parts.push_back(path);
    }
    const auto is_replaced = [&now](const Json& node) { return now.contains(node.text("node")); };
    earlier.erase(std::remove_if(earlier.begin(), earlier.end(), is_replaced), earlier.end());
    std::move(earlier.begin(), earlier.end(), std::back_inserter(nodes.all));
    std::sort(nodes.all.begin(), nodes.all.end(),
              [](const Json& a, const Json& b) { return a.number("node_index") < b.number("node_index"); });
    return nodes;
}

Status write_step(const StepName& name, const Nodes& nodes, const Gatherer& gatherer,
                  const std::optional<StepUsage>& usage) {
    if (nodes.all.empty()) {
        return Status::ok();  // a step without databases
    }
    Json all = Json::array();
    for (const Json& node : nodes.all) {
        all.push(node.copy());
    }
    Json step = Json::object();
    step.set("schema", kNodeSchema).set("job", name.job).set("step", name.step).set("restart", name.restart);
    step.set("accounting", accounting_json(name, all, gatherer, usage));
    step.set("nodes", std::move(all));
    return write_file(name.directory + "/step.json", step.dump() + "\n");
}

}  // namespace

// The nodes' parts are merged before Slurm is asked: it may take longer than whoever waits for us.
Status complete_step_record(const StepName& name) {
    const Result<Nodes> nodes = collect_nodes(name.directory);
    if (!nodes) {
        return nodes.error();
    }
    const Gatherer gatherer = name.job == "local" ? Gatherer() : ask_gatherer();
    if (Status s = write_step(name, *nodes, gatherer, {}); !s) {
        return s;
    }
    for (const std::string& part : nodes->parts) {
        std::error_code code;
        std::filesystem::remove(part, code);
    }
    const SacctAnswer answer = ask_sacct(name, gatherer);
    if (answer.usage) {
        if (Status s = write_step(name, *nodes, gatherer, answer.usage); !s) {
            return s;
        }
    }
    return write_file(fmt::format("{}/sacct_{}.txt", name.directory, name.job), answer.text);
}

}  // namespace inferstep
