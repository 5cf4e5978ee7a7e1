#include "db/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/step_files.hpp"

namespace inferstep {

Result<int> cpus_within_limit(const DbOptions& o, int available) {
    if (o.limit_cpus == 0) {
        return o.db_cpus;
    }
    const int allowed = available * o.limit_cpus / 100;
    const auto said = [&] {
        return fmt::format(
            "the administrator's limit-db-cpus={}% allows the databases {} of the step's {} CPUs on this node",
            o.limit_cpus, allowed, available);
    };
    if (o.db_cpus > allowed) {
        return fail("--infer-db-cpus={}: {}", o.db_cpus, said());
    }
    if (o.instances > allowed) {
        return with_hint(fail("--infer-colocate={}: {}, and every database needs one", o.instances, said()),
                         "give the step more CPUs (srun -c)");
    }
    return o.db_cpus == 0 && std::max(2, o.instances) > allowed ? allowed : o.db_cpus;
}

Result<std::uint64_t> memory_within_limit(const DbOptions& o, std::uint64_t limit) {
    const auto share = static_cast<std::uint64_t>(o.limit_memory == 0 ? 100 : o.limit_memory);
    const std::uint64_t allowed = limit / 100 * share;
    if (o.limit_memory != 0 && o.memory > allowed) {
        return fail(
            "--infer-db-memory={}: the administrator's limit-db-memory={}% allows the databases {} MiB of the step's "
            "{} MiB on this node",
            o.given[kDbMemory], o.limit_memory, allowed >> 20U, limit >> 20U);
    }
    return o.memory > 0 ? o.memory : std::min(limit / 2, allowed);
}

Status file_within_limit(const DbOptions& o, int id, std::string& path) {
    char real[PATH_MAX];
    if (o.limit_model.empty() || lies_below(path.c_str(), o.limit_model.c_str(), real)) {
        path = o.limit_model.empty() ? path : real;
        return Status::ok();
    }
    if (real[0] == '\0') {
        return fail("--infer-{}: cannot open {}: {}", kTable[id].name, path, std::strerror(errno));
    }
    return fail("--infer-{}: {} is {}, and the administrator's limit-model={} does not allow files there",
                kTable[id].name, path, real, o.limit_model);
}

}  // namespace inferstep
