// Placer: which nodes of an allocation a point gets. Whole nodes, never shared by two points. Plain bookkeeping: asks
// nobody.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace inferstep::sweep {

// What a point wants of the nodes.
struct Wish {
    int step_nodes = 1;
    int database_nodes = 0;                   // beside them
    std::vector<std::string> step_hosts;      // exactly these; empty: any
    std::vector<std::string> database_hosts;  // likewise
};

struct Places {
    std::vector<std::string> step;
    std::vector<std::string> database;

    std::vector<std::string> all() const;
};

class Placer {
   public:
    explicit Placer(std::vector<std::string> nodes);

    // The first free nodes in the order of the allocation. Nothing: not now.
    std::optional<Places> take(const Wish& wish);
    void give_back(const Places& places);
    // Nodes that a point has already, as far as they are ours.
    void reserve(const std::vector<std::string>& nodes);
    // The allocation has these nodes from now on; those that went are not given out again.
    void change_to(const std::vector<std::string>& nodes);
    bool full() const;  // no node is free
    // Would take() succeed if all nodes were free?
    bool fits(const Wish& wish) const;

   private:
    struct Node {
        std::string name;
        bool busy = false;
    };
    std::optional<Places> choose(const Wish& wish, bool also_busy) const;
    void mark(const std::vector<std::string>& names, bool busy);
    std::vector<Node> nodes_;
};

}  // namespace inferstep::sweep
