#include "inferdb/backends/script_torch.hpp"

#include <ATen/core/function.h>
#include <ATen/core/ivalue.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/jit.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "inferdb/backends/convert_torch.hpp"
#include "inferdb/backends/threads_torch.hpp"

namespace inferstep {
namespace {

enum class Parameter { tensor, tensors, texts };

// The kind of a parameter, by its type alone. Throws for what a caller cannot give.
Parameter kind_of(const c10::Argument& argument, const std::string& function) {
    const c10::TypePtr& type = argument.type();
    if (type->isSubtypeOf(*c10::TensorType::get())) {
        return Parameter::tensor;
    }
    if (type->isSubtypeOf(*c10::ListType::ofTensors())) {
        return Parameter::tensors;
    }
    if (type->isSubtypeOf(*c10::ListType::ofStrings())) {
        return Parameter::texts;
    }
    throw std::invalid_argument(
        fmt::format("parameter {} of function {} is a {}; Tensor, List[Tensor] and List[str] can be given",
                    argument.name(), function, type->annotation_str()));
}

c10::List<std::string> texts(const std::vector<std::string>& values) {
    c10::List<std::string> list;
    for (const std::string& value : values) {
        list.push_back(value);
    }
    return list;
}

// The compiler's first line, and the line of the source that it is about.
std::string compiler_error(const std::exception& e) {
    std::string text = one_line(e);
    text.erase(text.find_last_not_of(":. ") + 1);
    if (text == "undefined value redis" || text == "undefined value redisAI") {
        text += " (a script cannot call the database: redis.execute and redisAI.model_execute do not exist here)";
    }
    const std::string_view all = e.what();
    constexpr std::string_view kPlace = "File \"<string>\", line ";
    const auto place = all.find(kPlace);
    if (place == std::string_view::npos) {
        return text;
    }
    const std::string_view number = all.substr(place + kPlace.size());
    return fmt::format("{}, in line {} of the script", text, number.substr(0, number.find_first_not_of("0123456789")));
}

// Hands out inputs, keys and args in the order of a function's parameters.
class Arguments {
   public:
    Arguments(const c10::FunctionSchema& schema, const ScriptCall& call, const std::vector<TensorView>& inputs,
              at::Device device, bool writes)
        : schema_(schema), call_(call), inputs_(inputs), device_(device), writes_(writes) {}

    std::vector<c10::IValue> all() {
        std::vector<c10::IValue> values;
        for (std::size_t i = 0; i < schema_.arguments().size(); ++i) {
            const c10::Argument& argument = schema_.arguments()[i];
            const Parameter kind = kind_of(argument, call_.function);
            if (kind == Parameter::tensor && at_ == end_of_single() && argument.default_value()) {
                values.push_back(*argument.default_value());
            } else if (kind == Parameter::tensor) {
                values.emplace_back(single());
            } else if (kind == Parameter::tensors) {
                values.emplace_back(list(i));
            } else {
                values.emplace_back(texts(texts_given_++ == 0 ? call_.keys : call_.args));
            }
        }
        check_rest();
        return values;
    }

   private:
    std::size_t end_of_single() const { return std::min(call_.list_from.value_or(inputs_.size()), inputs_.size()); }

    // Others may read the caller's tensor: a function that writes into what it is given has a copy.
    at::Tensor next() {
        const at::Tensor tensor = to_tensor(inputs_[at_++], device_);
        return writes_ ? tensor.clone() : tensor;
    }

    at::Tensor single() {
        if (at_ == end_of_single()) {
            throw std::invalid_argument(wrong_count());
        }
        return next();
    }

    // The list takes what single tensors behind it leave, or, where the caller has said where it begins, the rest.
    c10::List<at::Tensor> list(std::size_t parameter) {
        if (call_.list_from && at_ < end_of_single()) {
            throw std::invalid_argument(wrong_count());
        }
        const auto behind = schema_.arguments().begin() + static_cast<std::ptrdiff_t>(parameter) + 1;
        const auto singles = static_cast<std::size_t>(std::count_if(
            behind, schema_.arguments().end(),
            [&](const c10::Argument& argument) { return kind_of(argument, call_.function) == Parameter::tensor; }));
        const std::size_t end = std::max(at_, inputs_.size() - std::min(inputs_.size(), call_.list_from ? 0 : singles));
        c10::List<at::Tensor> tensors;
        while (at_ < end) {
            tensors.push_back(next());
        }
        return tensors;
    }

    void check_rest() const {
        if (at_ != inputs_.size()) {
            throw std::invalid_argument(wrong_count());
        }
        if (texts_given_ == 0 && !(call_.keys.empty() && call_.args.empty())) {
            throw std::invalid_argument(fmt::format("function {} takes no KEYS and no ARGS", call_.function));
        }
        if (texts_given_ == 1 && !call_.args.empty()) {
            throw std::invalid_argument(fmt::format("function {} takes KEYS and no ARGS", call_.function));
        }
    }

