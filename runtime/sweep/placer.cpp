#include "sweep/placer.hpp"

#include <algorithm>
#include <utility>

namespace inferstep::sweep {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> Places::all() const {
    std::vector<std::string> names = step;
    names.insert(names.end(), database.begin(), database.end());
    return names;
}

Placer::Placer(std::vector<std::string> nodes) {
    for (std::string& name : nodes) {
        nodes_.push_back({std::move(name), false});
    }
}

std::optional<Places> Placer::choose(const Wish& wish, bool also_busy) const {
    Places places{wish.step_hosts, wish.database_hosts};
    std::vector<std::string> free;
    std::vector<std::string> any;
    for (const Node& node : nodes_) {
        if (also_busy || !node.busy) {
            free.push_back(node.name);
            if (!has(wish.step_hosts, node.name) && !has(wish.database_hosts, node.name)) {
                any.push_back(node.name);
            }
        }
    }
    const std::vector<std::string> named = places.all();
    if (!std::all_of(named.begin(), named.end(), [&](const std::string& name) { return has(free, name); })) {
        return std::nullopt;
    }
    auto next = any.begin();
    const auto fill = [&](std::vector<std::string>& names, int count) {
        while (static_cast<int>(names.size()) < count && next != any.end()) {
            names.push_back(*next++);
        }
        return static_cast<int>(names.size()) >= count;
    };
    if (!fill(places.step, wish.step_nodes) || !fill(places.database, wish.database_nodes)) {
        return std::nullopt;
    }
    return places;
}

std::optional<Places> Placer::take(const Wish& wish) {
    std::optional<Places> places = choose(wish, false);
    if (places) {
        mark(places->all(), true);
    }
    return places;
}

void Placer::mark(const std::vector<std::string>& names, bool busy) {
    for (Node& node : nodes_) {
        node.busy = has(names, node.name) ? busy : node.busy;
    }
}

void Placer::give_back(const Places& places) { mark(places.all(), false); }

void Placer::reserve(const std::vector<std::string>& nodes) { mark(nodes, true); }

void Placer::change_to(const std::vector<std::string>& nodes) {
    std::vector<Node> now;
    for (const std::string& name : nodes) {
        const auto old = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return n.name == name; });
        now.push_back({name, old != nodes_.end() && old->busy});
    }
    nodes_ = std::move(now);
}

bool Placer::full() const {
    return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.busy; });
}

bool Placer::fits(const Wish& wish) const { return choose(wish, true).has_value(); }

}  // namespace inferstep::sweep
