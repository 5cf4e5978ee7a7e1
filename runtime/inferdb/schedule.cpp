#include "inferdb/schedule.hpp"

#include <algorithm>
#include <limits>

namespace inferstep {
namespace {

constexpr std::size_t kJointBytes = std::size_t{64} << 20;  // inputs that are joined unasked take no more
constexpr double kNewest = 0.2;                             // weight of the last execution in the expected time

// What requests must agree in to be joined: the model, and of each input the type and all extents but the first.
std::string group_of(const Request& request, std::int64_t max_batch) {
    const bool wanted = request.target->policy.batch_size != 0 || max_batch > 1;
    if (request.call || !wanted || joint_extent(request.inputs) == 0) {
        return {};
    }
    std::string key;
    const auto add = [&key](std::int64_t number) { key.append(reinterpret_cast<const char*>(&number), sizeof number); };
    add(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(request.target.get())));
    add(static_cast<std::int64_t>(request.output_count));
    for (const auto& input : request.inputs) {
        add(static_cast<std::int64_t>(input->dtype));
        add(static_cast<std::int64_t>(input->shape.size()));
        std::for_each(input->shape.begin() + 1, input->shape.end(), add);
    }
    return key;
}

}  // namespace

void Schedule::add(const RequestRef& request) {
    request->group_ = group_of(*request, max_batch_);
    request->samples_ = std::max<std::int64_t>(1, joint_extent(request->inputs));
    request->bytes_ = 0;
    for (const auto& input : request->inputs) {
        request->bytes_ += input->bytes;
    }
    Target& target = *request->target;
    const auto [flow, idle_until_now] = flows_.try_emplace(&target);
    if (idle_until_now) {
        target.due = std::max(target.due, now_);
    }
    const auto found = joinable_.find(request->group_);
    const auto group = found != joinable_.end() ? found->second : flow->second.emplace(flow->second.end());
    if (found == joinable_.end() && !request->group_.empty()) {
        joinable_.emplace(request->group_, group);
    }
    group->members.push_back(request);
    group->samples += request->samples_;
}

void Schedule::drop(Flows::iterator flow, Groups::iterator group) {
    flow->second.erase(group);
    if (flow->second.empty()) {
        flows_.erase(flow);
    }
}

void Schedule::remove(const Request& request) {
    const auto flow = flows_.find(request.target.get());
    if (flow == flows_.end()) {
        return;
    }
    const auto is_it = [&](const RequestRef& member) { return member.get() == &request; };
    for (auto group = flow->second.begin(); group != flow->second.end(); ++group) {
        const auto member = std::find_if(group->members.begin(), group->members.end(), is_it);
        if (member != group->members.end()) {
            group->samples -= request.samples_;
            group->members.erase(member);
            if (group->members.empty()) {
                joinable_.erase(request.group_);
                drop(flow, group);
            }
            return;
        }
    }
}

Batch Schedule::remove_all(const Target& target) {
    Batch all;
    if (const auto flow = flows_.find(&target); flow != flows_.end()) {
        for (const Group& group : flow->second) {
            joinable_.erase(group.members.front()->group_);
            all.insert(all.end(), group.members.begin(), group.members.end());
        }
        flows_.erase(flow);
    }
    return all;
}

