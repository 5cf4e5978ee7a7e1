// Pictures of plans: readable, complete, well-formed.
#include <sstream>

#include "check.hpp"
#include "place/blocks.hpp"
#include "place/draw.hpp"
#include "place/marks.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

Plan planned(const Topology& topology, const std::vector<CpuSet>& tasks, const PlanRequest& request) {
    Result<Plan> result = plan(topology, tasks, request);
    CHECK_IN(result ? "" : result.error().message, result);
    return result ? std::move(*result) : Plan{};
}

void small_machine_looks_like_this() {
    const Topology t = machine("1socket");
    const Plan plan = planned(t, {cpus("0-2"), cpus("3-5"), cpus("3-5")}, {1, 1, true, false});
    CHECK_EQ(draw_text(t, plan),
             "1 package, 1 NUMA domain, 8 cores, 8 CPUs; the step has 6 CPUs\n"
             "package 0\n"
             "  NUMA 0: CPUs 0-7\n"
             "       0  0  0  *  * D0  .  .\n"
             "\n"
             "   D0 database 0, NUMA 0: CPUs 5; tasks 0-2\n"
             "    0 task 0: CPUs 0-2; database 0\n"
             "    * tasks 1-2: CPUs 3-4; database 0\n"
             "    . not in the step\n");
}

void threads_are_drawn_where_they_differ() {
    const Topology t = machine("2socket-smt");
    const std::string whole = draw_text(t, planned(t, {all_cpus(t)}, {1, 2, true, false}));
    CHECK(whole.find("\n       0  0  0  0  0  0  0  0  0  0  0  0  0  0  0 D0\npackage 1\n") != std::string::npos);
    const std::string split = draw_text(t, planned(t, {cpus("0,32")}, {1, 1, true, false}));
    CHECK(split.find("\n       0  .  .") != std::string::npos && split.find("\n      D0  .  .") != std::string::npos);
}

void no_line_is_wider_than_a_screen() {
    for (const std::string& name : machines()) {
        const Topology t = machine(name);
        for (const int tasks : {1, 4, 14}) {
            const auto blocks = split_into_blocks(t, all_cpus(t), std::min(tasks, static_cast<int>(t.cpus.size())));
            if (!CHECK(blocks)) {
                return;
            }
            const std::string text = draw_text(t, planned(t, *blocks, {tasks > 1 ? 2 : 1, 0, true, true}));
            std::istringstream lines(text);
            for (std::string line; std::getline(lines, line);) {
                CHECK_IN(name + ": " + line, line.size() <= 100 && (line.empty() || line.back() != ' '));
            }
        }
    }
}

// Every opened element is closed, in order, and no text breaks out of it.
std::string broken_xml(const std::string& text) {
    std::vector<std::string> open;
    for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
        const std::size_t end = text.find('>', at);
        if (end == std::string::npos) {
            return "a tag does not end";
        }
        const std::string tag = text.substr(at + 1, end - at - 1);
        const std::string name = tag.substr(0, tag.find(' '));
        if (tag.find('<') != std::string::npos) {
            return "a tag in a tag: " + tag;
        }
        if (name[0] != '/' && tag.back() != '/') {
            open.push_back(name);
        } else if (name[0] == '/' && (open.empty() || open.back() != name.substr(1))) {
            return "closed without being open: " + name;
        } else if (name[0] == '/') {
            open.pop_back();
        }
    }
    return open.empty() ? "" : "never closed: " + open.back();
}

int count(const std::string& text, const std::string& part) {
    int n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++n;
    }
    return n;
}

void drawings_are_complete() {
    for (const std::string& name : machines()) {
        const Topology t = machine(name);
        Plan plan = planned(t, {all_cpus(t), t.domains[0].cpus}, {2, 0, true, true});
        plan.notes.push_back("a <note> & more");
        const std::string svg = draw_svg(t, plan);
        CHECK_IN(name + ": " + broken_xml(svg), broken_xml(svg).empty());
        CHECK_IN(name, count(svg, "<title>CPU ") == static_cast<int>(t.cpus.size()));
        CHECK_IN(name, count(svg, ">GPU ") == static_cast<int>(t.gpus.size()));
        CHECK_IN(name, count(svg, "a &lt;note&gt; &amp; more") == 1);
        int of_databases = 0;
        for (const PlannedInstance& instance : plan.instances) {
            of_databases += instance.cpus.count();
        }
        CHECK_IN(name, count(svg, ">D0<") + count(svg, ">D1<") == of_databases + 2);
    }
}

void json_has_the_plan() {
    const Topology t = machine("8gpu");
    const Result<Json> json =
        Json::parse(plan_json(t, planned(t, {cpus("0-31"), cpus("32-63,96-127")}, {2, 3, true, true})).dump(), "plan");
    if (!CHECK(json)) {
        return;
    }
    CHECK_EQ(json->text("cpus"), "0-63,96-127");
    const std::vector<Json> instances = json->copy_of("instances").items();
    const std::vector<Json> tasks = json->copy_of("tasks").items();
    if (!CHECK(instances.size() == 2 && tasks.size() == 2)) {
        return;
    }
    CHECK_EQ(instances[1].text("gpus"), "4-7");
    CHECK_EQ(instances[1].text("cpus"), "63,127");
    CHECK_EQ(instances[1].text("tasks"), "1");
    CHECK_EQ(instances[0].number("numa"), 0.0);
    CHECK_EQ(tasks[0].text("before"), "0-31");
    CHECK_EQ(tasks[0].text("after"), "0-30");
    CHECK_EQ(tasks[1].number("instance"), 1.0);
    CHECK_EQ(json->copy_of("gpus").items().size(), 8U);
    CHECK_EQ(json->copy_of("domains").items()[1].text("cpus"), "32-63,96-127");
    CHECK_EQ(json->copy_of("notes").items().size(), 0U);
}

void lists_and_lines() {
    CHECK_EQ(number_list({}), "");
    CHECK_EQ(number_list({4}), "4");
    CHECK_EQ(number_list({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
    CHECK_EQ(fmt::format("{}", fmt::join(wrapped("one,two three", 8), "|")), "one,two|three");
    CHECK_EQ(fmt::format("{}", fmt::join(wrapped("indivisible", 4), "|")), "indivisible");
}

CU_TestInfo kTests[] = {{"a small machine looks like this", small_machine_looks_like_this},
                        {"hardware threads are drawn where they differ", threads_are_drawn_where_they_differ},
                        {"no line is wider than a screen", no_line_is_wider_than_a_screen},
                        {"drawings are well-formed and complete", drawings_are_complete},
                        {"JSON has the plan", json_has_the_plan},
                        {"lists and lines", lists_and_lines},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kDrawSuite = suite("draw", kTests);

}  // namespace inferstep::test
