// A backend without libtorch, in the place of inferdb/loader.cpp: what a model does is said by the first letter of its
// bytes.
#include <cstring>
#include <memory>

#include "inferdb/backend.hpp"

namespace inferstep {
namespace {

class FakeModel final : public Model {
   public:
    explicit FakeModel(char kind) : kind_(kind) {}
    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override {
        switch (kind_) {
            case 'e':
                return fail("this model fails\nin two lines");
            case 'n':
                return std::vector<TensorView>{};
            case 't':
                return std::vector<TensorView>(2, inputs.front());
            case 's': {  // its rank does not fit its inputs'
                TensorView scalar{DType::float32, {}, nullptr, sizeof(float), nullptr};
                const auto value = std::make_shared<float>(1);
                scalar.data = value.get();
                scalar.owner = value;
                return std::vector<TensorView>{scalar};
            }
            default:
                return inputs;
        }
    }
    std::vector<std::int64_t> example_shape() const override {
        return kind_ == 'x' ? std::vector<std::int64_t>{1, 2} : std::vector<std::int64_t>{};
    }

   private:
    char kind_;
};

class FakeBackend final : public Backend {
   public:
    std::string version() const override { return "fake 0"; }
    int gpu_count() const override { return 0; }
    Result<std::shared_ptr<Model>> load(std::string_view blob, const ModelOptions&) override {
        if (blob.empty() || blob.front() == 'B') {
            return fail("this is no model");
        }
        return std::shared_ptr<Model>(std::make_shared<FakeModel>(blob.front()));
    }
    void prepare_thread(int) override {}
    Status write_model(const std::string&, std::uint64_t, int, const std::string&) override { return fail("none"); }
};

}  // namespace

void bound_spinning() {}

Result<Backend*> open_torch_backend(const std::string&) {
    static FakeBackend backend;
    return &backend;
}

}  // namespace inferstep
