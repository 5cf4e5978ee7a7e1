// A block of iterations of the client's loop, in the layout that C++ and Fortran share (fortran_loop.f90 has the same
// declaration). All memory belongs to the caller.
#pragma once

#include <cstdint>

namespace inferstep {

struct LoopBlock {
    const char* model;
    const char* script;     // its function makes the model's input of what is put; empty: what is put is that
    const char* function;   // of the script
    const char* keys;       // what the keys begin with
    int keep_keys;          // not 0: every iteration has keys of its own
    int rank;               // of an input: 1 … 4
    std::int64_t shape[4];  // of an input
    int inputs;             // how many different inputs there are; they are taken in turn
    std::int64_t input_elements;
    std::int64_t output_elements;
    const float* input;  // (inputs, input_elements)
    float* output;       // (count, output_elements): of the single calls, or pipelined
    float* dag_output;   // (count, output_elements)
    int first;           // which iterations
    int count;
    int separate;   // not 0: call after call, each timed
    int pipelined;  // not 0: put, run and get in one round trip; then only `loop` is timed
    int dag;        // not 0: all in one command, after the single calls where there are any
    int timeout_ms;
    double* put;  // seconds of each call (count)
    double* preprocess;
    double* run;
    double* get;
    double* loop;  // of the single calls together, or pipelined
    double* one;   // of the one command
    int done;      // out: iterations that worked
};

}  // namespace inferstep
