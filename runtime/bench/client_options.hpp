// What `inferstep client` was asked to do. Plain values, checked by the command line before the work begins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inferstep {

struct ClientOptions {
    int iterations = 100;
    int warmup = 1;                   // iterations before the measured ones
    int batch_size = 1;               // samples in one request
    bool fortran = false;             // the calls go through the Fortran module
    bool smartsim = false;            // SmartSim-Scaling's loop: what is put is an image, and a script preprocesses it
    bool separate = true;             // call after call, each timed
    bool pipelined = false;           // put, run and get in one round trip
    bool dag = false;                 // everything in one command; after the single calls where these are made, too
    bool keep_keys = false;           // every iteration has keys of its own, and they stay
    int clients_per_node = 0;         // 0: one client per task
    std::string model;                // TorchScript file; empty: what the database has, else the next
    std::string architecture;         // a ResNet that this program makes, with seed 0
    std::string model_name;           // its name in the database
    std::string device;               // CPU, GPU, GPU:n; empty: GPU where the database has one
    int db_batch_size = 0;            // BATCHSIZE of the stored model
    std::string reference;            // TorchScript file to compare with; empty: the model itself
    double tolerance = 1e-3;          // largest difference, in units of the reference output's largest value
    std::string images;               // folder; empty: synthetic inputs
    std::vector<std::int64_t> shape;  // of one sample without the batch; empty: what the model's file says
    std::uint64_t seed = 0;           // of the synthetic inputs
    double sleep = 0;                 // seconds between iterations
    double timeout = 60;              // seconds, of every call
    double patience = 60;             // seconds that a rank waits for others without any news of them
    std::string endpoint;             // empty: SSDB
    std::string outdir = "outputs";
    bool json = false;
    std::vector<std::string> command;  // as typed, for the records
};

}  // namespace inferstep
