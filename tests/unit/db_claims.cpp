// Claims on CPUs: seen by others, also of other users, gone with their owner, and never in the way.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "check.hpp"
#include "core/cpulist.hpp"
#include "db/claims.hpp"
#include "folder.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void others_see_what_is_claimed() {
    const Folder folder;
    Claims first(folder.path(), "n1");
    CHECK_EQ(cpu_list(first.of_others()), "");
    first.make(cpus("0-2,9,1023"));
    Claims second(folder.path(), "n1");
    CHECK_EQ(cpu_list(second.of_others()), "0-2,9,1023");
    second.make(cpus("4,9"));
    {
        Claims third(folder.path(), "n1");
        CHECK_EQ(cpu_list(third.of_others()), "0-2,4,9,1023");
        third.make(cpus("3"));
        CHECK_EQ(cpu_list(first.of_others()), "3-4,9");
        first.make({});
    }
    CHECK_EQ(cpu_list(second.of_others()), "0-2,9,1023");
    second.make({});
    Claims other_node(folder.path(), "n2");
    CHECK_EQ(cpu_list(other_node.of_others()), "");
}

// As the child of a step that another user has, who may only read the directory.
void they_end_with_their_owner() {
    const Folder folder;
    int ends[2];
    CHECK(chmod(folder.path().c_str(), 0755) == 0 && pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const bool dropped = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        Claims claims(folder.path(), "n");
        claims.of_others();
        claims.make(cpus("5-6"));
        _exit(dropped && write(ends[1], "x", 1) == 1 && pause() != 0 ? 0 : 1);
    }
    char word = 0;
    CHECK(read(ends[0], &word, 1) == 1);
    Claims mine(folder.path(), "n");
    CHECK_EQ(cpu_list(mine.of_others()), "5-6");
    mine.make({});
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, nullptr, 0) == child);
    CHECK_EQ(cpu_list(mine.of_others()), "");
    close(ends[0]);
    close(ends[1]);
}

void nobody_can_stop_a_step() {
    const Folder folder;
    const UniqueFd rude(open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(flock(rude.get(), LOCK_EX) == 0);
    Claims claims(folder.path(), "n");
    CHECK(claims.of_others().empty());
    claims.make(cpus("1"));
    Claims nowhere("/nowhere", "n");
    CHECK(nowhere.of_others().empty());
    nowhere.make(cpus("1"));
}

CU_TestInfo kTests[] = {{"R12: other steps see what is claimed", others_see_what_is_claimed},
                        {"R12: claims of another user are seen, and end with their owner", they_end_with_their_owner},
                        {"R12: nobody can stop a step by a lock", nobody_can_stop_a_step},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kClaimsSuite = suite("claims", kTests);

}  // namespace inferstep::test
