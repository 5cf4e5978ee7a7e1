#!/usr/bin/env bats
# The client library and a Redis Cluster of three shards: everything is found where it belongs, and nothing travels twice.

load ../lib/dbcluster

setup_file() {
    dbcluster_start 3 TPQ 1 THREADS 1
    export WORK=$DBCLUSTER_DIR.work
    mkdir "$WORK"
    cp "$INFERSTEP_TOP"/runtime/db/client/{inferclient.{hpp,h,f90},*.inc} "$WORK"
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" "$WORK/double.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    cat >"$WORK/must.hpp" <<'CPP'
#include "inferclient.hpp"
#include <cstdio>
#include <fstream>
#include <iterator>
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); return 1; }
#define TRUE(what) if (!(what)) { std::printf("line %d: %s\n", __LINE__, #what); return 1; }
inline std::vector<char> file_of(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
CPP
}
teardown_file() { dbcluster_stop; rm -rf "${WORK:?}"; }
setup() {
    cd "$WORK" || return 1
    export SSDB=$DBCLUSTER_SSDB LD_LIBRARY_PATH=$BUILD/lib
}

# Compile the C++ on stdin and run it; it prints "done" when all is well.
cpp() {
    cat >"$1.cpp"
    g++ -std=c++20 -Wall -Wextra -Werror -I. "$1.cpp" -o "$1" -L"$BUILD/lib" -linferclient
    run "./$1"
    [ "${lines[-1]}" = "done" ] || { echo "$output"; return 1; }
}
reset_counts() { for i in 0 1 2; do dbcluster_cli $i config resetstat; done; }
# How often a command was called on all shards together: what a client sent, not what the module asked Redis itself.
calls() {
    local i
    for i in 0 1 2; do dbcluster_cli $i info commandstats; done |
        tr -d '\r' | sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

@test "tensors go where their keys say, models everywhere, and all are found again" {
    cpp everything <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    for (int i = 0; i < 60; ++i) {
        const std::vector<float> value{float(i), float(-i)};
        MUST(client.put_tensor("k" + std::to_string(i), {2}, value));
    }
    const auto file = file_of("double.pt");
    MUST(client.set_model("double", std::as_bytes(std::span(file))));
    bool there = false;
    MUST(client.model_exists("double", there));
    TRUE(there);
    std::vector<std::byte> copy;
    MUST(client.get_model("double", copy));
    TRUE(copy.size() == file.size());
    std::vector<float> back(2);
    for (int i = 0; i < 60; ++i) {
        const std::string in = "k" + std::to_string(i), out = "out" + std::to_string(i);
        MUST(client.get_tensor(in, back));
        TRUE(back[0] == float(i) && back[1] == float(-i));
        MUST(client.run_model("double", {in}, {out}));
        MUST(client.get_tensor(out, back));
        TRUE(back[0] == 2 * float(i));
        MUST(client.infer("double", {"in" + out, TensorType::float32, std::vector<std::int64_t>{2}, back.data()}, {out, TensorType::float32, back.data(), 8}));
        TRUE(back[0] == 4 * float(i));
    }
    MUST(client.ping());
    std::vector<std::string> keys;
    for (int i = 0; i < 60; ++i) { keys.push_back("k" + std::to_string(i)); }
    MUST(client.delete_tensors(keys));
    MUST(client.tensor_exists("k7", there));
    TRUE(!there);
    const ClientStatus missing = client.run_model("nothing", {"out1"}, {"out1"});
    TRUE(missing.code() == ClientStatus::Code::server);
    std::puts("done");
}
CPP
    local i
    for i in 0 1 2; do
        # Every shard has some of the outputs, its own copy of the model, and nothing temporary.
        [ "$(dbcluster_cli $i keys 'out*' | grep -c .)" -gt 5 ]
        [ "$(dbcluster_cli $i --no-raw keys '*}.double' | grep -c .)" = 1 ]
        [ -z "$(dbcluster_cli $i keys '*TMP*')" ]
    done
}

@test "put, run and get are three commands where keys have a tag, and one with infer or a Dag" {
    reset_counts
    cpp trips <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    std::vector<float> value{1, 2}, back(2);
    const std::vector<std::int64_t> shape{2};
    for (int i = 0; i < 10; ++i) {
        const std::string tag = "{rank" + std::to_string(i) + "}";
        MUST(client.put_tensor(tag + "x", shape, value));
        MUST(client.run_model("double", {tag + "x"}, {tag + "y"}));
        MUST(client.get_tensor(tag + "y", back));
        TRUE(back[1] == 4);
    }
    std::puts("done");
}
CPP
    [ "$(calls ai.tensorset)" = 10 ]
    [ "$(calls ai._shard)" = 10 ]
    [ "$(calls ai.tensorget)" = 10 ]
    [ "$(calls del)" = 0 ]
    [ "$(calls cluster.slots)" = 1 ]
}

@test "keys that lie on different shards are carried there and back, and leave nothing behind" {
    reset_counts
    cpp carried <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    const std::vector<float> value{3, 4};
    std::vector<float> back(2);
    MUST(client.put_tensor("foo", {2}, value));        // slot 12182, the last shard
    MUST(client.run_model("double", {"foo"}, {"bar"}));  // slot 5061, the first
    MUST(client.get_tensor("bar", back));
    TRUE(back[0] == 6 && back[1] == 8);
    std::puts("done");
}
CPP
    [ "$(calls ai._shard)" = 1 ]
    [ "$(calls ai.tensorset)" = 2 ]
    [ "$(calls ai.tensorget)" = 2 ]
    [ "$(calls del)" = 1 ]
    local i
    for i in 0 1 2; do [ -z "$(dbcluster_cli $i keys '*TMP*')" ]; done
}
