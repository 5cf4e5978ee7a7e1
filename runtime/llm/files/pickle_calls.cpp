// What of torch a pickle may refer to: by these names, and none of them is ever called.
#include "core/text.hpp"
#include "llm/files/pickle_machine.hpp"

namespace inferstep::llm::pickled {
namespace {

constexpr std::string_view kDict = "collections.OrderedDict";
constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

}  // namespace

void PickleMachine::find_global(std::string_view module, std::string_view name) {
    std::string whole = as_utf8(fmt::format("{}.{}", module, name));
    const bool storage = module == "torch" && name.ends_with("Storage");
    if (status_ && whole != kDict && whole != kTensor && whole != kParameter && !storage) {
        status_ =
            fail("{}: its pickle asks for {}, which is never called: a model's file holds tensors and nothing else",
                 where_, whole);
        return;
    }
    push(Global{std::move(whole)});
}

// ("storage", torch.HalfStorage, "17", "cpu", elements)
void PickleMachine::load_storage() {
    const Tuple* const id = as<Tuple>(pop());
    if (id == nullptr || id->items.size() != 5) {
        return wrong("a persistent id is none of a storage");
    }
    const auto* const word = as<std::string>(id->items[0]);
    const auto* const kind = as<Global>(id->items[1]);
    const auto* const key = as<std::string>(id->items[2]);
    const auto* const elements = as<std::int64_t>(id->items[4]);
    constexpr std::string_view kModule = "torch.";
    if (word == nullptr || *word != "storage" || kind == nullptr || !kind->name.ends_with("Storage") ||
        key == nullptr || elements == nullptr || *elements < 0) {
        return wrong("a persistent id is none of a storage");
    }
    push(Storage{kind->name.substr(kModule.size()), as_utf8(*key), static_cast<std::uint64_t>(*elements)});
}

std::optional<std::vector<std::int64_t>> PickleMachine::numbers(Ref ref) {
    const Tuple* const tuple = as<Tuple>(ref);
    constexpr std::size_t kMostDimensions = 8;
    if (tuple == nullptr || tuple->items.size() > kMostDimensions) {
        return std::nullopt;
    }
    std::vector<std::int64_t> all;
    for (const Ref item : tuple->items) {
        const auto* const value = as<std::int64_t>(item);
        if (value == nullptr || *value < 0) {
            return std::nullopt;
        }
        all.push_back(*value);
    }
    return all;
}

// (storage, offset, shape, strides, requires_grad, hooks)
void PickleMachine::rebuild_tensor(const std::vector<Ref>& arguments) {
    if (arguments.size() < 6) {
        return wrong("a tensor is built out of too little");
    }
    const auto* const storage = as<Storage>(arguments[0]);
    const auto* const offset = as<std::int64_t>(arguments[1]);
    auto shape = numbers(arguments[2]);
    auto strides = numbers(arguments[3]);
    if (storage == nullptr || offset == nullptr || *offset < 0 || !shape || !strides ||
        shape->size() != strides->size()) {
        return wrong("a tensor is built out of something else than a storage, an offset, a shape and strides");
    }
    PickledTensor tensor;
    tensor.storage = storage->key;
    tensor.storage_class = storage->kind;
    tensor.elements = storage->elements;
    tensor.offset = static_cast<std::uint64_t>(*offset);
    tensor.shape = std::move(*shape);
    tensor.strides = std::move(*strides);
    push(std::move(tensor));
}

void PickleMachine::reduce() {
    const Tuple* const arguments = as<Tuple>(pop());
    const Global* const callable = as<Global>(pop());
    if (arguments == nullptr || callable == nullptr) {
        return wrong("a call without callable or arguments");
    }
    const std::vector<Ref> items = arguments->items;
    if (callable->name == kDict && items.empty()) {
        push(Dict{});
    } else if (callable->name == kTensor) {
        rebuild_tensor(items);
    } else if (callable->name == kParameter && !items.empty() && as<PickledTensor>(items[0]) != nullptr) {
        stack_.push_back(items[0]);
    } else {
        wrong(fmt::format("{} is called with other arguments than torch.save gives it", callable->name));
    }
}

}  // namespace inferstep::llm::pickled
