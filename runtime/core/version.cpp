#include "core/version.hpp"

namespace inferstep {
namespace {

// Slurm codes a release as 0xMMmmuu.
std::string slurm_release(unsigned code) {
    return code == 0 ? "none" : fmt::format("{}.{:02}.{}", code >> 16U, (code >> 8U) & 0xffU, code & 0xffU);
}

std::string cuda_release(int code) { return code == 0 ? "none" : fmt::format("{}.{}", code / 1000, code % 1000 / 10); }

std::string nccl_release(int code) {
    return code == 0 ? "none" : fmt::format("{}.{}.{}", code / 10000, code % 10000 / 100, code % 100);
}

}  // namespace

std::string version_text() {
    return fmt::format("inferstep {} ({})\nbuilt for Slurm {}, CUDA {}, NCCL {}\n", INFERSTEP_VERSION, INFERSTEP_GIT,
                       slurm_release(INFERSTEP_SLURM), cuda_release(INFERSTEP_CUDA), nccl_release(INFERSTEP_NCCL));
}

Json version_json() {
    Json v = Json::object();
    v.set("inferstep", INFERSTEP_VERSION);
    v.set("git", INFERSTEP_GIT);
    v.set("slurm", slurm_release(INFERSTEP_SLURM));
    v.set("cuda", cuda_release(INFERSTEP_CUDA));
    v.set("nccl", nccl_release(INFERSTEP_NCCL));
    return v;
}

}  // namespace inferstep
