// Several steps in one command: what goes over the wire, and what is told when a step fails.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "bench/client_preprocess.hpp"
#include "check.hpp"
#include "db/client/inferclient.hpp"
#include "fake_server.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using Code = ClientStatus::Code;

const std::vector<float> kValues{1, 2};

Dag whole_loop(std::vector<float>& output) {
    Dag dag;
    dag.put("x", {2}, kValues).run_script("s", "f", {"x"}, {"p"}).run_model("m", {"p"}, {"y"}).get("y", output);
    return dag;
}

// Run the steps against a server that answers with `reply`; what arrived there is in `sent` when it is not null.
ClientStatus answered(const Dag& dag, const std::string& reply, std::size_t bytes, std::string* sent = nullptr) {
    FakeServer server({[&](const Peer& peer) {
        peer.answer_ping();
        const std::string got = peer.read(bytes);
        if (sent != nullptr) {
            *sent = got;
        }
        peer.write(reply);
    }});
    Client client;
    ClientStatus s = client.connect(server.endpoint());
    return s ? client.run(dag, Client::Milliseconds{5000}) : s;
}

std::string words(const std::vector<std::string>& list) {
    std::string text = "*" + std::to_string(list.size()) + "\r\n";
    for (const std::string& word : list) {
        text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return text;
}

std::string bytes_of_values() { return {reinterpret_cast<const char*>(kValues.data()), 8}; }

const std::string& wanted() {
    static const std::string text = words({"AI.DAGEXECUTE",
                                           "ROUTING",
                                           "x",
                                           "TIMEOUT",
                                           "5000",
                                           "|>",
                                           "AI.TENSORSET",
                                           "x",
                                           "FLOAT",
                                           "2",
                                           "BLOB",
                                           bytes_of_values(),
                                           "|>",
                                           "AI.SCRIPTEXECUTE",
                                           "s",
                                           "f",
                                           "INPUTS",
                                           "1",
                                           "x",
                                           "OUTPUTS",
                                           "1",
                                           "p",
                                           "|>",
                                           "AI.MODELEXECUTE",
                                           "m",
                                           "INPUTS",
                                           "1",
                                           "p",
                                           "OUTPUTS",
                                           "1",
                                           "y",
                                           "|>",
                                           "AI.TENSORGET",
                                           "y",
                                           "META",
                                           "BLOB"});
    return text;
}

std::string tensor() {
    return "*6\r\n$5\r\ndtype\r\n$5\r\nFLOAT\r\n$5\r\nshape\r\n*1\r\n:2\r\n$4\r\nblob\r\n$8\r\n" + bytes_of_values() +
           "\r\n";
}

void steps_are_one_command() {
    std::vector<float> output(2);
    std::string sent;
    const ClientStatus s =
        answered(whole_loop(output), "*4\r\n+OK\r\n+OK\r\n+OK\r\n" + tensor(), wanted().size(), &sent);
    CHECK_IN(s.message(), static_cast<bool>(s));
    CHECK(sent == wanted());
    CHECK(output == kValues);
}

void keys_of_the_database_are_named() {
    std::vector<float> output(2);
    Dag dag;
    dag.load("a").persist("y").run_model("m", {"a"}, {"y"}).get("y", output);
    const std::string expected = words({"AI.DAGEXECUTE",
                                        "LOAD",
                                        "1",
                                        "a",
                                        "PERSIST",
                                        "1",
                                        "y",
                                        "TIMEOUT",
                                        "5000",
                                        "|>",
                                        "AI.MODELEXECUTE",
                                        "m",
                                        "INPUTS",
                                        "1",
                                        "a",
                                        "OUTPUTS",
                                        "1",
                                        "y",
                                        "|>",
                                        "AI.TENSORGET",
                                        "y",
                                        "META",
                                        "BLOB"});
    std::string sent;
    CHECK(answered(dag, "*2\r\n+OK\r\n" + tensor(), expected.size(), &sent));
    CHECK(sent == expected);
}

void the_step_that_failed_is_named() {
    std::vector<float> output(2, -1);
    const struct {
        std::string reply;
        Code code;
        std::string words;
    } table[] = {
        {"*4\r\n+OK\r\n-ERR script key is empty\r\n+NA\r\n+NA\r\n", Code::server,
         "step 2 of 4, AI.SCRIPTEXECUTE s: database"},
        {"-ERR no such thing\r\n", Code::server, "AI.DAGEXECUTE: database"},
        {"+TIMEDOUT\r\n", Code::timeout, "AI.DAGEXECUTE"},
        {"*3\r\n+OK\r\n+OK\r\n+OK\r\n", Code::mismatch, "one reply for each step"},
        {"*4\r\n+OK\r\n+OK\r\n+OK\r\n:7\r\n", Code::mismatch, "tensor y"},
        {":4\r\n", Code::mismatch, "one reply for each step"},
    };
    for (const auto& row : table) {
        const ClientStatus s = answered(whole_loop(output), row.reply, wanted().size());
        CHECK_IN(s.message(), s.code() == row.code && s.message().find(row.words) != std::string::npos);
    }
    CHECK(output[0] == -1);
}

void mistakes_are_told_before_anything_is_sent() {
    FakeServer server({[](const Peer& peer) { peer.answer_ping(); }});
    Client client;
    if (!CHECK(client.connect(server.endpoint()))) {
        return;
    }
    std::vector<float> three(3);
    Dag count;
    count.put("x", {2}, three).run_model("m", {"x"}, {"y"});
    Dag empty;
    Dag nothing;
    nothing.run_model("m", {}, {"y"});
    for (const auto& [dag, text] : {std::pair<const Dag*, std::string>{&count, "3 were given"},
                                    {&empty, "no step"},
                                    {&nothing, "an input and an output"}}) {
        const ClientStatus s = client.run(*dag);
        CHECK_IN(s.message(), s.code() == Code::usage && s.message().find(text) != std::string::npos);
    }
}

void preprocessing_turns_and_normalizes() {
    ClientInputs images;
    images.shape = {1, 2, 3};
    images.count = 1;
    images.elements = 6;
    images.data = {0.485F, 0.456F, 0.406F, 0.485F + 0.229F, 0.456F - 0.224F, 0.406F + 0.45F};
    const ClientInputs out = preprocess(images);
    CHECK(out.shape == std::vector<std::int64_t>({1, 3, 1, 2}));
    const std::array<float, 6> wanted_values{0, 1, 0, -1, 0, 2};
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(std::abs(out.data[i] - wanted_values.at(i)) < 1e-5F);
    }
}

CU_TestInfo kTests[] = {{"steps are one command", steps_are_one_command},
                        {"keys of the database are named", keys_of_the_database_are_named},
                        {"the step that failed is named", the_step_that_failed_is_named},
                        {"mistakes are told before anything is sent", mistakes_are_told_before_anything_is_sent},
                        {"preprocessing turns an image and normalizes it", preprocessing_turns_and_normalizes},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kClientDagSuite = suite("client dag", kTests);

}  // namespace inferstep::test
