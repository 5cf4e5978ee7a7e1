// The suites of the unit tests.
//
// To add one: write tests/unit/<name>.cpp with functions `void test()` that use check.hpp, a table of them, and last
//     CU_SuiteInfo kNameSuite = suite("name", kTests);
// then declare it here and add it to kSuites. The Makefile finds the file by itself.
// `build/tests/unit` runs all, `build/tests/unit WORD` those whose "suite: test" contains the word.
#pragma once

#include <CUnit/CUnit.h>

namespace inferstep::test {

extern CU_SuiteInfo kAdaptiveSuite;
extern CU_SuiteInfo kAllocationSuite;
extern CU_SuiteInfo kArenaSuite;
extern CU_SuiteInfo kAttachSuite;
extern CU_SuiteInfo kClaimsSuite;
extern CU_SuiteInfo kStageSuite;
extern CU_SuiteInfo kTcpSuite;
extern CU_SuiteInfo kClientBenchSuite;
extern CU_SuiteInfo kClientClusterSuite;
extern CU_SuiteInfo kClientDagSuite;
extern CU_SuiteInfo kClientLibrarySuite;
extern CU_SuiteInfo kBatterySuite;
extern CU_SuiteInfo kCommLinksSuite;
extern CU_SuiteInfo kCommWorldSuite;
extern CU_SuiteInfo kConfigSuite;
extern CU_SuiteInfo kDbNodeSuite;
extern CU_SuiteInfo kDbOptionsSuite;
extern CU_SuiteInfo kDeviceSuite;
extern CU_SuiteInfo kDrawSuite;
extern CU_SuiteInfo kFilesSuite;
extern CU_SuiteInfo kGpusSuite;
extern CU_SuiteInfo kImageSuite;
extern CU_SuiteInfo kLlmMatrixSuite;
extern CU_SuiteInfo kLlmNumaSuite;
extern CU_SuiteInfo kLlmTextSuite;
extern CU_SuiteInfo kLlmPackingSuite;
extern CU_SuiteInfo kLlmVectorSuite;
extern CU_SuiteInfo kMatrixSuite;
extern CU_SuiteInfo kJournalSuite;
extern CU_SuiteInfo kMemorySuite;
extern CU_SuiteInfo kMetricsSuite;
extern CU_SuiteInfo kModuleSettingsSuite;
extern CU_SuiteInfo kOptionsSuite;
extern CU_SuiteInfo kReadySuite;
extern CU_SuiteInfo kReportFiguresSuite;
extern CU_SuiteInfo kReportIntervalSuite;
extern CU_SuiteInfo kReportReadSuite;
extern CU_SuiteInfo kReportPlotsSuite;
extern CU_SuiteInfo kReportPartsSuite;
extern CU_SuiteInfo kRequestSuite;
extern CU_SuiteInfo kPartitionSuite;
extern CU_SuiteInfo kPipelineSuite;
extern CU_SuiteInfo kSchedulerSuite;
extern CU_SuiteInfo kModelFilesSuite;
extern CU_SuiteInfo kTorchFilesSuite;
extern CU_SuiteInfo kGgufSuite;
extern CU_SuiteInfo kPlacerSuite;
extern CU_SuiteInfo kPlanPropertiesSuite;
extern CU_SuiteInfo kPlanSuite;
extern CU_SuiteInfo kQueueSuite;
extern CU_SuiteInfo kRunawaySuite;
extern CU_SuiteInfo kSamplingSuite;
extern CU_SuiteInfo kScheduleSuite;
extern CU_SuiteInfo kSlotsSuite;
extern CU_SuiteInfo kSpawnSuite;
extern CU_SuiteInfo kTopologySuite;
extern CU_SuiteInfo kValuesSuite;
extern CU_SuiteInfo kWordsSuite;

#ifdef INFERSTEP_SUITES  // a program of few suites and the parts that they test; see tests/rules.mk
inline CU_SuiteInfo* const kSuites[] = {INFERSTEP_SUITES};
#else
inline CU_SuiteInfo* const kSuites[] = {
    &kReportPlotsSuite,    &kValuesSuite,      &kFilesSuite,         &kSpawnSuite,          &kWordsSuite,
    &kDbOptionsSuite,      &kDbNodeSuite,      &kTopologySuite,      &kPlanSuite,           &kPlanPropertiesSuite,
    &kDrawSuite,           &kOptionsSuite,     &kRequestSuite,       &kClientLibrarySuite,  &kClientBenchSuite,
    &kImageSuite,          &kQueueSuite,       &kAdaptiveSuite,      &kScheduleSuite,       &kRunawaySuite,
    &kModuleSettingsSuite, &kSlotsSuite,       &kAttachSuite,        &kClientDagSuite,      &kArenaSuite,
    &kClientClusterSuite,  &kMemorySuite,      &kMetricsSuite,       &kAllocationSuite,     &kClaimsSuite,
    &kGpusSuite,           &kTcpSuite,         &kReportFiguresSuite, &kReportIntervalSuite, &kReportReadSuite,
    &kReadySuite,          &kConfigSuite,      &kMatrixSuite,        &kJournalSuite,        &kPlacerSuite,
    &kBatterySuite,        &kReportPartsSuite, &kPartitionSuite,     &kSamplingSuite,       &kLlmMatrixSuite,
    &kLlmPackingSuite,     &kLlmVectorSuite,   &kCommLinksSuite,     &kCommWorldSuite,      &kPipelineSuite,
    &kSchedulerSuite,      &kModelFilesSuite,  &kStageSuite,         &kLlmTextSuite,        &kDeviceSuite,
    &kTorchFilesSuite,     &kGgufSuite,        &kLlmNumaSuite,
};
#endif

}  // namespace inferstep::test
