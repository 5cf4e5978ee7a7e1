// Words of a command line, and programs that are run for what they print.
#include <signal.h>

#include <cstdlib>

#include "check.hpp"
#include "core/clock.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void numbers_have_limits() {
    CHECK_EQ(*parse_number("--n", "1", 1, 9), 1);
    CHECK_EQ(*parse_number("--n", "9", 1, 9), 9);
    CHECK_EQ(*parse_number("--n", "-5", -9, 9), -5);
    for (const char* text : {"", " ", "a", "1a", " 1", "1 ", "+1", "1.0", "0x1", "1e1"}) {
        CHECK_FAILS(parse_number("--n", text, 1, 9), fmt::format("--n: '{}' is not a whole number; give 1 to 9", text));
    }
    for (const char* text : {"0", "10", "-1", "99999999999999999999"}) {
        CHECK_FAILS(parse_number("--n", text, 1, 9), fmt::format("--n: {} is out of range; give 1 to 9", text));
    }
}

void choices_are_listed_and_guessed() {
    CHECK_EQ(*parse_choice("--c", "two", {"one", "two"}), 1U);
    const Result<std::size_t> wrong = parse_choice("--c", "tow", {"one", "two", "three"});
    CHECK_FAILS(wrong, "--c: 'tow' is not one of one, two, three");
    CHECK_EQ(parse_choice("--c", "thre", {"one", "two", "three"}).error().hint, "did you mean three?");
    CHECK_EQ(parse_choice("--c", "zzzzzz", {"one", "two", "three"}).error().hint, "");
    CHECK_EQ(nearest("batchsiz", {"batchsize", "minbatchsize"}), "batchsize");
    CHECK_EQ(nearest("nodse", {"nodes", "tasks"}), "nodes");
    CHECK_EQ(nearest("ndoes", {"nodes", "tasks"}), "nodes");
    CHECK_EQ(nearest("nosed", {"nodes", "tasks"}), "");
    CHECK_EQ(nearest("", {"a"}), "a");
    CHECK_EQ(nearest("anything", {}), "");
}

void lists_are_split() {
    const struct {
        const char* text;
        std::vector<std::string> parts;
    } table[] = {{"", {}},        {"a", {"a"}},      {"a,b", {"a", "b"}}, {"a,,b", {"a", "", "b"}},
                 {",", {"", ""}}, {"a,", {"a", ""}}, {",a", {"", "a"}}};
    for (const auto& row : table) {
        CHECK_IN(row.text, split(row.text, ',') == row.parts);
    }
}

void options_are_named_as_the_caller_has_them() {
    const Error ours = in_own_words({"--infer-db-cpus=4 and --infer-colocate", "not --infer"});
    CHECK_EQ(ours.message, "--db-cpus=4 and --colocate");
    CHECK_EQ(ours.hint, "not --infer");
}

void programs_are_found() {
    CHECK_EQ(*find_program("/bin/sh"), "/bin/sh");
    CHECK(find_program("sh"));
    CHECK_FAILS(find_program("no-such-program-here"), "'no-such-program-here'");
    CHECK_FAILS(find_program("/etc/passwd"), "/etc/passwd is not a program");
    CHECK_FAILS(find_program("/tmp"), "/tmp is not a program");
    CHECK_FAILS(find_program(""), "''");
}

void output_is_collected() {
    const Result<Captured> both = run_capture({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10'000);
    if (!CHECK(both)) {
        return;
    }
    CHECK_EQ(both->out, "out\n");
    CHECK_EQ(both->err, "err\n");
    CHECK_EQ(both->exit_code, 3);
    CHECK_EQ(run_capture({"sh", "-c", "kill -9 $$"}, 10'000)->exit_code, 128 + SIGKILL);
    // More than a pipe holds, on both at once.
    const Result<Captured> much =
        run_capture({"sh", "-c", "head -c 300000 /dev/zero >&2 & head -c 500000 /dev/zero; wait"}, 10'000);
    CHECK(much && much->out.size() == 500'000 && much->err.size() == 300'000);
    CHECK_FAILS(run_capture({"no-such-program-here"}, 10'000), "no-such-program-here");
}

void a_silent_program_is_killed() {
    const std::int64_t start = now_ms();
    CHECK_FAILS(run_capture({"sleep", "60"}, 100), "no answer within 100 ms");
    CHECK_FAILS(run_capture({"sh", "-c", "exec >&- 2>&-; exec sleep 60"}, 100), "no answer within 100 ms");
    CHECK(now_ms() - start < 20'000);
}

void ends_are_described() {
    CHECK_EQ(describe_exit(3 << 8), "exit code 3");
    CHECK(describe_exit(SIGKILL).starts_with("signal 9 ("));
}

CU_TestInfo kTests[] = {{"numbers have limits", numbers_have_limits},
                        {"choices are listed and guessed", choices_are_listed_and_guessed},
                        {"lists are split", lists_are_split},
                        {"options are named as the caller has them", options_are_named_as_the_caller_has_them},
                        {"programs are found", programs_are_found},
                        {"output is collected", output_is_collected},
                        {"a silent program is killed", a_silent_program_is_killed},
                        {"ends are described", ends_are_described},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kWordsSuite = suite("words and programs", kTests);

}  // namespace inferstep::test
