// The client library against a database that behaves, and against every way in which one can misbehave.
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "core/clock.hpp"
#include "db/client/connection.hpp"
#include "db/client/inferclient.hpp"
#include "fake_server.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace std::chrono_literals;
using Code = ClientStatus::Code;

bool contains(const ClientStatus& status, const std::string& words) {
    return CHECK_IN(status.message() + " has '" + words + "'", status.message().find(words) != std::string::npos);
}

// A client of `server` whose calls take at most `limit`.
bool connected(Client& client, const FakeServer& server, std::chrono::milliseconds limit = 5s) {
    ConnectOptions options;
    options.command_timeout = limit;
    return CHECK(client.connect(server.endpoint(), options));
}

constexpr std::array<std::int64_t, 2> kShape{2, 3};
const std::vector<float> kValues{1, 2, 3, 4, 5, 6};

std::string bytes_of_values() {
    return {reinterpret_cast<const char*>(kValues.data()), kValues.size() * sizeof(float)};
}

std::string tensor_reply(const std::string& type, const std::string& dimensions, const std::string& blob) {
    return "*6\r\n$5\r\ndtype\r\n$" + std::to_string(type.size()) + "\r\n" + type + "\r\n$5\r\nshape\r\n" + dimensions +
           "$4\r\nblob\r\n$" + std::to_string(blob.size()) + "\r\n" + blob + "\r\n";
}

void addresses_are_read() {
    client::Address a;
    CHECK(client::parse_address("unix:///run/db.sock", a));
    CHECK_EQ(a.path, "/run/db.sock");
    CHECK(client::parse_address("unix:/run/db.sock", a));
    CHECK_EQ(a.path, "/run/db.sock");
    CHECK(client::parse_address("tcp://node7:6780", a));
    CHECK_EQ(a.host, "node7");
    CHECK_EQ(a.port, 6780);
    CHECK(client::parse_address("[::1]:1", a));
    CHECK_EQ(a.host, "::1");
    for (const char* text : {"", "unix://", "unix://relative", "host", "host:", ":1", "host:0", "host:65536", "host:1x",
                             "host:-1", "tcp://", "http://host:1", "a:1,b:2"}) {
        CHECK_IN(text, client::parse_address(text, a).code() == Code::usage);
    }
}

void a_tensor_is_sent_in_wire_form() {
    const std::string wanted =
        "*7\r\n$12\r\nAI.TENSORSET\r\n$1\r\nx\r\n$5\r\nFLOAT\r\n$1\r\n2\r\n$1\r\n3\r\n$4\r\nBLOB\r\n$24\r\n" +
        bytes_of_values() + "\r\n";
    std::string got;
    {
        FakeServer server({[&](const Peer& peer) {
            peer.answer_ping();
            got = peer.read(wanted.size());
            peer.write("+OK\r\n");
        }});
        Client client;
        CHECK(connected(client, server) && client.put_tensor("x", kShape, kValues));
    }
    CHECK(got == wanted);
}

void a_large_tensor_arrives_whole() {
    std::vector<float> values(1 << 20);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(i);
    }
    const std::array<std::int64_t, 1> shape{1 << 20};
    const std::size_t bytes = values.size() * sizeof(float);
    std::string got;
    {
        FakeServer server({[&](const Peer& peer) {
            peer.answer_ping();
            const std::string head =
                "*6\r\n$12\r\nAI.TENSORSET\r\n$1\r\nx\r\n$5\r\nFLOAT\r\n$7\r\n1048576\r\n$4\r\nBLOB\r\n";
            peer.read(head.size() + std::string_view("$4194304\r\n").size());
            got = peer.read(bytes);
            peer.read(2);
            peer.write("+OK\r\n");
        }});
        Client client;
        CHECK(connected(client, server) && client.put_tensor("x", shape, values));
    }
    CHECK(got.size() == bytes && std::memcmp(got.data(), values.data(), bytes) == 0);
}

void a_tensor_is_received() {
    FakeServer server({[&](const Peer& peer) {
        peer.answer_ping();
        const std::string reply = tensor_reply("FLOAT", "*2\r\n:2\r\n:3\r\n", bytes_of_values());
        for (int i = 0; i < 4; ++i) {
            peer.read(std::string_view("*4\r\n$12\r\nAI.TENSORGET\r\n$1\r\nx\r\n$4\r\nMETA\r\n$4\r\nBLOB\r\n").size());
            if (i > 0) {
                peer.write(reply);
                continue;
            }
            for (const char c : reply) {  // one byte at a time
                peer.write({&c, 1});
            }
        }
    }});
    Client client;
    std::vector<float> values(6);
    if (!connected(client, server) || !CHECK(client.get_tensor("x", values))) {
        return;
    }
    CHECK(values == kValues);
    Tensor tensor;
    CHECK(client.get_tensor("x", tensor));
    CHECK(tensor.type == TensorType::float32 && tensor.shape == std::vector<std::int64_t>({2, 3}));
    std::vector<float> few(5, -1);
    ClientStatus s = client.get_tensor("x", few);
    CHECK(s.code() == Code::mismatch && few[0] == -1);
    contains(s, "24 bytes of FLOAT; 20 bytes of FLOAT");
    std::vector<std::int32_t> integers(6);
    CHECK(client.get_tensor("x", integers).code() == Code::mismatch);
}

