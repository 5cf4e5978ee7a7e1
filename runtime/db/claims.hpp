// Which CPUs the databases of other steps on this node have reserved, of any user, and that we have reserved ours.
//
// A claim on CPU n is a shared lock on byte n of the state directory's parent: the kernel forgets it with its owner,
// everybody may ask for it, and no file is left. Claims are asked for and made under one lock, so that steps that start
// at the same time see each other; who holds that for long, or a directory without locks, costs us the knowledge and
// 100 ms, never the step.
#pragma once

#include <string>

#include "core/cpuset.hpp"
#include "core/fd.hpp"

namespace inferstep {

class Claims {
   public:
    // `statedir` must be the node's own; emulated nodes that share one are told apart by `node`.
    Claims(const std::string& statedir, const std::string& node);

    CpuSet of_others();             // and keeps others from claiming any until make()
    void make(const CpuSet& cpus);  // ours, as long as this object lives; none is an answer, too

   private:
    UniqueFd directory_;
    long base_ = 0;
};

}  // namespace inferstep
