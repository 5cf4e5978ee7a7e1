// From a battery to its points: the product of the matrix, what is excluded and included, repeats and warm-ups, and
// the texts with their placeholders replaced.
//
// The first parameter of the matrix changes slowest. `exclude` takes combinations of the product away: all those that
// have the values named. `include` adds combinations behind them; what an entry does not name takes each of its values
// in the matrix. Every combination has its warm-ups and repeats one behind the other, and ids in this order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

constexpr std::uint64_t kManyPoints = 10'000;   // somebody is asked first
constexpr std::uint64_t kMostPoints = 200'000;  // more are refused

// How many points there are, warm-ups included, and why: "nodes 3 x batch 4, 3 repeats, 1 warm-up". Nothing is
// allocated for it. Error: more than kMostPoints, or none.
struct Count {
    std::uint64_t combinations = 0;
    std::uint64_t points = 0;
    std::string why;
};
Result<Count> count_points(const Battery& battery);

// All points, by id. Errors: two combinations that are the same, a number that is none, a placeholder without a value.
Result<std::vector<Point>> make_points(const Battery& battery);

// The indices of `count` points in the order of running. `listed`: as they stand. `random`: round by round, each round
// one repeat of every combination and shuffled on its own, so that no combination has all of a machine's bad minutes;
// warm-ups directly before the first repeat of theirs. The same seed gives the same order on every machine.
std::vector<std::size_t> running_order(const Battery& battery, std::size_t count);

// {run_dir} and {point_dir} have no value before the run has a directory: until this is called they stand as marks in
// the texts of the points. `run` is the absolute path.
void set_run_directory(std::vector<Point>& points, const std::string& run);

// Battery::prepare with its placeholders replaced.
std::vector<std::vector<std::string>> prepare_commands(const Battery& battery, const std::string& run);

// "nodes=4 strategy=ddp", as messages and tables have it.
std::string describe(const Parameters& parameters);

}  // namespace inferstep::sweep
