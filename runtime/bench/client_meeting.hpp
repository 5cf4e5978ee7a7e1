// The ranks of a node begin their loops together: none computes references or warms up while another is measured.
//
// They meet in a directory of the node, the step's state directory; where there is none they do not wait.
#pragma once

#include <string>

#include "core/step.hpp"

namespace inferstep {

class NodeMeeting {
   public:
    // `directory`: INFER_STATE_DIR, or empty. `purpose` tells several meetings of one step apart.
    NodeMeeting(std::string directory, const StepIdentity& id, const std::string& purpose);
    ~NodeMeeting() { arrive(); }  // one that fails on the way must not be waited for
    NodeMeeting(const NodeMeeting&) = delete;
    NodeMeeting& operator=(const NodeMeeting&) = delete;

    void arrive();
    // Arrive and wait for the other ranks of this node. False: some had not come after `timeout_s`.
    bool wait(double timeout_s);

   private:
    std::string prefix_;  // of the file that each arrived rank leaves; empty: no meeting
    int local_rank_;
    int local_ranks_;
    bool arrived_ = false;
};

}  // namespace inferstep
