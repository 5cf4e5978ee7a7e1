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

@test "put, run and get are three commands where keys have a tag, and the shards are asked for once" {
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

@test "a script is on every shard and runs in one command" {
    reset_counts
    cpp scripted <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    MUST(client.set_script("math", "def add_one(x: Tensor) -> Tensor:\n    return x + 1\n"));
    std::vector<float> value{1, 2}, back(2);
    for (const std::string tag : {"{a}", "{b}", "{c}", "{d}", "{e}"}) {
        MUST(client.put_tensor(tag + "x", {2}, value));
        MUST(client.run_script("math", "add_one", {tag + "x"}, {tag + "y"}));
        MUST(client.get_tensor(tag + "y", back));
        TRUE(back[0] == 2 && back[1] == 3);
    }
    MUST(client.run_script("math", "add_one", {"foo"}, {"bar"}));  // from the last shard to the first
    std::string source;
    MUST(client.get_script("math", source));
    MUST(client.delete_script("math"));
    bool there = true;
    MUST(client.script_exists("math", there));
    TRUE(!there);
    std::puts("done");
}
CPP
    [ "$(calls ai.scriptset)" = 3 ]
    [ "$(calls ai._shard)" = 6 ]
    [ "$(calls ai.tensorset)" = 6 ]
}

@test "a Dag is one command on the shard of its keys; keys of two shards are refused" {
    reset_counts
    cpp graph <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    const auto file = file_of("double.pt");
    MUST(client.set_model("double", std::as_bytes(std::span(file))));
    std::vector<float> value{1, 2}, back(2);
    for (const std::string tag : {"{a}", "{b}", "{c}", "{d}", "{e}", "{f}"}) {
        MUST(client.run(Dag().put(tag + "x", {2}, value).run_model("double", {tag + "x"}, {"y"}).get("y", back)));
        TRUE(back[0] == 2 && back[1] == 4);
    }
    MUST(client.put_tensor("{a}x", {2}, value));
    MUST(client.run(Dag().load("{a}x").persist("{a}y").run_model("double", {"{a}x"}, {"{a}y"})));
    MUST(client.get_tensor("{a}y", back));
    TRUE(back[1] == 4);
    const ClientStatus s = client.run(Dag().load("foo").persist("bar").run_model("double", {"foo"}, {"bar"}));
    TRUE(s.code() == ClientStatus::Code::usage && s.message().find("another shard than key foo") != std::string::npos);
    std::puts("done");
}
CPP
    [ "$(calls ai._shard)" = 7 ]
    [ "$(calls ai.tensorset)" = 1 ]
    [ "$(calls ai.tensorget)" = 1 ]
}

@test "inferstep client loops against a cluster, in either language and both ways" {
    reset_counts
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" --example 1,3,8,8 net.pt 'x: Tensor -> Tensor' 'return torch.mul(torch.flatten(x, 1), 2)'
    local language
    for language in cpp fortran; do
        run inferstep client --endpoint="$DBCLUSTER_SSDB" --model=net.pt --model-name=net --workload=smartsim --dag=both \
            --clients-per-node=4 --iterations=5 --language=$language --outdir=$language
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"#wrong        0 of 40"* ]]
    done
    # Four clients, each with keys of its own: more than one shard has worked.
    [ "$(for i in 0 1 2; do dbcluster_cli $i info commandstats; done | grep -c cmdstat_ai._shard)" -gt 1 ]
}

@test "a key is found while its slot moves to another shard, and afterwards" {
    cat >move <<'SH'
#!/bin/bash
# move begin|end SLOT FROM TO: the two halves of moving a slot between shards, by their numbers
set -e
read -r -a ports <<<"$DBCLUSTER_PORTS"
from=${ports[$3]} to=${ports[$4]}
from_id=$(redis-cli -p "$from" cluster myid) to_id=$(redis-cli -p "$to" cluster myid)
if [ "$1" = begin ]; then
    redis-cli -p "$to" cluster setslot "$2" importing "$from_id"
    redis-cli -p "$from" cluster setslot "$2" migrating "$to_id"
    redis-cli -p "$from" cluster getkeysinslot "$2" 100 |
        while read -r key; do redis-cli -p "$from" migrate 127.0.0.1 "$to" "$key" 0 5000; done
else
    for port in "$to" "$from" "${ports[@]}"; do redis-cli -p "$port" cluster setslot "$2" node "$to_id"; done
fi
SH
    chmod +x move
    cpp moving <<'CPP'
#include "must.hpp"
#include <cstdlib>
int main() {
    Client client;
    MUST(client.connect());
    const std::vector<float> value{7, 8};
    std::vector<float> back(2);
    MUST(client.put_tensor("foo", {2}, value));
    TRUE(std::system("./move begin 12182 2 0 >move.log") == 0);
    MUST(client.get_tensor("foo", back));  // sent on by ASK
    TRUE(back == value);
    MUST(client.put_tensor("{foo}new", {2}, value));
    TRUE(std::system("./move end 12182 2 0 >>move.log") == 0);
    back.clear();
    back.resize(2);
    MUST(client.get_tensor("foo", back));  // sent on by MOVED
    TRUE(back == value);
    MUST(client.run_model("double", {"foo"}, {"{foo}y"}));  // on the shard that has it now
    MUST(client.get_tensor("{foo}y", back));
    TRUE(back[0] == 14);
    MUST(client.get_tensor("{foo}new", back));
    TRUE(back == value);
    TRUE(std::system("./move begin 12182 0 2 >>move.log && ./move end 12182 0 2 >>move.log") == 0);
    MUST(client.run_model("double", {"foo"}, {"{foo}y"}));  // refused there, and run here
    Client fresh;
    MUST(fresh.connect());
    MUST(fresh.run_model("double", {"{foo}y"}, {"{foo}y"}));
    std::puts("done");
}
CPP
}

