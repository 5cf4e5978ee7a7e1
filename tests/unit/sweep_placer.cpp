// Which nodes points get: whole ones, disjoint, and all that fit at once.
#include <random>
#include <set>

#include "check.hpp"
#include "suites.hpp"
#include "sweep/placer.hpp"

namespace inferstep::test {
namespace {

using sweep::Placer;
using sweep::Places;
using sweep::Wish;
using Names = std::vector<std::string>;

Wish wish(int step, int database = 0, Names step_hosts = {}, Names database_hosts = {}) {
    return {step, database, std::move(step_hosts), std::move(database_hosts)};
}

void nodes_are_given_in_order_and_come_back() {
    Placer placer({"a", "b", "c", "d"});
    const auto first = placer.take(wish(2));
    const auto second = placer.take(wish(1, 1));
    if (!CHECK(first && second)) {
        return;
    }
    CHECK(first->step == Names({"a", "b"}));
    CHECK(second->step == Names({"c"}) && second->database == Names({"d"}));
    CHECK(!placer.take(wish(1)));
    placer.give_back(*first);
    CHECK(!placer.take(wish(3)));
    CHECK(placer.take(wish(2))->step == Names({"a", "b"}));
}

void named_hosts_are_kept_for_who_names_them() {
    Placer placer({"a", "b", "c", "d"});
    const auto point = placer.take(wish(2, 1, {}, {"a"}));
    CHECK(point && point->database == Names({"a"}) && point->step == Names({"b", "c"}));
    CHECK(!placer.take(wish(1, 0, {"c"})));
    CHECK(placer.take(wish(1, 0, {"d"}))->step == Names({"d"}));
    CHECK(placer.fits(wish(1, 0, {"c"})));
    CHECK(!placer.fits(wish(1, 0, {"x"})));
    CHECK(!placer.fits(wish(4, 1)));
    CHECK(!placer.fits(wish(4, 1, {}, {"a"})));
    CHECK(placer.fits(wish(3, 1, {}, {"a"})));
}

void nodes_that_went_are_given_to_nobody() {
    Placer placer({"a", "b", "c"});
    const auto point = placer.take(wish(2));
    placer.change_to({"b", "c"});
    CHECK(!placer.fits(wish(3)));
    CHECK(placer.take(wish(1))->step == Names({"c"}));
    placer.give_back(*point);
    CHECK(placer.take(wish(1))->step == Names({"b"}));
    CHECK(!placer.take(wish(1)));
}

void adopted_points_keep_their_nodes() {
    Placer placer({"a", "b"});
    placer.reserve({"b", "elsewhere"});
    CHECK(placer.take(wish(1))->step == Names({"a"}));
    CHECK(!placer.take(wish(1)));
}

// Whatever comes and goes: nobody shares, nobody gets less than it wished.
void nobody_ever_shares() {
    std::mt19937 random(7);
    Placer placer({"a", "b", "c", "d", "e", "f"});
    std::vector<Places> held;
    std::multiset<std::string> used;
    for (int i = 0; i < 5000; ++i) {
        if (random() % 2 == 0 && !held.empty()) {
            const std::size_t which = random() % held.size();
            for (const std::string& name : held[which].all()) {
                used.erase(name);
            }
            placer.give_back(held[which]);
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
            continue;
        }
        const int step = 1 + static_cast<int>(random() % 4);
        const int database = static_cast<int>(random() % 3);
        const auto places = placer.take(wish(step, database));
        CHECK_IN(fmt::format("round {}", i),
                 places.has_value() == (6 - static_cast<int>(used.size()) >= step + database));
        if (places) {
            CHECK(static_cast<int>(places->step.size()) == step &&
                  static_cast<int>(places->database.size()) == database);
            for (const std::string& name : places->all()) {
                used.insert(name);
                CHECK_IN(name, used.count(name) == 1);
            }
            held.push_back(*places);
        }
    }
}

CU_TestInfo kTests[] = {{"nodes are given in order and come back", nodes_are_given_in_order_and_come_back},
                        {"named hosts are kept for who names them", named_hosts_are_kept_for_who_names_them},
                        {"nodes that went are given to nobody", nodes_that_went_are_given_to_nobody},
                        {"adopted points keep their nodes", adopted_points_keep_their_nodes},
                        {"nobody ever shares", nobody_ever_shares},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kPlacerSuite = suite("placer", kTests);

}  // namespace inferstep::test
