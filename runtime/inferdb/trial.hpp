// Whether requests of a model may be executed together although nobody said so: found out by trying.
//
// Nothing tells from outside whether a model treats the samples of its first dimension one by one. So before requests
// of one signature (types, extents but the first, number of outputs) are joined, some are executed alone and together,
// and what comes out is compared. The trial is hard to fool:
//  - before them, and behind or between them, samples are joined that no client sent, made of the first request's:
//    reversed, and scaled and shifted where it has floating-point numbers, one down and one up. They move every sum,
//    mean, largest, smallest and first value of the batch, also when all clients send the same;
//  - it shows nothing unless inputs and outputs within the batch differ;
//  - it is repeated; and repeated anew whenever more samples than ever before are to be joined;
//  - one in 256 joint executions is a trial again.
// One result that is different ends it: the signature is never joined again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "inferdb/backend.hpp"

namespace inferstep {

using Tensors = std::vector<std::shared_ptr<const TensorView>>;

enum class Verdict : std::uint8_t { same, different, unclear };

// What is known of each signature of a model. Not thread-safe.
class Trials {
   public:
    struct Plan {
        std::int64_t samples = 1;  // as many may be joined, or tried to be
        bool trial = false;
    };
    // What to do with `waiting` samples of several requests, at most `limit` together.
    Plan plan(const std::string& signature, std::int64_t waiting, std::int64_t limit);
    // A trial begins: until its verdict is recorded no other one of this signature is planned.
    void begin(const std::string& signature) { states_[signature].under_way = true; }
    void record(const std::string& signature, std::int64_t samples, Verdict verdict);
    // Join nothing any more, try nothing any more.
    void stop() { stopped_ = true; }

    // Samples up to which requests of some signature are joined.
    std::int64_t largest() const;

    static constexpr int kRepeats = 3;               // trials that must agree before more samples are joined
    static constexpr std::uint32_t kRecheck = 256;   // joint executions from one trial to the next
    static constexpr std::size_t kSignatures = 256;  // of a model; further ones are never joined

   private:
    struct State {
        std::int64_t tried = 1;     // samples that have been found to be executed together as alone
        std::int64_t next = 0;      // the fewest samples of the trials since
        int agreed = 0;             // how many these were
        std::uint32_t joint = 0;    // joint executions since the last trial
        std::uint32_t unclear = 0;  // trials one after the other that showed nothing …
        std::uint32_t pause = 0;    // … and after them, chances to be missed before the next
        bool under_way = false;
        bool different = false;
    };
    std::unordered_map<std::string, State> states_;
    bool stopped_ = false;
};

// Whether two of them differ in an element, as far as both go.
bool differ(const TensorView& a, const TensorView& b);

// Whether `joint` holds, from byte `offset` on, what `alone` holds, up to `tolerance` of the largest value where it is
// floating-point; exactly where not.
bool agrees(const TensorView& alone, const TensorView& joint, std::size_t offset, double tolerance);

// Values that disturb whatever is computed over the whole batch, of the same type and extents. Floating-point numbers
// stay finite, whole ones within the range that is there: they may be indices.
enum class Disturb : std::uint8_t { down, up };
std::shared_ptr<const TensorView> disturbed(const TensorView& view, Disturb how);

// How far results may differ by rounding, relative to the largest: single precision anywhere, or double throughout.
double rounding_of(const Tensors& inputs, const Tensors& outputs);

}  // namespace inferstep
