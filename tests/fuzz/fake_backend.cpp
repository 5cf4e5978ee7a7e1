// A backend without libtorch, in the place of the one that inferdb/loader.cpp opens: what a model does is said by the
// first letter of its bytes.
#include <algorithm>
#include <cctype>
#include <memory>
#include <sstream>

#include "inferdb/backend.hpp"

namespace inferstep {
namespace {

// What a model or a function of this letter gives for its inputs.
Result<std::vector<TensorView>> answer(char kind, const std::vector<TensorView>& inputs) {
    switch (kind) {
        case 'e':
            return fail("this one fails\nin two lines");
        case 'n':
            return std::vector<TensorView>{};
        case 't':
            return inputs.empty() ? inputs : std::vector<TensorView>(2, inputs.front());
        case 's': {  // its rank does not fit its inputs'
            const auto value = std::make_shared<float>(1.0F);
            return std::vector<TensorView>{{DType::float32, {}, value.get(), sizeof(float), value}};
        }
        default:
            return inputs;
    }
}

class FakeModel final : public Model {
   public:
    explicit FakeModel(char kind) : kind_(kind) {}
    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override {
        return answer(kind_, inputs);
    }
    std::vector<std::int64_t> example_shape() const override {
        return kind_ == 'x' ? std::vector<std::int64_t>{1, 2} : std::vector<std::int64_t>{};
    }

   private:
    char kind_;
};

// Its functions are the words of its source; those that begin with a capital letter are no entry points.
class FakeScript final : public Script {
   public:
    explicit FakeScript(const std::string& source) {
        std::istringstream words(source);
        for (std::string word; words >> word;) {
            functions_.push_back(word);
        }
    }
    std::vector<std::string> functions() const override { return functions_; }
    bool is_entry_point(const std::string& function) const override { return std::islower(function[0] & 0x7f) != 0; }
    Result<std::vector<TensorView>> run(const ScriptCall& call, const std::vector<TensorView>& inputs) override {
        if (std::find(functions_.begin(), functions_.end(), call.function) == functions_.end()) {
            return fail("no function {}", call.function);
        }
        return answer(call.function[0], inputs);
    }

   private:
    std::vector<std::string> functions_;
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
    Result<std::shared_ptr<Script>> compile(const std::string& source, const std::string&) override {
        if (source.empty() || source.front() == 'B') {
            return fail("this is no script");
        }
        return std::shared_ptr<Script>(std::make_shared<FakeScript>(source));
    }
    void prepare_thread(int) override {}
    Status write_model(const std::string&, std::uint64_t, int, const std::string&) override { return fail("none"); }
};

}  // namespace

Result<Backend*> open_torch_backend(const std::string&) {
    static FakeBackend backend;
    return &backend;
}

}  // namespace inferstep
