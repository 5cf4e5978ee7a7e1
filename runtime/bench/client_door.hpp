// The two ways into the database that are measured: the client library's C++ class, and its Fortran module behind
// libinferstep_fortran.so. One connection each; one door per process for Fortran.
#pragma once

#include <memory>
#include <string>

#include "bench/loop_block.hpp"
#include "core/result.hpp"

namespace inferstep {

class ClientDoor {
   public:
    virtual ~ClientDoor() = default;
    // `seconds`: how long it took to connect.
    virtual Status connect(const std::string& endpoint, int timeout_ms, double& seconds) = 0;
    // Do block.count iterations and time them. Stops at the first call that fails; block.done says how many worked.
    virtual Status run(LoopBlock& block) = 0;
};

Result<std::unique_ptr<ClientDoor>> open_door(bool fortran);

}  // namespace inferstep
