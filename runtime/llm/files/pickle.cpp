#include "llm/files/pickle.hpp"

#include <set>

#include "core/text.hpp"
#include "llm/files/pickle_machine.hpp"

namespace inferstep::llm {
namespace pickled {
namespace {

constexpr std::size_t kMostValues = 10'000'000;

}  // namespace

Result<std::vector<PickledTensor>> PickleMachine::run() {
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
    std::set<std::string_view> names;
    for (const auto& [key, value] : state->items) {
        const auto* const name = std::get_if<std::string>(&heap_[key]);
        const auto* const tensor = std::get_if<PickledTensor>(&heap_[value]);
        if (name != nullptr && tensor != nullptr) {
            if (!names.insert(*name).second) {
                return fail("{}: tensor {} is there twice", where_, as_utf8(*name));
            }
            tensors.push_back(*tensor);
            tensors.back().name = as_utf8(*name);
        }
    }
    return tensors;
}

void PickleMachine::step(std::uint8_t opcode) {
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

void PickleMachine::step_number(std::uint8_t opcode) {
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

void PickleMachine::step_container(std::uint8_t opcode) {
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

}  // namespace pickled

Result<std::vector<PickledTensor>> read_state_dict(std::string_view pickle, const std::string& where) {
    return pickled::PickleMachine(pickle, where).run();
}

}  // namespace inferstep::llm
