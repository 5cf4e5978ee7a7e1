#include "db/step_record.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/file.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
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

// The nodes of an earlier merge and of the parts, by their index in the step. A part that is no JSON stays as a file.
std::vector<Json> collect_nodes(const std::string& merged, std::vector<std::string>& parts) {
    std::vector<Json> nodes;
    if (Result<Json> before = read_json(merged); before) {
        nodes = before->copy_of("nodes").items();
    }
    std::erase_if(parts, [&nodes](const std::string& path) {
        Result<Json> node = read_json(path);
        if (!node) {
            print_warning(fmt::format("{} is left out of the step's record", node.error().message));
            return true;
        }
        const std::string name = node->text("node");
        std::erase_if(nodes, [&name](const Json& other) { return other.text("node") == name; });
        nodes.push_back(std::move(*node));
        return false;
    });
    std::sort(nodes.begin(), nodes.end(),
              [](const Json& a, const Json& b) { return a.number("node_index") < b.number("node_index"); });
    return nodes;
}

Status merge(const StepName& name) {
    Result<std::vector<std::string>> parts = find_parts(name.directory);
    if (!parts) {
        return parts.error();
    }
    if (parts->empty()) {
        return Status::ok();  // a step without databases, or merged before
    }
    const std::string merged = name.directory + "/step.json";
    Json nodes = Json::array();
    for (Json& node : collect_nodes(merged, *parts)) {
        nodes.push(std::move(node));
    }
    Json step = Json::object();
    step.set("schema", kNodeSchema).set("job", name.job).set("step", name.step).set("restart", name.restart);
    step.set("accounting", accounting_json(name, nodes));
    step.set("nodes", std::move(nodes));
    if (Status s = write_file(merged, step.dump() + "\n"); !s) {
        return s;
    }
    for (const std::string& part : *parts) {
        std::error_code code;
        std::filesystem::remove(part, code);
    }
    return Status::ok();
}

}  // namespace

Status complete_step_record(const StepName& name) {
    if (Status s = merge(name); !s) {
        return s;
    }
    return write_file(fmt::format("{}/sacct_{}.txt", name.directory, name.job), sacct_text(name));
}

}  // namespace inferstep
