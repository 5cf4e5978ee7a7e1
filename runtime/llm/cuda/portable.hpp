// Lets a header be compiled by nvcc, by a C++ compiler for the program, and by one that emulates a GPU for the tests.
#pragma once

#if defined(__CUDACC__)
#define INFERSTEP_BOTH __host__ __device__
#define INFERSTEP_UNROLL _Pragma("unroll")
#else
#define INFERSTEP_BOTH
#define INFERSTEP_UNROLL
#endif
