#!/usr/bin/env bats
# Models and scripts on a GPU give what they give on the CPU: each worker has a stream and pinned buffers of its own.
load ../lib/db

setup_file() { [ ! -e /dev/nvidiactl ] || db_start TPQ 2 THREADS 1 DEVICE gpu; }
teardown_file() { db_stop; }
setup() { [ -e /dev/nvidiactl ] || skip "no GPU"; }

@test "a model on a GPU, from many clients at once" {
    db_py <<'PY'
STEPS = script("x: Tensor -> Tensor", "return torch.tanh(torch.mul(torch.matmul(x, torch.t(x)), 0.01))")
store("gpu", STEPS, device="GPU:0")
store("cpu", STEPS)
clients = [connect() for _ in range(8)]
for i, client in enumerate(clients):
    put(f"x{i}", [float((i * 7 + k) % 11) for k in range(64 * 64)], 64, 64)
for turn in range(20):
    for i, client in enumerate(clients):
        client.send(*run("gpu", [f"x{i}"], [f"g{i}"]))
    for client in clients:
        same(client.receive(), b"OK")
for i in range(len(clients)):
    same(db(*run("cpu", [f"x{i}"], [f"c{i}"])), b"OK")
    apart = max(abs(a - b) for a, b in zip(get(f"g{i}"), get(f"c{i}")))
    assert apart < 1e-3, apart
PY
}

@test "a script on a GPU" {
    db_py <<'PY'
same(db("AI.SCRIPTSET", "s", "GPU", "SOURCE", "def double(x):\n    return x * 2\n"), b"OK")
put("x", [1, 2, 3])
same(db("AI.SCRIPTRUN", "s", "double", "INPUTS", "x", "OUTPUTS", "y"), b"OK")
same(get("y"), [2, 4, 6])
PY
}