@test "a cluster that sends a client round in circles is left after a few hops" {
    cat >circle.py <<'PY'
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
port = s.getsockname()[1]
open("circle.port", "w").write(f"port {port}\n")
s.settimeout(20)
c, _ = s.accept()
c.settimeout(20)
commands = 0
while data := c.recv(65536):
    if b"SLOTS" in data:
        c.sendall(b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % port)
    elif b"PING" in data:
        c.sendall(b"+PONG\r\n")
    else:
        commands += 1
        c.sendall(b"-MOVED 12182 127.0.0.1:%d\r\n" % port)
print(commands)
PY
    python3 circle.py >circle.out 3>&- &
    local server=$!
    dbcluster_until port cat circle.port
    cat >circle.cpp <<'CPP'
#include "must.hpp"
int main(int, char** argv) {
    Client client;
    MUST(client.connect(argv[1]));
    bool there = false;
    const ClientStatus s = client.tensor_exists("foo", there);
    TRUE(s.code() == ClientStatus::Code::server && s.message().find("MOVED") != std::string::npos);
    std::puts("done");
}
CPP
    g++ -std=c++20 -I. circle.cpp -o circle -L"$BUILD/lib" -linferclient
    SR_DB_TYPE=Clustered run ./circle "127.0.0.1:$(cut -d" " -f2 circle.port)"
    wait "$server"
    [ "$output" = "done" ] || { echo "$output"; return 1; }
    [ "$(cat circle.out)" -gt 1 ] && [ "$(cat circle.out)" -lt 10 ]
}

@test "INFER_DB_SECRET_FILE, else INFER_DB_SECRET, opens shards that want a password, and no message tells it" {
    local i
    for i in 0 1 2; do dbcluster_cli $i config set requirepass s3cret; done
    cat >secret.cpp <<'CPP'
#include "must.hpp"
int main() {
    Client client;
    MUST(client.connect());
    const std::vector<float> value{1};
    for (const char* key : {"foo", "bar", "hello"}) { MUST(client.put_tensor(key, {1}, value)); }
    std::puts("done");
}
CPP
    g++ -std=c++20 -I. secret.cpp -o secret -L"$BUILD/lib" -linferclient
    run ./secret
    local without=$output
    INFER_DB_SECRET=wr0ng run ./secret
    local wrong=$output
    INFER_DB_SECRET=s3cret run ./secret
    [ "$output" = "done" ] || wrong=$output
    printf 's3cret\n' >secret.txt
    INFER_DB_SECRET=wr0ng INFER_DB_SECRET_FILE=$PWD/secret.txt run ./secret
    [ "$output" = "done" ] || wrong=$output
    INFER_DB_SECRET=s3cret INFER_DB_SECRET_FILE=$PWD/none.txt run ./secret
    local unread=$output
    INFER_DB_SECRET_FILE=$PWD/secret.txt run ./secret
    for i in 0 1 2; do REDISCLI_AUTH=s3cret dbcluster_cli $i config set requirepass ""; done
    [ "$output" = "done" ] || { echo "$output"; return 1; }
    [[ $unread == *"INFER_DB_SECRET_FILE: $PWD/none.txt: No such file or directory"* ]] || { echo "$unread"; return 1; }
    [[ $without == *NOAUTH* ]] || { echo "$without"; return 1; }
    [[ $wrong == *"AUTH: database"*INFER_DB_SECRET* && $wrong != *wr0ng* ]] || { echo "$wrong"; return 1; }
}

@test "one address is enough with SR_DB_TYPE=Clustered; a database that is no cluster says so" {
    SSDB=${DBCLUSTER_SSDB%%,*} SR_DB_TYPE=Clustered run ./secret
    [ "$output" = "done" ] || { echo "$output"; return 1; }
    SSDB=${DBCLUSTER_SSDB%%,*} SR_DB_TYPE=Standalone run ./secret
    [[ $output == *MOVED* ]] || { echo "$output"; return 1; }
}

@test "a shard that dies is named; what lies on the others is still there" {
    cpp dying <<'CPP'
#include "must.hpp"
#include <cstdlib>
int main() {
    ConnectOptions limits;
    limits.command_timeout = std::chrono::milliseconds(20'000);
    Client client;
    MUST(client.connect({}, limits));
    const std::vector<float> value{1};
    MUST(client.put_tensor("hello", {1}, value));  // slot 866, the first shard
    MUST(client.put_tensor("key1", {1}, value));   // slot 9189, the second
    TRUE(std::system("kill -KILL $(cat $DBCLUSTER_DIR/$(echo $DBCLUSTER_PORTS | cut -d\" \" -f2)/pid)") == 0);
    std::vector<float> back(1);
    for (int i = 0; i < 2; ++i) {
        const ClientStatus s = client.get_tensor("key1", back);
        TRUE(s.code() == ClientStatus::Code::connection);
        std::puts(s.message().c_str());
        MUST(client.get_tensor("hello", back));
    }
    std::puts("done");
}
CPP
    local ports
    read -r -a ports <<<"$DBCLUSTER_PORTS"
    [[ $output == *"127.0.0.1:${ports[1]}"* ]]
}
