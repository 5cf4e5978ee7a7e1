// The limit that the database is measured against: forwards of a TorchScript model inside one process, without any
// server. Usage: forward LIBDIR MODEL.pt WORKERS THREADS BATCH SECONDS [stored|bfloat16]     Each of WORKERS threads
// runs forwards with THREADS intra-op threads on batches of BATCH until SECONDS are over. Prints "<median seconds per
// forward> <inferences per second>".
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/stats.hpp"
#include "inferdb/backend.hpp"

using namespace inferstep;

namespace {

int give_up(const Error& error) {
    std::fprintf(stderr, "forward: %s\n", error.message.c_str());
    return 1;
}

std::vector<double> run_for(Backend& backend, Model& model, int threads, int batch, double seconds) {
    std::vector<std::int64_t> shape = model.example_shape();
    shape.at(0) = batch;
    std::size_t elements = 1;
    for (const std::int64_t d : shape) {
        elements *= static_cast<std::size_t>(d);
    }
    const auto values = std::make_shared<std::vector<float>>(elements, 0.5F);
    const std::vector<TensorView> input{{DType::float32, shape, values->data(), elements * sizeof(float), values}};
    backend.prepare_thread(threads);
    for (int i = 0; i < 3; ++i) {
        (void)model.run(input);
    }
    std::vector<double> times;
    for (const std::int64_t start = now_ns(); seconds_since(start) < seconds;) {
        const std::int64_t before = now_ns();
        if (const auto outputs = model.run(input); !outputs) {
            std::exit(give_up(outputs.error()));
        }
        times.push_back(seconds_since(before));
    }
    return times;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7 && argc != 8) {
        return give_up(fail("usage: forward LIBDIR MODEL.pt WORKERS THREADS BATCH SECONDS"));
    }
    const int workers = std::atoi(argv[3]);
    const int threads = std::atoi(argv[4]);
    const int batch = std::atoi(argv[5]);
    const double seconds = std::atof(argv[6]);
    const auto backend = open_torch_backend(argv[1]);
    if (!backend) {
        return give_up(backend.error());
    }
    const auto blob = read_file(argv[2]);
    if (!blob) {
        return give_up(blob.error());
    }
    (*backend)->prepare_thread(1);  // for loading, as the database does it: see Engine::open
    ModelOptions options;
    const std::string_view how = argc == 8 ? argv[7] : "";
    options.optimize = how != "stored";
    options.precision = how == "bfloat16" ? Precision::bfloat16 : Precision::float32;
    const auto model = (*backend)->load(*blob, options);
    if (!model) {
        return give_up(model.error());
    }
    if (const auto error = (*model)->precision_error()) {
        std::fprintf(stderr, "forward: precision error %.4g\n", *error);
    }
    std::vector<std::vector<double>> times(static_cast<std::size_t>(workers));
    std::vector<std::thread> pool;
    for (auto& mine : times) {
        pool.emplace_back([&] { mine = run_for(**backend, **model, threads, batch, seconds); });
    }
    std::vector<double> all;
    double rate = 0;
    for (std::size_t i = 0; i < pool.size(); ++i) {
        pool[i].join();
        all.insert(all.end(), times[i].begin(), times[i].end());
        rate += batch / mean(times[i]);
    }
    std::printf("%.6f %.3f\n", percentile(all, 0.5), rate);
    return 0;
}
