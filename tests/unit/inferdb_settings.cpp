// What the module is told when it is loaded, the words of its commands, and the table of networks.
#include "check.hpp"
#include "inferdb/args.hpp"
#include "inferdb/settings.hpp"
#include "vision/resnet_spec.hpp"

namespace inferstep::test {
namespace {

void reads_settings() {
    const auto parsed = parse_settings({"tpq", "4", "THREADS", "2", "DEVICE", "GPU", "MAXQUEUE", "7", "MAXTENSOR", "8",
                                        "OPTIMIZE", "no", "MAXBATCH", "9", "MAXRUN", "0", "TRUSTSOCKET", "yes"});
    if (!CHECK(parsed)) {
        return;
    }
    CHECK_EQ(parsed->workers, 4);
    CHECK_EQ(parsed->threads, 2);
    CHECK(parsed->device == DeviceChoice::gpu);
    CHECK_EQ(parsed->max_queue, 7U);
    CHECK_EQ(parsed->max_tensor, 8U);
    CHECK(!parsed->optimize);
    CHECK(parsed->trust_socket);
    CHECK_EQ(parsed->max_batch, 9);
    CHECK_EQ(parsed->max_run_s, 0);
    const auto theirs =
        parse_settings({"THREADS_PER_QUEUE", "3", "INTRA_OP_PARALLELISM", "5", "INTER_OP_PARALLELISM", "1"});
    CHECK(theirs && theirs->workers == 3 && theirs->threads == 5);
    CHECK(!parse_settings({"INTER_OP_PARALLELISM", "2"}));
    const auto defaults = parse_settings({});
    CHECK(defaults && defaults->workers == 1 && defaults->threads >= 1 && defaults->device == DeviceChoice::any);
    CHECK(defaults && defaults->optimize && !defaults->trust_socket);
    const auto crowded = parse_settings({"TPQ", "64"});  // more workers than CPUs: still a thread for each
    CHECK(crowded && crowded->threads >= 1);
}

void refuses_settings() {
    CHECK_FAILS(parse_settings({"TPQ", "0"}), "TPQ is a number from 1 to 64, not 0");
    CHECK_FAILS(parse_settings({"THREADS", "-1"}), "THREADS is a number from 1 to 256");
    CHECK_FAILS(parse_settings({"MAXQUEUE", "1e3"}), "MAXQUEUE is a number");
    CHECK_FAILS(parse_settings({"MAXTENSOR", "99999999999999999999"}), "MAXTENSOR is a number");
    CHECK_FAILS(parse_settings({"DEVICE", "tpu"}), "DEVICE is cpu, gpu or auto, not tpu");
    CHECK_FAILS(parse_settings({"OPTIMIZE", "maybe"}), "OPTIMIZE is yes or no");
    CHECK_FAILS(parse_settings({"TRUSTSOCKET", "1"}), "TRUSTSOCKET is yes or no");
    CHECK_FAILS(parse_settings({"TPQ"}), "argument TPQ lacks its value");
    CHECK_FAILS(parse_settings({"BANANA", "1"}), "argument BANANA is unknown");
}

void reads_numbers_whole() {
    CHECK_EQ(parse_number<std::int64_t>("-12").value_or(0), -12);
    for (const char* wrong : {"", " 1", "1 ", "+1", "0x1", "1.0", "9223372036854775808"}) {
        CHECK_IN(wrong, !parse_number<std::int64_t>(wrong));
    }
    CHECK(!parse_number<std::uint8_t>("256"));
    CHECK(!parse_number<std::uint8_t>("-1"));
    CHECK_EQ(parse_number<double>("1e3").value_or(0), 1000.0);
}

void counts_parameters() {
    const std::pair<const char*, std::int64_t> known[] = {{"resnet18", 11'689'512},
                                                          {"resnet34", 21'797'672},
                                                          {"resnet50", 25'557'032},
                                                          {"resnet101", 44'549'160},
                                                          {"resnet152", 60'192'808}};
    for (const auto& [name, parameters] : known) {
        const ResNetSpec* spec = find_resnet(name);
        if (CHECK_IN(name, spec != nullptr)) {
            CHECK_EQ(resnet_parameters(*spec, 1000), parameters);
        }
    }
    CHECK(find_resnet("resnet51") == nullptr);
    CHECK_EQ(resnet_parameters(*find_resnet("resnet18"), 1000) - resnet_parameters(*find_resnet("resnet18"), 10),
             std::int64_t{990 * 513});
}

CU_TestInfo kTests[] = {
    {"the module's arguments are read in any case", reads_settings},
    {"an argument that makes no sense is named with what would be right", refuses_settings},
    {"a number is all of its text or none", reads_numbers_whole},
    {"the table of networks has torchvision's numbers of parameters", counts_parameters},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kModuleSettingsSuite = suite("module settings", kTests);

}  // namespace inferstep::test
