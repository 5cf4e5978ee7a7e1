// Munge: a word that only this user can have said, on any node of the cluster. libmunge is loaded when it is needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace inferstep::comm {

class Munge {
   public:
    // munged is asked at INFER_MUNGE_SOCKET, else where slurm.conf's AuthInfo has it, else at its usual socket.
    // Error: no libmunge here, or nobody answers there.
    static Result<std::unique_ptr<Munge>> open();
    virtual ~Munge() = default;
    virtual Result<std::string> say(std::string_view words) const = 0;
    // That this user said exactly these words, a short while ago, and that nobody heard it here before.
    virtual Status verify(const std::string& credential, std::string_view words) const = 0;
};

}  // namespace inferstep::comm