    std::string wrong_count() const {
        return fmt::format("{} inputs do not fit function {}", inputs_.size(), c10::toString(schema_));
    }

    const c10::FunctionSchema& schema_;
    const ScriptCall& call_;
    const std::vector<TensorView>& inputs_;
    const at::Device device_;
    const bool writes_;            // the function may write into its inputs
    std::size_t at_ = 0;           // next input
    std::size_t texts_given_ = 0;  // parameters of type List[str] so far
};

bool writes_tensor(const torch::jit::Node& node) {
    const c10::FunctionSchema* schema = node.maybeSchema();
    return schema != nullptr &&
           std::any_of(schema->arguments().begin(), schema->arguments().end(), [](const auto& argument) {
               return argument.alias_info() != nullptr && argument.alias_info()->isWrite() &&
                      argument.type()->isSubtypeOf(*c10::TensorType::get());
           });
}

// Whether anything in the graph writes into a tensor.
bool writes_anything(const torch::jit::Block& block) {
    for (const torch::jit::Node* node : block.nodes()) {
        const auto inner = node->blocks();
        if (writes_tensor(*node) || std::any_of(inner.begin(), inner.end(),
                                                [](const torch::jit::Block* one) { return writes_anything(*one); })) {
            return true;
        }
    }
    return false;
}

// Whether a function may write into the tensors that it is given. What is taken out of a list is not followed.
bool writes_input(torch::jit::Function& function) {
    const auto graph = torch::jit::toGraphFunction(function).graph()->copy();
    torch::jit::Inline(*graph);
    const torch::jit::AliasDb aliases(graph);
    const bool anything = writes_anything(*graph->block());
    return std::any_of(graph->inputs().begin(), graph->inputs().end(), [&](const torch::jit::Value* input) {
        return aliases.hasWriters(input) || (anything && input->type()->isSubtypeOf(*c10::ListType::ofTensors()));
    });
}

class TorchScript final : public Script {
   public:
    TorchScript(std::shared_ptr<torch::jit::CompilationUnit> unit, at::Device device)
        : unit_(std::move(unit)), device_(device) {
        for (torch::jit::Function* function : unit_->get_functions()) {
            names_.push_back(function->name());
            function->getSchema();  // made when it is first asked for: here, where there is one thread
            if (writes_input(*function)) {
                writers_.insert(function->name());
            }
        }
    }

    std::vector<std::string> functions() const override { return names_; }

    bool is_entry_point(const std::string& name) const override {
        const torch::jit::Function* function = unit_->find_function(c10::QualifiedName(name));
        if (function == nullptr || function->getSchema().arguments().size() != 3) {
            return false;
        }
        const std::vector<c10::Argument>& given = function->getSchema().arguments();
        return *given[0].type() == *c10::ListType::ofTensors() && *given[1].type() == *c10::ListType::ofStrings() &&
               *given[2].type() == *c10::ListType::ofStrings();
    }

    Result<std::vector<TensorView>> run(const ScriptCall& call, const std::vector<TensorView>& inputs) override {
        try {
            const c10::InferenceMode inference;
            use_threads(0);
            torch::jit::Function* function = unit_->find_function(c10::QualifiedName(call.function));
            if (function == nullptr) {
                return fail("function {} does not exist in the script", call.function);
            }
            Arguments arguments(function->getSchema(), call, inputs, device_, writers_.count(call.function) != 0);
            const c10::IValue result = (*function)(arguments.all());
            std::vector<TensorView> outputs;
            if (!result.isNone()) {
                collect(result, outputs);
            }
            return outputs;
        } catch (const std::exception& e) {
            return Error{one_line(e), {}};
        } catch (...) {
            return Error{"the function failed in an unknown way", {}};
        }
    }

   private:
    const std::shared_ptr<torch::jit::CompilationUnit> unit_;
    const at::Device device_;
    std::vector<std::string> names_;
    std::unordered_set<std::string> writers_;  // the functions that may write into their inputs
};

}  // namespace

Result<std::shared_ptr<Script>> compile_script(const std::string& source, at::Device device) {
    try {
        // The compiler wants the last line to end.
        auto script = std::make_shared<TorchScript>(torch::jit::compile(source + "\n"), device);
        return script->functions().empty() ? Result<std::shared_ptr<Script>>(fail("the script has no function"))
                                           : Result<std::shared_ptr<Script>>(std::move(script));
    } catch (const std::exception& e) {
        return Error{compiler_error(e), {}};
    } catch (...) {
        return Error{"the script cannot be compiled", {}};
    }
}

}  // namespace inferstep
