#include "core/step.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdlib>

namespace inferstep {
namespace {

std::string text_of(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

int number_of(const char* name, int fallback) {
    const std::string value = text_of(name);
    char* end = nullptr;
    const long n = std::strtol(value.c_str(), &end, 10);
    return value.empty() || n < 0 || n > 1'000'000'000 ? fallback : static_cast<int>(n);
}

// SLURM_STEP_TASKS_PER_NODE is run-length coded: "2(x3),1". The count at a node index.
int tasks_of_node(const std::string& text, int node, int fallback) {
    const char* p = text.c_str();
    while (*p != '\0') {
        char* end = nullptr;
        const long tasks = std::strtol(p, &end, 10);
        long repeat = 1;
        if (end[0] == '(' && end[1] == 'x') {
            repeat = std::strtol(end + 2, &end, 10);
            end += *end == ')' ? 1 : 0;
        }
        if (end == p || tasks < 1 || repeat < 1) {
            return fallback;
        }
        if (node < repeat) {
            return static_cast<int>(tasks);
        }
        node -= static_cast<int>(repeat);
        p = *end == ',' ? end + 1 : end;
    }
    return fallback;
}

}  // namespace

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

StepIdentity step_identity() {
    StepIdentity id;
    id.node = text_of("SLURMD_NODENAME");
    if (id.node.empty()) {
        id.node = host_name();
    }
    for (char& c : id.node) {  // it becomes part of file names
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
        c = plain ? c : '_';
    }
    // In a batch script SLURM_PROCID is set as well, but the step is the script itself: SLURM_STEP_ID tells them apart.
    if (!text_of("SLURM_JOB_ID").empty() && !text_of("SLURM_STEP_ID").empty() && text_of("INFER_RANK").empty()) {
        id.slurm = true;
        id.job = text_of("SLURM_JOB_ID");
        id.step = text_of("SLURM_STEP_ID");
        id.restart = number_of("SLURM_RESTART_COUNT", 0);
        id.rank = number_of("SLURM_PROCID", 0);
        id.ranks = number_of("SLURM_STEP_NUM_TASKS", number_of("SLURM_NTASKS", 1));
        id.local_rank = number_of("SLURM_LOCALID", 0);
        id.node_index = number_of("SLURM_NODEID", 0);
        id.nodes = number_of("SLURM_STEP_NUM_NODES", number_of("SLURM_NNODES", 1));
        id.local_ranks = tasks_of_node(text_of("SLURM_STEP_TASKS_PER_NODE"), id.node_index, 1);
        return id;
    }
    id.job = "local";
    id.step = text_of("INFER_RUN_ID").empty() ? fmt::format("{}", getpid()) : text_of("INFER_RUN_ID");
    id.rank = id.local_rank = number_of("INFER_RANK", 0);
    id.ranks = id.local_ranks = number_of("INFER_RANKS", 1);
    return id;
}

std::string step_name(const StepIdentity& id) {
    return id.job + "." + id.step + (id.restart > 0 ? fmt::format(".r{}", id.restart) : "");
}

}  // namespace inferstep
