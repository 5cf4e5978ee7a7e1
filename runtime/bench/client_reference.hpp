// What the answers are compared with: a forward of the same inputs inside this process, of the model exactly as saved,
// while the database runs an optimized one in another process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/client_inputs.hpp"
#include "core/result.hpp"
#include "inferdb/backend.hpp"

namespace inferstep {

struct Reference {
    std::int64_t elements = 0;  // of the output of a batch
    std::vector<float> data;    // (inputs.count, elements)
    double apart = 0;           // how far the outputs of the two most similar samples differ, in units of `scale`
    double scale = 0;           // largest magnitude of any output
    double seconds = 0;         // median of one forward
    std::string version;        // of the library that ran it

    const float* batch(int i) const { return data.data() + i * elements; }
};

// The model that gives the reference.
class ReferenceModel {
   public:
    // `file`: the bytes of a TorchScript file; forwards use `threads` threads. Errors, here and later, name `name`.
    static Result<ReferenceModel> load(std::string_view file, const std::string& name, int threads);

    // Shape of one sample, without the batch, that the file names; empty when it names none.
    std::vector<std::int64_t> sample_shape() const;

    // A forward of every batch.
    Result<Reference> run(const ClientInputs& inputs) const;

   private:
    std::string name_;
    std::string version_;
    std::shared_ptr<Model> model_;
};

// How many of the batch's samples have an output that differs from the reference by more than tolerance × scale.
// `worst` is raised to the largest difference seen, in units of scale.
int count_wrong(const Reference& reference, int batch, const float* output, int samples, double tolerance,
                double& worst);

}  // namespace inferstep
