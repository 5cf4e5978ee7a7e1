#include "place/layout.hpp"

#include <algorithm>
#include <tuple>

namespace inferstep {
namespace {

// By domain; in a domain the larger share first.
bool in_order(const PlannedInstance& a, const PlannedInstance& b) {
    const auto key = [](const PlannedInstance& i) { return std::tuple(i.domain, -i.cpus.count(), i.cpus.next(0)); };
    return key(a) < key(b);
}

Layout try_layout(const Room& room, int db_cpus, bool threads, Fit fit) {
    const int instances = room.request.instances;
    Taker taker = threads ? room.threads : room.cores;
    Layout layout{{}, threads, {}};
    for (int i = 0; i < instances; ++i) {
        const int share = db_cpus / instances + (i < db_cpus % instances ? 1 : 0);
        const int domain = taker.choose_domain(share, fit, room.request.gpus);
        if (domain < 0) {
            return {};
        }
        layout.instances.push_back({domain, taker.take(domain, share), {}});
    }
    layout.taken = taker.taken();
    if (layout.taken.count() > available(room.usable, room.request)) {
        return {};
    }
    std::sort(layout.instances.begin(), layout.instances.end(), in_order);
    return layout;
}

}  // namespace

int available(const CpuSet& usable, const PlanRequest& request) { return usable.count() - (request.pin_app ? 1 : 0); }

Layout lay_out(const Room& room, int db_cpus) {
    Layout best;
    int fewest = kMaxCpus + 1;
    for (const bool threads : {false, true}) {
        for (const Fit fit : {Fit::spread, Fit::tight}) {
            Layout layout = try_layout(room, db_cpus, threads, fit);
            const int avoided = (layout.taken & room.request.avoid).count();
            if (!layout.instances.empty() && avoided < fewest) {
                fewest = avoided;
                best = std::move(layout);
            }
            if (fewest == 0) {
                return best;
            }
        }
    }
    return best;
}

int most_that_fit(const Room& room, int db_cpus) {
    int n = std::min(db_cpus - 1, available(room.usable, room.request));
    while (n > room.request.instances && lay_out(room, n).instances.empty()) {
        --n;
    }
    return n;
}

}  // namespace inferstep
