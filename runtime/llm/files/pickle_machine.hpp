// The interpreter behind llm/files/pickle.hpp: a stack, a memo, and the bytes still to be read. The first thing that is
// wrong ends it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "llm/files/pickle.hpp"

namespace inferstep::llm::pickled {

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

class PickleMachine {
   public:
    PickleMachine(std::string_view pickle, const std::string& where) : rest_(pickle), where_(where) {}

    Result<std::vector<PickledTensor>> run();

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

}  // namespace inferstep::llm::pickled
