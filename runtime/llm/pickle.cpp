#include "llm/pickle.hpp"

#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "core/text.hpp"

namespace inferstep::llm {
namespace {

// Values lie in one heap and refer to each other by number: whatever a pickle builds, also a dict that holds itself, is
// freed at once and without recursion.
using Ref = std::uint32_t;
struct None {};
struct Mark {};
struct Global {
    std::string name;
};
struct Tuple {
    std::vector<Ref> items;
};
struct Dict {
    std::vector<std::pair<Ref, Ref>> items;
};
struct Storage {
    std::string kind;
    std::string key;
    std::uint64_t elements = 0;
};
using Value =
    std::variant<None, Mark, bool, std::int64_t, double, std::string, Global, Tuple, Dict, Storage, PickledTensor>;

constexpr std::size_t kMostValues = 10'000'000;

class Machine {
   public:
    Machine(std::string_view pickle, const std::string& where) : rest_(pickle), where_(where) {}

    Result<std::vector<PickledTensor>> run() {
        while (status_ && !stopped_) {
            step(number<std::uint8_t>());
            if (heap_.size() > kMostValues) {
                wrong("it has more values than any model");
            }
        }
        if (!status_) {
            return status_.error();
        }
        const Dict* const state = stack_.size() == 1 ? std::get_if<Dict>(&heap_[stack_.back()]) : nullptr;
        if (state == nullptr) {
            return fail("{}: its pickle builds no dict of tensors", where_);
        }
        std::vector<PickledTensor> tensors;
        for (const auto& [key, value] : state->items) {
            const auto* const name = std::get_if<std::string>(&heap_[key]);
            const auto* const tensor = std::get_if<PickledTensor>(&heap_[value]);
            if (name != nullptr && tensor != nullptr) {
                tensors.push_back(*tensor);
                tensors.back().name = as_utf8(*name);
            }
        }
        return tensors;
    }

   private:
    void step(std::uint8_t opcode);
    void step_number(std::uint8_t opcode);
    void step_container(std::uint8_t opcode);

    void wrong(std::string_view why) {
        if (status_) {
            status_ = fail("{}: its pickle is damaged, or not torch.save's: {}", where_, why);
        }
    }

    // --- Bytes of the pickle
    std::string_view bytes(std::uint64_t count) {
        if (count > rest_.size()) {
            wrong("it ends in the middle");
            return {};
        }
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }
    template <typename T>
    T number() {
        T value{};
        const std::string_view from = bytes(sizeof value);
        from.copy(reinterpret_cast<char*>(&value), sizeof value);
        return value;
    }
    std::string_view line() {
        const std::string_view text = bytes(std::min(rest_.find('\n'), rest_.size()));
        bytes(1);
        return text;
    }

    // --- The stack
    void push(Value value) {
        heap_.push_back(std::move(value));
        stack_.push_back(static_cast<Ref>(heap_.size() - 1));
    }
    Ref pop() {
        if (stack_.empty()) {
            wrong("a value is taken where none is");
            return 0;  // the heap's first is None
        }
        const Ref top = stack_.back();
        stack_.pop_back();
        return top;
    }
    template <typename T>
    T* as(Ref ref) {
        return std::get_if<T>(&heap_[ref]);
    }
    std::vector<Ref> pop_to_mark() {
        std::vector<Ref> items;
        while (!stack_.empty() && as<Mark>(stack_.back()) == nullptr) {
            items.push_back(pop());
        }
        pop();
        return {items.rbegin(), items.rend()};
    }
    void push_tuple(std::size_t size) {
        Tuple tuple{std::vector<Ref>(size)};
        for (std::size_t i = size; i-- > 0;) {
            tuple.items[i] = pop();
        }
        push(std::move(tuple));
    }
    void store(std::uint32_t at) {
        if (stack_.empty()) {
            return wrong("a value is noted where none is");
        }
        memo_[at] = stack_.back();
    }
    void recall(std::uint32_t at) {
        const auto found = memo_.find(at);
        if (found == memo_.end()) {
            return wrong("a value is recalled that was never noted");
        }
        stack_.push_back(found->second);
    }
    void set_items(const std::vector<Ref>& items) {
        Dict* const dict = stack_.empty() ? nullptr : as<Dict>(stack_.back());
        if (dict == nullptr || items.size() % 2 != 0) {
            return wrong("members are set in what is no dict");
        }
        for (std::size_t i = 0; i < items.size(); i += 2) {
            dict->items.emplace_back(items[i], items[i + 1]);
        }
    }

