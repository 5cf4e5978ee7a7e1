#include "emulation.hpp"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

EmulatedIndex threadIdx;
EmulatedIndex blockIdx;

namespace inferstep::test {

namespace {

constexpr int kLanes = 32;
constexpr std::size_t kGiven = 32;  // bytes of one lane
constexpr std::size_t kStack = std::size_t{64} << 10U;

// Waits of a block or a warp: the last one to arrive begins the next generation.
struct Barrier {
    int members = 0;
    int arrived = 0;
    unsigned generation = 0;
};

struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStack);
    const Barrier* waits = nullptr;
    unsigned for_end_of = 0;
    bool done = false;
};

struct Warp {
    Barrier barrier;
    std::array<std::array<unsigned char, kLanes * kGiven>, 2> given{};
};

struct Block {
    ucontext_t scheduler{};
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    Barrier barrier;
    const std::function<void()>* kernel = nullptr;
};

Block block;

void body() {
    (*block.kernel)();
    block.fibers[threadIdx.x].done = true;
}

void arrive(Barrier& barrier) {
    if (++barrier.arrived == barrier.members) {
        barrier.arrived = 0;
        barrier.generation++;
        return;
    }
    Fiber& me = block.fibers[threadIdx.x];
    me.waits = &barrier;
    me.for_end_of = barrier.generation;
    swapcontext(&me.context, &block.scheduler);
}

void begin(Fiber& fiber) {
    fiber.done = false;
    fiber.waits = nullptr;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = &block.scheduler;
    makecontext(&fiber.context, body, 0);
}

void run_block(int threads) {
    block.barrier = {threads, 0, 0};
    for (Warp& warp : block.warps) {
        warp.barrier = {kLanes, 0, 0};
    }
    for (int i = 0; i < threads; i++) {
        begin(block.fibers[static_cast<std::size_t>(i)]);
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < threads; i++) {
            Fiber& fiber = block.fibers[static_cast<std::size_t>(i)];
            if (fiber.done || (fiber.waits != nullptr && fiber.waits->generation == fiber.for_end_of)) {
                continue;
            }
            fiber.waits = nullptr;
            threadIdx.x = static_cast<unsigned>(i);
            swapcontext(&block.scheduler, &fiber.context);
            moved = true;
        }
    }
}

}  // namespace

void emulate(int grid_x, int grid_y, int threads, const std::function<void()>& kernel) {
    block.kernel = &kernel;
    block.fibers.resize(std::max(block.fibers.size(), static_cast<std::size_t>(threads)));
    block.warps.resize(std::max(block.warps.size(), static_cast<std::size_t>(threads / kLanes)));
    for (int y = 0; y < grid_y; y++) {
        for (int x = 0; x < grid_x; x++) {
            blockIdx = {static_cast<unsigned>(x), static_cast<unsigned>(y), 0};
            run_block(threads);
            for (int i = 0; i < threads; i++) {
                if (!block.fibers[static_cast<std::size_t>(i)].done) {  // a barrier that not all reach hangs a GPU
                    std::abort();
                }
            }
        }
    }
}

void wait_for_block() { arrive(block.barrier); }

const unsigned char* exchange(const void* mine, std::size_t bytes) {
    Warp& warp = block.warps[threadIdx.x / kLanes];
    auto& given = warp.given[warp.barrier.generation % 2];
    std::memcpy(&given[threadIdx.x % kLanes * kGiven], mine, bytes);
    arrive(warp.barrier);
    return given.data();
}

}  // namespace inferstep::test