Batch Schedule::remove_all() {
    Batch all;
    while (!flows_.empty()) {
        const Batch some = remove_all(*flows_.begin()->first);
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

// Whether the oldest of the group may be executed now; if not, `wake` becomes no later than when it may.
bool Schedule::due(const Group& group, std::int64_t now, std::int64_t& wake) {
    const Request& oldest = *group.members.front();
    const BatchPolicy& policy = oldest.target->policy;
    if (policy.batch_size == 0 || oldest.group_.empty() || group.samples >= policy.min_batch_size) {
        return true;
    }
    if (policy.min_batch_timeout_ms == 0) {
        return false;
    }
    const std::int64_t deadline = oldest.arrival_ns_ + policy.min_batch_timeout_ms * 1'000'000;
    wake = std::min(wake, deadline);
    return now >= deadline;
}

Schedule::Taken Schedule::take(std::int64_t now, std::size_t idle) {
    std::int64_t wake = std::numeric_limits<std::int64_t>::max();
    auto best = flows_.end();
    Groups::iterator chosen;
    for (auto flow = flows_.begin(); flow != flows_.end(); ++flow) {
        const auto group = std::find_if(flow->second.begin(), flow->second.end(),
                                        [&](const Group& each) { return due(each, now, wake); });
        if (group == flow->second.end()) {
            continue;
        }
        const auto order = [](const Groups::iterator& of) {
            const Request& oldest = *of->members.front();
            return std::pair(oldest.target->due, oldest.arrival_ns_);
        };
        if (best == flows_.end() || order(group) < order(chosen)) {
            best = flow;
            chosen = group;
        }
    }
    Taken taken;
    if (best != flows_.end()) {
        taken = take_from(best, chosen, idle);
    }
    taken.wake = wake;
    return taken;
}

// How many samples and requests of the group are executed together now.
Trials::Plan Schedule::plan(const Group& group, std::size_t idle, std::size_t& members) const {
    const Request& oldest = *group.members.front();
    Target& target = *oldest.target;
    members = group.members.size();
    if (oldest.group_.empty()) {
        members = 1;
        return {};
    }
    if (target.policy.batch_size != 0) {
        return {target.policy.batch_size, false};
    }
    members = (members + idle - 1) / idle;
    return members < 2 ? Trials::Plan{} : target.trials.plan(oldest.group_, group.samples, max_batch_);
}

Schedule::Taken Schedule::take_from(Flows::iterator flow, Groups::iterator group, std::size_t idle) {
    Taken taken;
    Batch& batch = taken.batch;
    Target& target = *group->members.front()->target;
    std::size_t members = 1;
    const Trials::Plan plan = this->plan(*group, idle, members);
    const bool asked = target.policy.batch_size != 0;
    std::int64_t samples = 0;
    std::size_t bytes = 0;
    while (batch.size() < members && !group->members.empty()) {
        RequestRef& next = group->members.front();
        // A trial takes two requests also when their samples are many.
        const std::int64_t limit = plan.trial && batch.size() == 1 ? max_batch_ : plan.samples;
        const bool fits = samples + next->samples_ <= limit && (asked || bytes + next->bytes_ <= kJointBytes);
        if (!batch.empty() && !fits) {
            break;
        }
        samples += next->samples_;
        bytes += next->bytes_;
        batch.push_back(std::move(next));
        group->members.pop_front();
    }
    group->samples -= samples;
    taken.trial = plan.trial && batch.size() > 1;
    if (taken.trial) {
        taken.signature = batch.front()->group_;
        target.trials.begin(taken.signature);
    }
    now_ = std::max(now_, target.due);
    taken.charged = target.ns_per_sample * static_cast<double>(samples);
    target.due += taken.charged;
    if (group->members.empty()) {
        joinable_.erase(batch.front()->group_);
        drop(flow, group);
        return taken;
    }
    // The group is younger now than some that came after it.
    Groups& groups = flow->second;
    const std::int64_t arrival = group->members.front()->arrival_ns_;
    const auto behind = std::find_if(std::next(group), groups.end(),
                                     [&](const Group& other) { return other.members.front()->arrival_ns_ > arrival; });
    groups.splice(behind, groups, group);
    return taken;
}

void Schedule::charge(Target& target, std::int64_t samples, double charged, std::int64_t ns) {
    const auto took = static_cast<double>(ns);
    target.due += took - charged;
    const double each = took / static_cast<double>(std::max<std::int64_t>(1, samples));
    target.ns_per_sample = target.ns_per_sample == 0 ? each : (1 - kNewest) * target.ns_per_sample + kNewest * each;
}

}  // namespace inferstep
