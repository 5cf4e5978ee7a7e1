// A stream socket of their own between two ranks of a World, as links need one.
#pragma once

#include "comm/control.hpp"
#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep::comm {

enum class StreamKind { machine, network };  // a Unix socket; TCP

// Both ranks call it; `to` listens, `from` connects, and shows the word that `to` sent it by way of rank 0.
Result<UniqueFd> open_stream(Control& control, int own, int from, int to, StreamKind kind);

}  // namespace inferstep::comm
