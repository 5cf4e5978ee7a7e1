#!/usr/bin/env bats
# SmartRedis and our client library beside each other on a Redis Cluster: what one stores, the other finds and runs.
load ../lib/smartredis

setup_file() { smartredis_cluster; }
teardown_file() { smartredis_stop; }
setup() {
    smartredis_require
    cd "$SR_WORK" || return 1
    export LD_LIBRARY_PATH=$BUILD/lib
}

# ours WORD: store | run, through the library; theirs WORD: the same through SmartRedis. Both print "done".
ours() {
    [ -e ours.cpp ] || cat >ours.cpp <<'CPP'
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>
#include "inferclient.hpp"
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); return 1; }
int main(int, char** argv) {
    Client client;
    MUST(client.connect());
    if (std::string_view(argv[1]) == "store") {
        std::ifstream in("double.pt", std::ios::binary);
        const std::string file{std::istreambuf_iterator<char>(in), {}};
        MUST(client.set_model("model.of.ours", std::as_bytes(std::span(file))));
        MUST(client.set_script("script.of.ours", "def add_one(x: Tensor) -> Tensor:\n    return x + 1\n"));
    } else {
        for (int i = 0; i < 20; ++i) {
            const std::vector<float> x{float(i)};
            std::vector<float> y(1);
            const std::string tag = "{" + std::to_string(i) + "}";
            MUST(client.put_tensor(tag + "x", {1}, x));
            MUST(client.run_script("script.of.theirs", "add_one", {tag + "x"}, {tag + "p"}));
            MUST(client.run_model("model.of.theirs", {tag + "p"}, {tag + "y"}));
            MUST(client.get_tensor(tag + "y", y));
            if (y[0] != 2 * (float(i) + 1)) { std::printf("%d gives %g\n", i, double(y[0])); return 1; }
        }
    }
    std::puts("done");
}
CPP
    [ -e ours ] || g++ -std=c++20 -I"$INFERSTEP_TOP/runtime/db/client" ours.cpp -o ours -L"$BUILD/lib" -linferclient
    ./ours "$1"
}
theirs() {
    SR_LOG_FILE=$SR_WORK/client.log SR_LOG_LEVEL=QUIET PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SR_PYTHON \
        timeout -k 5 120 python3 - "$1" 3>&- <<'PY'
import sys
import numpy as np
from smartredis import Client
client = Client(None)
if sys.argv[1] == "store":
    client.set_model("model.of.theirs", open("double.pt", "rb").read(), "TORCH", "CPU")
    client.set_script("script.of.theirs", "def add_one(x: Tensor) -> Tensor:\n    return x + 1\n", "CPU")
else:
    for i in range(20):
        client.put_tensor(f"{i}.x", np.array([i], dtype=np.float32))
        client.run_script("script.of.ours", "add_one", [f"{i}.x"], [f"{i}.p"])
        client.run_model("model.of.ours", [f"{i}.p"], [f"{i}.y"])
        assert client.get_tensor(f"{i}.y")[0] == 2 * (i + 1)
print("done")
PY
}

@test "SmartRedis runs models and scripts that our library has stored" {
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    [ "$(ours store)" = "done" ]
    run theirs run
    [ "$output" = "done" ] || { echo "$output"; return 1; }
}

@test "our library runs models and scripts that SmartRedis has stored" {
    [ "$(theirs store)" = "done" ]
    run ours run
    [ "$output" = "done" ] || { echo "$output"; return 1; }
}
