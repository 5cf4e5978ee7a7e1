#!/usr/bin/env bats
# A Redis Cluster whose first shard has a replica: the loss of either is survived, and the client finds its way.

load ../lib/dbcluster

setup_file() {
    export DBCLUSTER_CONFIG=$'appendonly no\ncluster-node-timeout 1500\nrepl-diskless-sync-delay 0'
    dbcluster_start 3 TPQ 1 THREADS 1
    export WORK=$DBCLUSTER_DIR.work
    mkdir "$WORK"
    cp "$INFERSTEP_TOP/runtime/db/client/inferclient.hpp" "$WORK"
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" "$WORK/double.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    cd "$WORK" && compile
    replica=$(dbcluster_free_ports 1)
    export replica
    add_replica
}
teardown_file() { dbcluster_stop; rm -rf "${WORK:?}"; }
setup() {
    cd "$WORK" || return 1
    rm -f go ready
    export SSDB=$DBCLUSTER_SSDB LD_LIBRARY_PATH=$BUILD/lib
}

# Sixty tensors on all shards, doubled by a model on each; says "ready", waits for the file `go`, and then wants
# everything again: those that lie there, and new executions. At most 60 seconds of failures are borne.
compile() {
    cat >loop.cpp <<'CPP'
#include <unistd.h>
#include <cstdio>
#include <fstream>
#include <iterator>
#include "inferclient.hpp"
using namespace inferstep;
namespace {
int failures = 0;
bool turn(Client& client, int i, bool put) {
    const std::string tag = "{k" + std::to_string(i) + "}";
    const std::vector<float> value{float(i), float(-i)};
    std::vector<float> lies(2), doubled(2);
    ClientStatus s = put ? client.put_tensor(tag + "x", {2}, value) : client.get_tensor(tag + "x", lies);
    s = s ? client.run_model("double", {tag + "x"}, {tag + "y"}) : s;
    s = s ? client.get_tensor(tag + "y", doubled) : s;
    if (!s) {
        failures += 1;
        std::fprintf(stderr, "%s\n", s.message().c_str());
        return false;
    }
    if (doubled[0] != 2.0F * float(i) || (!put && lies != value)) {
        std::printf("tensor %d is wrong\n", i);
        _exit(1);
    }
    return true;
}
bool all(Client& client, bool put) {
    for (int i = 0; i < 60; ++i) {
        if (!turn(client, i, put)) {
            return false;
        }
    }
    return true;
}
}  // namespace
int main() {
    Client client;
    std::ifstream in("double.pt", std::ios::binary);
    const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
    if (!client.connect() || !client.set_model("double", std::as_bytes(std::span(file))) || !all(client, true)) {
        return 1;
    }
    std::ofstream("ready").close();
    while (access("go", F_OK) != 0) {
        usleep(10000);
    }
    for (int tries = 0; tries < 600 && !all(client, false); ++tries) {
        usleep(100000);
    }
    if (!all(client, true)) {
        return 1;
    }
    std::printf("done after %d failures\n", failures);
}
CPP
    g++ -std=c++20 -Wall -Wextra -Werror -I. loop.cpp -o loop -L"$BUILD/lib" -linferclient
}

# A fourth server that follows the first shard, and is known to all: a stranger gets no votes.
add_replica() {
    local id first=${DBCLUSTER_PORTS%% *}
    dbcluster_serve "$replica"
    redis-cli -p "$replica" cluster meet 127.0.0.1 "$first" >/dev/null
    id=$(redis-cli -p "$first" cluster myid)
    dbcluster_until "$id" redis-cli -p "$replica" cluster nodes
    dbcluster_until OK redis-cli -p "$replica" cluster replicate "$id"
    dbcluster_until master_link_status:up redis-cli -p "$replica" info replication
    id=$(redis-cli -p "$replica" cluster myid)
    local i
    for i in 0 1 2; do dbcluster_until "$id" dbcluster_cli $i cluster nodes; done
}
start_loop() {
    timeout 100 ./loop >out 2>err 3>&- &
    loop=$!
    local deadline=$((SECONDS + 30))
    until [ -e ready ]; do
        [ "$SECONDS" -lt "$deadline" ] && kill -0 "$loop" || { cat out err; return 1; }
        sleep 0.05
    done
}
finish_loop() {
    touch go
    wait "$loop" || { cat out; tail -n 3 err; grep " # " "$DBCLUSTER_DIR/$replica/log" | tail -n 20; return 1; }
    cat out
}

@test "a replica that dies is not missed, and may come back" {
    start_loop
    kill -KILL "$(cat "$DBCLUSTER_DIR/$replica/pid")"
    finish_loop
    grep -q "done after 0 failures" out
    dbcluster_serve "$replica"
    dbcluster_until master_link_status:up redis-cli -p "$replica" info replication
}

@test "a replica takes the place of a shard that dies, with its tensors and models" {
    start_loop
    first=${DBCLUSTER_PORTS%% *}
    dbcluster_until "$(redis-cli -p "$first" dbsize)" redis-cli -p "$replica" dbsize
    kill -KILL "$(cat "$DBCLUSTER_DIR/$first/pid")"
    finish_loop
    no_failures=$(grep -c "done after 0 failures" out || true)
    [ "$no_failures" = 0 ]                       # the shard was gone, and that was noticed
    grep -q "database .*127.0.0.1:$first" err    # by its name
    [ "$(redis-cli -p "$replica" role | head -n 1)" = master ]
}
