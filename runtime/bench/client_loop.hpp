// One client's work: connect, provide the model, make inputs and reference, warm up, loop, compare.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/client_door.hpp"
#include "bench/client_inputs.hpp"
#include "bench/client_meeting.hpp"
#include "bench/client_model.hpp"
#include "bench/client_options.hpp"
#include "bench/client_record.hpp"
#include "bench/client_reference.hpp"

namespace inferstep {

class ClientLoop {
   public:
    // Everything is the caller's and must outlive this. What is measured and found goes into `record` and `summary` as
    // it happens, so that they hold what there was when something fails.
    ClientLoop(const ClientOptions& options, RankRecord& record, RankSummary& summary);

    // From connecting to the last comparison. The error ended it early.
    Status run();

    const std::vector<Samples>& samples() const { return samples_; }

   private:
    Status connect();
    Status prepare(const std::string& state_directory);
    Status make_reference(const LoopModel& model);
    Status iterate(int first, int count, bool measured);
    void keep(const LoopBlock& block);
    void compare(const LoopBlock& block, const float* outputs);
    LoopBlock block(int first, int count);
    int timeout_ms() const { return static_cast<int>(options_.timeout * 1000); }

    const ClientOptions& options_;
    RankRecord& record_;
    RankSummary& summary_;
    Client client_;  // for what is not measured
    std::unique_ptr<ClientDoor> door_;
    std::string model_, script_, keys_;
    ClientInputs inputs_;
    Reference reference_;
    std::vector<float> outputs_, dag_outputs_;  // (inputs_.count, reference_.elements): those of one block
    std::vector<double> put_, preprocess_, run_model_, get_, whole_,
        one_;  // (inputs_.count): seconds of one block's calls
    std::vector<Samples> samples_;
};

}  // namespace inferstep
