#include "report/outline.hpp"

#include "core/log.hpp"
#include "core/stats.hpp"

namespace inferstep::report {

std::string outline(const Collection& collection) {
    std::string text;
    for (const Execution& e : collection.executions) {
        text += fmt::format("{} {}", collection.trees[e.tree].label, e.id);
        for (const auto& [key, value] : e.parameters) {
            text += fmt::format(" {}={}", key, value);
        }
        text += fmt::format(" repeat={}{} state={} nodes={} tasks={} files={} seconds={:.3f} {}\n", e.repeat,
                            e.warmup ? " warmup" : "", static_cast<int>(e.state), e.nodes, e.tasks, e.files.size(),
                            e.seconds, e.why);
        for (const FunctionTimes& f : e.functions) {
            text += fmt::format("    {:<14}{:>9}{:>14.6f}{}\n", f.function, f.seconds.size(), mean(f.seconds),
                                f.profiled ? " profiled" : "");
        }
        for (const Metric& m : e.metrics) {
            text += fmt::format("    {} {} {} {}:{}\n", m.name, m.value, m.unit, m.source.file, m.source.line);
        }
        const Accounting& a = e.accounting;
        text +=
            fmt::format("    cpu {} of {} rss {} db {} energy {} queue {} {}:{} {}\n", a.cpu_s, a.allocated_cpu_s,
                        a.max_rss_bytes, a.database_cpu_s, a.energy_j, a.queue_s, a.source.file, a.source.line, a.why);
    }
    for (const Note& note : collection.notes) {
        text += fmt::format("note: {}, line {}: {}\n", note.source.file, note.source.line, note.text);
    }
    return text;
}

}  // namespace inferstep::report