void answers_that_are_no_tensor_are_refused() {
    const std::string blob = bytes_of_values();
    const struct {
        const char* what;
        std::string reply;
        Code code;
    } table[] = {
        {"a number", ":1\r\n", Code::mismatch},
        {"nil", "$-1\r\n", Code::server},
        {"too short", "*2\r\n:1\r\n:2\r\n", Code::mismatch},
        {"unknown type", tensor_reply("COMPLEX", "*1\r\n:6\r\n", blob), Code::mismatch},
        {"shape of words", tensor_reply("FLOAT", "*1\r\n$1\r\n6\r\n", blob), Code::mismatch},
        {"shape is no list", tensor_reply("FLOAT", ":6\r\n", blob), Code::mismatch},
        {"negative", tensor_reply("FLOAT", "*1\r\n:-6\r\n", blob), Code::mismatch},
        {"overflow", tensor_reply("FLOAT", "*2\r\n:4611686018427387904\r\n:4\r\n", blob), Code::mismatch},
        {"fewer bytes", tensor_reply("FLOAT", "*1\r\n:7\r\n", blob), Code::mismatch},
        {"an error", "-ERR tensor key is empty\r\n", Code::server},
        {"no RESP", "HTTP/1.1 400 Bad Request\r\n", Code::connection},
        {"nothing", "", Code::connection},
    };
    for (const auto& row : table) {
        FakeServer server({[&](const Peer& peer) {
            peer.answer_ping();
            peer.read(10);
            peer.write(row.reply);
        }});
        Client client;
        Tensor tensor;
        const ClientStatus s =
            connected(client, server) ? client.get_tensor("x", tensor) : ClientStatus(Code::ok, "not connected");
        CHECK_IN(row.what + (": " + s.message()), s.code() == row.code && !s.message().empty());
    }
}

void a_silent_database_ends_in_a_timeout() {
    FakeServer server({[](const Peer& peer) {
                           peer.answer_ping();
                           peer.read(1 << 20);  // until the client gives up
                       },
                       [](const Peer& peer) { peer.answer_ping(); }});
    Client client;
    if (!connected(client, server, 200ms)) {
        return;
    }
    const std::int64_t start = now_ns();
    const ClientStatus s = client.ping();
    const double waited = seconds_since(start);
    CHECK(s.code() == Code::timeout && waited > 0.19);
    contains(s, server.endpoint());
    // The answer that may still come belongs to nobody: the next call has a connection of its own.
    CHECK(client.ping());
}

