// Runs the unit tests and prints TAP. See suites.hpp for how to add one.
#include <cstdio>
#include <string>
#include <vector>

#include "check.hpp"
#include "suites.hpp"

namespace {

struct Named {
    CU_pSuite suite;
    CU_pTest test;
    std::string name;
};

std::vector<Named> chosen(const std::string& word) {
    std::vector<Named> all;
    for (CU_pSuite suite = CU_get_registry()->pSuite; suite != nullptr; suite = suite->pNext) {
        for (CU_pTest test = suite->pTest; test != nullptr; test = test->pNext) {
            std::string name = std::string(suite->pName) + ": " + test->pName;
            if (name.find(word) != std::string::npos) {
                all.push_back({suite, test, std::move(name)});
            }
        }
    }
    return all;
}

bool run(const Named& one, std::size_t number) {
    CU_run_test(one.suite, one.test);
    const bool passed = CU_get_number_of_failure_records() == 0 && CU_get_number_of_asserts() > 0;
    std::printf("%s %zu - %s\n", passed ? "ok" : "not ok", number, one.name.c_str());
    if (CU_get_number_of_asserts() == 0) {
        std::printf("# it checked nothing\n");
    }
    for (CU_pFailureRecord f = CU_get_failure_list(); f != nullptr; f = f->pNext) {
        std::printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
    }
    std::fflush(stdout);
    return passed;
}

}  // namespace

int main(int argc, char** argv) {
    CU_set_error_action(CUEA_IGNORE);
    if (CU_initialize_registry() != CUE_SUCCESS) {
        std::fprintf(stderr, "CUnit does not start: %s\n", CU_get_error_msg());
        return 1;
    }
    for (CU_SuiteInfo* suite : inferstep::test::kSuites) {
        CU_SuiteInfo list[] = {*suite, CU_SUITE_INFO_NULL};
        if (CU_register_suites(list) != CUE_SUCCESS) {
            std::fprintf(stderr, "suite %s cannot be registered: %s\n", suite->pName, CU_get_error_msg());
            return 1;
        }
    }
    const std::vector<Named> tests = chosen(argc > 1 ? argv[1] : "");
    std::printf("1..%zu\n", tests.size());
    std::fflush(stdout);
    bool good = !tests.empty();
    for (std::size_t i = 0; i < tests.size(); ++i) {
        good = run(tests[i], i + 1) && good;
    }
    CU_cleanup_registry();
    return good ? 0 : 1;
}
