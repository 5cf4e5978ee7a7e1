// Assertions for the unit tests, on CUnit's. None leaves the test function: a check is an expression that tells whether
// it held, so that a test can stop in good order:  if (!CHECK(result)) return;
#pragma once

#include <CUnit/CUnit.h>
#include <fmt/format.h>

#include <cstdlib>
#include <string>

// `condition` is true.
#define CHECK(condition) inferstep::test::check(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
// The same, with words that say in which of many cases it failed.
#define CHECK_IN(context, condition) \
    inferstep::test::check_in((context), static_cast<bool>(condition), #condition, __FILE__, __LINE__)
// Two values that fmt can print are equal.
#define CHECK_EQ(actual, expected) inferstep::test::check_equal((actual), (expected), #actual, __FILE__, __LINE__)
// A Result or Status is an error whose message contains `words`.
#define CHECK_FAILS(result, words) inferstep::test::check_fails((result), (words), #result, __FILE__, __LINE__)

namespace inferstep::test {

inline bool check(bool holds, const char* text, const char* file, int line) {
    return CU_assertImplementation(holds ? CU_TRUE : CU_FALSE, static_cast<unsigned>(line), text, file, "", CU_FALSE) !=
           CU_FALSE;
}

inline bool check_in(const std::string& context, bool holds, const char* text, const char* file, int line) {
    return check(holds, holds ? text : fmt::format("{}: {}", context, text).c_str(), file, line);
}

template <typename Actual, typename Expected>
bool check_equal(const Actual& actual, const Expected& expected, const char* text, const char* file, int line) {
    const bool same = actual == expected;
    return check(same, same ? text : fmt::format("{} is '{}', not '{}'", text, actual, expected).c_str(), file, line);
}

template <typename Result>
bool check_fails(const Result& result, const std::string& words, const char* text, const char* file, int line) {
    if (result) {
        return check(false, fmt::format("{} succeeds instead of failing with '{}'", text, words).c_str(), file, line);
    }
    const std::string& message = result.error().message;
    const bool found = message.find(words) != std::string::npos;
    return check(found, found ? text : fmt::format("{} says '{}', not '{}'", text, message, words).c_str(), file, line);
}

// A suite out of its name and its table of tests, {"what is so", function}, which ends with CU_TEST_INFO_NULL.
inline CU_SuiteInfo suite(const char* name, CU_TestInfo* tests) {
    return {name, nullptr, nullptr, nullptr, nullptr, tests};
}

// A file of the source tree, such as tests/topo/8gpu.xml.
inline std::string source_path(const std::string& relative) {
    const char* top = std::getenv("INFERSTEP_TOP");
    return (top != nullptr ? std::string(top) : std::string(".")) + "/" + relative;
}

}  // namespace inferstep::test
