// What the client library takes for the map of a cluster, and what it does not.
#include <chrono>
#include <string>
#include <vector>

#include "check.hpp"
#include "db/client/cluster.hpp"
#include "fake_server.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace std::chrono_literals;
using Code = ClientStatus::Code;

// Ask a server that gives this answer to CLUSTER SLOTS.
ClientStatus learnt(client::Cluster& cluster, const std::string& reply) {
    FakeServer server({[&](const Peer& peer) {
        peer.read(std::string_view("*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n").size());
        peer.write(reply);
    }});
    const std::string twice = server.endpoint() + "," + server.endpoint();  // two addresses: a cluster
    ClientStatus s = cluster.name(twice, false, {});
    return s ? cluster.learn(5s, std::chrono::steady_clock::now() + 5s) : s;
}

std::string range(const std::string& low, const std::string& high, const std::string& host, const std::string& port) {
    return "*3\r\n:" + low + "\r\n:" + high + "\r\n*2\r\n$" + std::to_string(host.size()) + "\r\n" + host +
           "\r\n:" + port + "\r\n";
}

void shards_are_learnt() {
    client::Cluster cluster;
    const std::string reply = "*4\r\n" + range("8192", "16000", "10.0.0.2", "7000") +
                              range("0", "99", "10.0.0.1", "7000") + range("100", "8190", "::1", "7001") +
                              range("8191", "8191", "10.0.0.2", "7000");
    if (!CHECK(learnt(cluster, reply)) || !CHECK_EQ(cluster.ranges().size(), 4U)) {
        return;
    }
    CHECK(cluster.clustered());
    const client::SlotRange* first = cluster.range_of(0);
    const client::SlotRange* second = cluster.range_of(8190);
    const client::SlotRange* third = cluster.range_of(8191);
    const client::SlotRange* fourth = cluster.range_of(8192);
    if (!CHECK(first != nullptr && second != nullptr && third != nullptr && fourth != nullptr)) {
        return;
    }
    CHECK(first->low == 0 && first->high == 99 && first->shard->address.host == "10.0.0.1");
    CHECK_EQ(second->shard->address.host, "::1");
    CHECK(third->shard == fourth->shard && third->shard->address.port == 7000);
    // A name for each range, and one that is the shard's own.
    CHECK(third->own_name("m") != fourth->own_name("m") && fourth->run_name("m") == third->own_name("m"));
    CHECK(client::slot_of(fourth->own_name("m")) == 8192);
    CHECK(cluster.range_of(16001) == nullptr);
}

void what_is_no_map_is_refused() {
    const struct {
        const char* what;
        std::string reply;
        Code code;
    } table[] = {
        {"an error", "-ERR This instance has cluster support disabled\r\n", Code::server},
        {"nothing", "*0\r\n", Code::mismatch},
        {"a number", ":1\r\n", Code::mismatch},
        {"a range of words", "*1\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$1\r\nh\r\n:1\r\n", Code::mismatch},
        {"too short", "*1\r\n*2\r\n:0\r\n:16383\r\n", Code::mismatch},
        {"no shard", "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n", Code::mismatch},
        {"slots beyond the last", "*1\r\n" + range("0", "16384", "10.0.0.1", "7000"), Code::mismatch},
        {"a negative slot", "*1\r\n" + range("-1", "5", "10.0.0.1", "7000"), Code::mismatch},
        {"backwards", "*1\r\n" + range("7", "5", "10.0.0.1", "7000"), Code::mismatch},
        {"no port", "*1\r\n" + range("0", "16383", "10.0.0.1", "70000"), Code::mismatch},
        {"no host", "*1\r\n" + range("0", "16383", "a/b", "7000"), Code::mismatch},
        {"no RESP", "HTTP/1.1 400\r\n", Code::connection},
    };
    for (const auto& row : table) {
        client::Cluster cluster;
        const ClientStatus s = learnt(cluster, row.reply);
        CHECK_IN(row.what, s.code() == row.code);
        CHECK_IN(row.what, cluster.ranges().empty());
    }
}

void one_address_is_one_database_unless_told() {
    client::Cluster cluster;
    CHECK(cluster.name("10.0.0.1:7000", false, {}) && !cluster.clustered());
    CHECK(cluster.range_of(5) != nullptr && cluster.range_of(5)->own_name("m") == "m");
    CHECK(cluster.name("10.0.0.1:7000", true, {}) && cluster.clustered());
    CHECK(cluster.name("unix:///x", true, {}) && !cluster.clustered());  // no shard is behind a Unix socket
    CHECK(cluster.name("a:1,b:2", false, {}) && cluster.clustered());
    CHECK_EQ(cluster.endpoint(), "a:1,b:2");
    for (const char* text : {"a:1,", ",a:1", "a:1,b", "a:1,,b:2", ","}) {
        CHECK_IN(text, cluster.name(text, false, {}).code() == Code::usage);
    }
}

CU_TestInfo kTests[] = {{"the shards and their slots are learnt", shards_are_learnt},
                        {"an answer that is no map is refused", what_is_no_map_is_refused},
                        {"one address is one database unless told", one_address_is_one_database_unless_told},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kClientClusterSuite = suite("client cluster", kTests);

}  // namespace inferstep::test
