// Who is executed next, and with whom. A structure without threads: the queue calls it under its lock.
//
// Models share the time of their device: start-time fair queueing. Each model has a virtual time from which it is due;
// every execution moves it on by the time that this took, and of those that have requests waiting the one that has been
// due longest is served. A model that was idle starts at the virtual time of now: it saves nothing up, and neither a
// heavy model nor one with a thousand requests keeps it waiting for longer than the execution under way.
//
// Requests of one model are served in the order of their arrival, whichever client they come from, except that
//  - a request is joined by later ones whose inputs agree in type and in all extents but the first;
//  - a model with `min_batch_size` waits until that many samples are there, or until the oldest of them has waited
//    `min_batch_timeout_ms`; meanwhile others are served.
#pragma once

#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "inferdb/request.hpp"

namespace inferstep {

class Schedule {
   public:
    // `max_batch`: samples that are joined of a model without a batch_size; 1: none.
    explicit Schedule(std::int64_t max_batch) : max_batch_(max_batch) {}

    struct Taken {
        Batch batch;            // empty: nothing is due
        bool trial = false;     // execute alone and together, and report to the target's trials
        std::string signature;  // of such a trial
        double charged = 0;     // nanoseconds, until the true ones are known
        std::int64_t wake = 0;  // when nothing is due: the time when something will be
    };
    // The next batch. `idle`: workers that have nothing to do, the one that asks among them; they share what waits.
    Taken take(std::int64_t now, std::size_t idle);
    // What was taken has been executed in `ns` nanoseconds.
    void charge(Target& target, std::int64_t samples, double charged, std::int64_t ns);

    void add(const RequestRef& request);
    void remove(const Request& request);
    Batch remove_all(const Target& target);  // what waits for this model
    Batch remove_all();

   private:
    struct Group {  // requests that can be joined, oldest first
        std::deque<RequestRef> members;
        std::int64_t samples = 0;
    };
    using Groups = std::list<Group>;  // by the arrival of the oldest member
    using Flows = std::unordered_map<const Target*, Groups>;

    static bool due(const Group& group, std::int64_t now, std::int64_t& wake);
    Taken take_from(Flows::iterator flow, Groups::iterator group, std::size_t idle);
    Trials::Plan plan(const Group& group, std::size_t idle, std::size_t& members) const;
    void drop(Flows::iterator flow, Groups::iterator group);

    const std::int64_t max_batch_;
    Flows flows_;  // of the models that have requests waiting
    std::unordered_map<std::string, Groups::iterator> joinable_;
    double now_ = 0;  // virtual time: when the model that was served last was due
};

}  // namespace inferstep