    // --- What torch.save refers to
    void find_global(std::string_view module, std::string_view name);
    void load_storage();
    void reduce();
    void rebuild_tensor(const std::vector<Ref>& arguments);
    std::optional<std::vector<std::int64_t>> numbers(Ref ref);

    std::string_view rest_;
    const std::string& where_;
    std::deque<Value> heap_{None{}};
    std::vector<Ref> stack_;
    std::map<std::uint32_t, Ref> memo_;
    Status status_ = Status::ok();
    bool stopped_ = false;
};

constexpr std::string_view kDict = "collections.OrderedDict";
constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

void Machine::find_global(std::string_view module, std::string_view name) {
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
void Machine::load_storage() {
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

std::optional<std::vector<std::int64_t>> Machine::numbers(Ref ref) {
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
void Machine::rebuild_tensor(const std::vector<Ref>& arguments) {
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

void Machine::reduce() {
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

void Machine::step(std::uint8_t opcode) {
    if (!status_) {
        return;
    }
    switch (opcode) {
        case 0x80:  // protocol
            if (number<std::uint8_t>() != 2) {
                wrong("it is of another protocol than 2");
            }
            return;
        case 'c': {  // global
            const std::string_view module = line();
            return find_global(module, line());
        }
        case 'X':  // text
            return push(std::string(bytes(number<std::uint32_t>())));
        case 'Q':  // persistent id
            return load_storage();
        case 'R':
            return reduce();
        case 'q':
            return store(number<std::uint8_t>());
        case 'r':
            return store(number<std::uint32_t>());
        case 'h':
            return recall(number<std::uint8_t>());
        case 'j':
            return recall(number<std::uint32_t>());
        case '.':
            stopped_ = true;
            return;
        default:
            return step_number(opcode);
    }
}

void Machine::step_number(std::uint8_t opcode) {
    switch (opcode) {
        case 'N':
            return push(None{});
        case 0x88:
            return push(true);
        case 0x89:
            return push(false);
        case 'K':
            return push(std::int64_t{number<std::uint8_t>()});
        case 'M':
            return push(std::int64_t{number<std::uint16_t>()});
        case 'J':
            return push(std::int64_t{number<std::int32_t>()});
        case 'G':  // a double, with its bytes the other way round
            bytes(sizeof(double));
            return push(0.0);
        case 0x8a: {  // as many bytes as needed, the last with the sign
            const std::string_view digits = bytes(number<std::uint8_t>());
            std::uint64_t value = digits.empty() || (static_cast<std::uint8_t>(digits.back()) & 0x80U) == 0 ? 0 : ~0ULL;
            if (digits.size() > sizeof value) {
                return wrong("a number has more than 64 bits");
            }
            for (std::size_t i = digits.size(); i-- > 0;) {
                value = value << 8U | static_cast<std::uint8_t>(digits[i]);
            }
            return push(static_cast<std::int64_t>(value));
        }
        default:
            return step_container(opcode);
    }
}

void Machine::step_container(std::uint8_t opcode) {
    switch (opcode) {
        case '(':
            return push(Mark{});
        case ')':
            return push(Tuple{});
        case 't':
            return push(Tuple{pop_to_mark()});
        case 0x85:
        case 0x86:
        case 0x87:
            return push_tuple(opcode - 0x84U);
        case '}':
            return push(Dict{});
        case 's': {
            const Ref value = pop();
            const Ref key = pop();
            return set_items({key, value});
        }
        case 'u':
            return set_items(pop_to_mark());
        case 'b':  // attributes of a dict (_metadata), of no use here
            if (as<Dict>(pop()) == nullptr || stack_.empty() || as<Dict>(stack_.back()) == nullptr) {
                wrong("attributes are set on what is no dict");
            }
            return;
        default:
            return wrong(fmt::format("opcode {:#04x} is none that torch.save writes", opcode));
    }
}

}  // namespace

Result<std::vector<PickledTensor>> read_state_dict(std::string_view pickle, const std::string& where) {
    return Machine(pickle, where).run();
}

}  // namespace inferstep::llm
