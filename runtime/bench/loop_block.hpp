// A block of iterations of the put → run → get loop, in the layout that C++ and Fortran share (fortran_loop.f90 has the
// same declaration). All memory belongs to the caller.
#pragma once

#include <cstdint>

namespace inferstep {

struct LoopBlock {
    const char* model;
    const char* input_key;
    const char* output_key;
    int rank;               // of an input: 1 … 4
    std::int64_t shape[4];  // of an input
    int inputs;             // how many different inputs there are; they are taken in turn
    std::int64_t input_elements;
    std::int64_t output_elements;
    const float* input;  // (inputs, input_elements)
    float* output;       // (count, output_elements)
    int first;           // which iterations
    int count;
    int pipelined;  // not 0: one round trip; then only `loop` is timed
    int timeout_ms;
    double* put;  // seconds of each call (count)
    double* run;
    double* get;
    double* loop;
    int done;  // out: iterations that worked
};

}  // namespace inferstep
