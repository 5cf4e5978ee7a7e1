// TCP of co-located databases: ports, interfaces, the secret that several nodes share, and what a task is told.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <map>

#include "check.hpp"
#include "core/file.hpp"
#include "core/page_step.hpp"
#include "db/config.hpp"
#include "db/page_map.hpp"
#include "db/port_holder.hpp"
#include "db/step_key.hpp"
#include "db/step_net.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void a_secret_is_of_one_step_and_the_same_everywhere() {
    const Folder home;
    const std::string directory = home / "attach";
    const Result<std::string> first = step_secret(directory, "12.0");
    if (!CHECK(first)) {
        return;
    }
    CHECK_EQ(first->size(), 64U);
    CHECK_EQ(*step_secret(directory, "12.0"), *first);
    CHECK(*step_secret(directory, "12.1") != *first);
    struct stat st {};
    CHECK(stat((directory + "/key").c_str(), &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 64);
    CHECK(*read_file(directory + "/key") != *first);
    CHECK(*step_secret(home / "other", "12.0") != *first);
}

void a_key_that_others_could_know_is_refused() {
    const Folder home;
    const std::string key = home / "key";
    CHECK(write_file(key, std::string(64, 'a'), 0644));
    CHECK_FAILS(step_secret(home.path(), "1.0"), "must be a file of yours that nobody else can read");
    CHECK(write_file(key, "short", 0600));
    CHECK_FAILS(step_secret(home.path(), "1.0"), "is no key of 64 hexadecimal digits");
    CHECK(rename(key.c_str(), (home / "elsewhere").c_str()) == 0 && symlink("elsewhere", key.c_str()) == 0);
    CHECK_FAILS(step_secret(home.path(), "1.0"), "cannot read");
    CHECK_FAILS(step_secret("/proc/nowhere", "1.0"), "/proc/nowhere");
}

void private_networks_are_known() {
    for (const char* address : {"127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.0.9",
                                "::1", "fd00::2", "fc00::1", "fe80::1"}) {
        CHECK_IN(address, is_private(address));
    }
    for (const char* address : {"0.0.0.0", "8.8.8.8", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1",
                                "192.0.2.2", "169.253.0.1", "::", "2001:db8::1", "fe00::1", "::ffff:10.0.0.1", ""}) {
        CHECK_IN(address, !is_private(address));
    }
}

void an_endpoint_says_which_colon_is_the_port() {
    CHECK_EQ((Network{"10.0.0.1", 6780, false, ""}.endpoint()), "10.0.0.1:6780");
    CHECK_EQ((Network{"fd00::2", 6780, false, ""}.endpoint()), "[fd00::2]:6780");
}

void the_plan_says_where_and_for_whom() {
    DbOptions options;
    options.tcp = true;
    options.instances = 2;
    options.port = 7000;
    const Result<Interface> lo = tcp_interface(options);
    if (!CHECK(lo) || !CHECK(lo->loopback)) {
        return;
    }
    CHECK_EQ(tcp_plan(options, *lo), "TCP: ports 7000-7001 of 127.0.0.1 (lo), with the step's secret\n");
    options.port = 0;
    options.tcp_secret = false;
    CHECK_EQ(tcp_plan(options, *lo), "TCP: free ports from 6780 on of 127.0.0.1 (lo), open to whoever reaches it\n");
    options.interface = "nosuch0";
    CHECK_FAILS(tcp_interface(options), "--infer-net-ifname: there is no interface 'nosuch0'");
}

// A socket of ours that listens somewhere; its port.
int listens(const UniqueFd& fd) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    const bool done =
        bind(fd.get(), address, size) == 0 && listen(fd.get(), 1) == 0 && getsockname(fd.get(), address, &size) == 0;
    return done ? ntohs(where.sin_port) : 0;
}

void a_taken_port_has_a_holder() {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int port = listens(fd);
    if (!CHECK(port != 0)) {
        return;
    }
    const std::string holder = port_holder(port);
    CHECK_IN(holder, holder.starts_with(fmt::format("pid {}, ", getpid())));
    CHECK_FAILS(take_port("127.0.0.1", port), fmt::format("port {} of 127.0.0.1 is taken by pid {}", port, getpid()));
    CHECK(reserve_port("127.0.0.1", port, false, "--infer-db-port")->number > port);
    fd.reset();
    CHECK_EQ(port_holder(port), "");
    const Result<ReservedPort> taken = take_port("127.0.0.1", port);
    CHECK(taken && taken->number == port);
    CHECK_FAILS(take_port("127.0.0.1", port), "is taken by another step that starts on this node");
    CHECK_FAILS(take_port("198.51.100.7", port), "cannot listen on port");
}

std::map<std::string, std::string> variables(const Page& page) {
    std::map<std::string, std::string> all;
    for_each_variable(page, page.tasks[0],
                      [&](const char* name, const char* value, bool /*replace*/) { all[name] = value; });
    return all;
}

void a_task_is_told_of_tcp_where_there_is_any() {
    Result<MappedPage> page = MappedPage::create(1);
    if (!CHECK(page)) {
        return;
    }
    Page& p = **page;
    set_text(p.instances[0].endpoint, "unix:///d/db0.sock");
    set_text(p.state_dir, "/d");
    CHECK_EQ(variables(p).count("INFER_DB_TCP") + variables(p).count(kSecretFile), 0U);
    set_text(p.instances[0].tcp, "127.0.0.1:6780");
    set_text(p.secret, "secret");
    CHECK_EQ(variables(p)["SSDB"], "unix:///d/db0.sock");
    CHECK_EQ(variables(p)["INFER_DB_TCP"], "127.0.0.1:6780");
    CHECK_EQ(variables(p)[kSecretFile], "/d/secret");
    set_text(p.secret, "");
    CHECK_EQ(variables(p)[kSecretFile], "");  // what another step has left there counts no more
    // Whatever the user writes into the page ends within its field.
    memset(p.state_dir, 'x', sizeof p.state_dir);
    memset(p.secret, 'x', sizeof p.secret);
    CHECK_EQ(variables(p)[kSecretFile].size(), sizeof p.state_dir + 1 + sizeof p.secret);
}

CU_TestInfo kTests[] = {
    {"a secret is of one step, and the same everywhere", a_secret_is_of_one_step_and_the_same_everywhere},
    {"a key that others could know is refused", a_key_that_others_could_know_is_refused},
    {"private networks are known", private_networks_are_known},
    {"an endpoint says which colon is the port's", an_endpoint_says_which_colon_is_the_port},
    {"the plan says where, and for whom", the_plan_says_where_and_for_whom},
    {"a taken port has a holder", a_taken_port_has_a_holder},
    {"a task is told of TCP where there is any", a_task_is_told_of_tcp_where_there_is_any},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kTcpSuite = suite("TCP", kTests);

}  // namespace inferstep::test
