// In what order points run: matrix.hpp.
#include <numeric>
#include <random>

#include "sweep/matrix.hpp"

namespace inferstep::sweep {
namespace {

// A number below `limit`, the same everywhere: what the standard library makes of a generator differs from one to the
// next. Numbers that would make the first ones likelier are drawn again.
std::uint64_t draw(std::mt19937_64& generator, std::uint64_t limit) {
    const std::uint64_t fair = std::mt19937_64::max() - (std::mt19937_64::max() % limit + 1) % limit;
    std::uint64_t number = generator();
    while (number > fair) {
        number = generator();
    }
    return number % limit;
}

void shuffle(std::vector<std::size_t>& items, std::mt19937_64& generator) {
    for (std::size_t i = items.size(); i > 1; --i) {
        std::swap(items[i - 1], items[draw(generator, i)]);
    }
}

}  // namespace

std::vector<std::size_t> running_order(const Battery& battery, std::size_t count) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (!battery.random) {
        return order;
    }
    const auto warmups = static_cast<std::size_t>(battery.warmups);
    const auto repeats = static_cast<std::size_t>(battery.repeats);
    std::mt19937_64 generator(battery.seed);
    order.clear();
    for (std::size_t round = 0; round < repeats; ++round) {
        std::vector<std::size_t> combinations(count / (warmups + repeats));
        std::iota(combinations.begin(), combinations.end(), std::size_t{0});
        shuffle(combinations, generator);
        for (const std::size_t combination : combinations) {
            const std::size_t first = combination * (warmups + repeats);
            for (std::size_t warmup = 0; round == 0 && warmup < warmups; ++warmup) {
                order.push_back(first + warmup);
            }
            order.push_back(first + warmups + round);
        }
    }
    return order;
}

}  // namespace inferstep::sweep