void an_answer_without_end_does_not_stretch_the_limit() {
    for (const useconds_t pause : {20'000U, 0U}) {  // in drops, and in a stream that never stops
        FakeServer server({[&](const Peer& peer) {
            peer.answer_ping();
            peer.read(10);
            peer.write("$500000000\r\n");
            while (peer.write("x")) {
                usleep(pause);
            }
        }});
        Client client;
        if (connected(client, server, 300ms)) {
            const std::int64_t start = now_ns();
            CHECK(client.ping().code() == Code::timeout);
            CHECK(seconds_since(start) < 4);
        }
    }
}

void a_database_that_stops_reading_ends_in_a_timeout() {
    FakeServer server({[](const Peer& peer) {
        peer.answer_ping();
        peer.read(100);
        usleep(600'000);
    }});
    const std::vector<float> values(1 << 21);
    const std::array<std::int64_t, 1> shape{1 << 21};
    Client client;
    CHECK(connected(client, server, 300ms) && client.put_tensor("x", shape, values).code() == Code::timeout);
}

void a_refusal_in_the_middle_of_sending_is_heard() {
    FakeServer server({[](const Peer& peer) {
        peer.answer_ping();
        peer.read(100);
        peer.write("-ERR Protocol error: invalid bulk length\r\n");
        peer.read(1 << 20);
    }});
    const std::vector<float> values(1 << 21);
    const std::array<std::int64_t, 1> shape{1 << 21};
    Client client;
    if (connected(client, server)) {
        const ClientStatus s = client.put_tensor("x", shape, values);
        CHECK(s.code() == Code::server);
        contains(s, "invalid bulk length");
    }
}

// Neither side may wait for the other to take what it has to say.
void an_answer_is_taken_while_more_is_sent() {
    FakeServer server({[](const Peer& peer) {
        peer.answer_ping();
        peer.read(100);
        peer.write("$4194304\r\n" + std::string(4 << 20, 'x') + "\r\n");  // returns when the client has read most of it
        peer.read(std::size_t{1} << 23);
        peer.write("+OK\r\n" + tensor_reply("FLOAT", "*2\r\n:2\r\n:3\r\n", bytes_of_values()));
        peer.read(1 << 20);
    }});
    const std::vector<float> values(1 << 21);
    const std::array<std::int64_t, 1> shape{1 << 21};
    std::vector<float> out(6);
    Client client;
    if (connected(client, server)) {
        CHECK(client.infer("m", {"in", TensorType::float32, shape, values.data()},
                           {"out", TensorType::float32, out.data(), 24}));
        CHECK(out == kValues);
    }
}

void the_first_error_of_a_pipeline_is_the_outcome() {
    FakeServer server({[](const Peer& peer) {
        peer.answer_ping();
        peer.read(100);
        peer.write("+OK\r\n-ERR model key is empty\r\n-ERR tensor key is empty\r\n");
        peer.read(1 << 20);
    }});
    Client client;
    std::vector<float> out(2);
    if (connected(client, server)) {
        const ClientStatus s = client.infer("m", {"in", TensorType::float32, kShape, kValues.data()},
                                            {"out", TensorType::float32, out.data(), 8});
        CHECK(s.code() == Code::server);
        contains(s, "AI.MODELEXECUTE m");
        contains(s, "ERR model key is empty");
    }
}

void a_request_that_waited_too_long_is_a_timeout() {
    FakeServer server({[](const Peer& peer) {
        peer.answer_ping();
        peer.read(10);
        peer.write("+TIMEDOUT\r\n");
    }});
    Client client;
    CHECK(connected(client, server) && client.run_model("m", {"a"}, {"b"}).code() == Code::timeout);
}

void wrong_arguments_send_nothing() {
    std::string sent = "not asked";
    {
        FakeServer server({[&](const Peer& peer) {
            peer.answer_ping();
            sent = peer.read(1);
        }});
        Client client;
        CHECK(client.ping().code() == Code::usage);
        if (!connected(client, server)) {
            return;
        }
        constexpr std::array<std::int64_t, 2> kNegative{2, -3};
        constexpr std::array<std::int64_t, 2> kHuge{std::int64_t{1} << 40, std::int64_t{1} << 40};
        constexpr std::array<std::int64_t, 2> kOther{2, 4};
        for (const auto& shape : {kNegative, kHuge, kOther}) {
            CHECK(client.put_tensor("x", shape, kValues).code() == Code::usage);
        }
        CHECK(client.put_tensor({"x", TensorType::float32, {}, kValues.data()}).code() == Code::usage);
        CHECK(client.put_tensor({"x", TensorType::float32, kShape, nullptr}).code() == Code::usage);
        CHECK(client.set_model("m", {}).code() == Code::usage);
    }
    CHECK_EQ(sent, "");
}

void nobody_there_is_told_at_once() {
    Client client;
    const ClientStatus s = client.connect("unix:///tmp/no-such-database.sock");
    CHECK(s.code() == Code::connection);
    contains(s, "/tmp/no-such-database.sock");
    unsetenv("SSDB");
    contains(client.connect(), "SSDB");
}

void types_have_their_names_and_sizes() {
    CHECK(tensor_type<float>() == TensorType::float32 && tensor_type<double>() == TensorType::float64);
    CHECK(tensor_type<std::int8_t>() == TensorType::int8 && tensor_type<std::int16_t>() == TensorType::int16);
    CHECK(tensor_type<std::int32_t>() == TensorType::int32 && tensor_type<std::int64_t>() == TensorType::int64);
    CHECK(tensor_type<std::uint8_t>() == TensorType::uint8 && tensor_type<std::uint16_t>() == TensorType::uint16);
    CHECK_EQ(bytes_of(TensorType::uint16), 2U);
    CHECK_EQ(std::string(name_of(TensorType::boolean)), "BOOL");
}

CU_TestInfo kTests[] = {
    {"addresses are read, nonsense is refused", addresses_are_read},
    {"a tensor is sent in wire form", a_tensor_is_sent_in_wire_form},
    {"a large tensor arrives whole", a_large_tensor_arrives_whole},
    {"a tensor is received, in drops too", a_tensor_is_received},
    {"answers that are no tensor are refused", answers_that_are_no_tensor_are_refused},
    {"a silent database ends in a timeout, then a new connection", a_silent_database_ends_in_a_timeout},
    {"an answer without end does not stretch the limit", an_answer_without_end_does_not_stretch_the_limit},
    {"a database that stops reading ends in a timeout", a_database_that_stops_reading_ends_in_a_timeout},
    {"a refusal in the middle of sending is heard", a_refusal_in_the_middle_of_sending_is_heard},
    {"an answer is taken while more is sent", an_answer_is_taken_while_more_is_sent},
    {"the first error of a pipeline is the outcome", the_first_error_of_a_pipeline_is_the_outcome},
    {"a request that waited too long is a timeout", a_request_that_waited_too_long_is_a_timeout},
    {"wrong arguments send nothing", wrong_arguments_send_nothing},
    {"nobody there is told at once", nobody_there_is_told_at_once},
    {"types have their names and sizes", types_have_their_names_and_sizes},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kClientLibrarySuite = suite("client library", kTests);

}  // namespace inferstep::test
