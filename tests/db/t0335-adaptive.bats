#!/usr/bin/env bats
# Requests that are executed together although nobody asked for it: only where it makes no difference.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXBATCH 8; }
teardown_file() { db_stop; }

@test "requests that wait are joined once three trials have agreed" {
    db_py <<'PY'
store("m", DOUBLE)
for i in range(3):
    same(together("m", [([1, 2], 1, 2), ([3, 4], 1, 2)], 60), [b"OK"] * 2)
    same([get("out0"), get("out1")], [[2, 4], [6, 8]])
until(lambda: stats("m")["trials"] == 3, "the third trial")     # nobody waits for it
info = stats("m")
same([info["batches"], info["calls"], info["batchsizes"]], [6, 6, b"1x6"])
same(together("m", [([1, 2], 1, 2), ([3, 4], 1, 2)], 60), [b"OK"] * 2)
same([get("out0"), get("out1")], [[2, 4], [6, 8]])
info = stats("m")
same([info["batches"], info["samples"], info["batchsizes"], info["state"]], [7, 8, b"1x6/2x1", b"usable"])
assert info["joint"] >= 2, info
PY
}

@test "a request that waits for nobody is executed at once and alone" {
    db_py <<'PY'
store("lone", DOUBLE)
put("x", [1], 1, 1)
for i in range(5):
    same(db(*run("lone", ["x"], ["y"])), b"OK")
same([stats("lone")["batches"], stats("lone")["trials"]], [5, 0])
PY
}

@test "no more than MAXBATCH samples are joined, and a request with more is executed alone" {
    db_py <<'PY'
store("many", DOUBLE)
for i in range(12):
    same(together("many", [([j], 1, 1) for j in range(10)], 60), [b"OK"] * 10)
    same([get(f"out{j}") for j in range(10)], [[2 * j] for j in range(10)])
same(stats("many")["joint"], 8)
largest = int(stats("many")["batchsizes"].split(b"/")[-1].split(b"x")[0])
same(largest, 8)
same(together("many", [(list(range(9)), 9, 1), ([1], 1, 1)], 60), [b"OK"] * 2)
same(get("out0"), [2 * j for j in range(9)])
PY
}

@test "models that look across their batch are never joined: each result is the one it gets alone" {
    db_py <<'PY'
MODELS = {
    "softmax over samples": ["return torch.softmax(x, 0)"],
    "minus the mean": ["return torch.sub(x, torch.mean(x, [0], True))"],
    "over the largest": ["return torch.div(x, torch.max(x))"],
    "times its transpose": ["return torch.matmul(x, torch.t(x))"],
    "one sum": ["return torch.reshape(torch.sum(x), [1, 1])"],
    "running sums": ["return torch.cumsum(x, 0)"],
    "batch norm that trains": ["return torch.batch_norm(torch.cat([x, torch.mul(x, 3)], 0), None, None, None, None, True, 0.1, 0.1, False)[0:int(torch.size(x, 0))]"],
    "turned around": ["return torch.flip(x, [0])"],
    "a matter of size": ["return torch.add(x, torch.size(x, 0))"],
}
for name, body in MODELS.items():
    for tensors in ([([1, 2, 4], 1, 3), ([7, 5, 6], 1, 3)], [([3, 1, 2], 1, 3)] * 2, [([1, 2], 2, 1), ([4, 3, 9], 3, 1)]):
        try:
            store(name, script("x: Tensor -> Tensor", *body), "TAG", repr(tensors))
        except resp.Problem as problem:
            raise AssertionError(f"{name}: {problem}")
        alone = []
        for values in tensors:
            put("x", *values)
            same(db(*run(name, ["x"], ["y"])), b"OK")
            alone.append(get("y"))
        for i in range(2):
            same(together(name, tensors, 60), [b"OK"] * len(tensors))
            got = [get(f"out{j}") for j in range(len(tensors))]
            assert got == alone, f"{name}: {got} is not {alone}"
        same(stats(name)["joint"], 1)
        assert stats(name)["trials"] > 0
PY
}

@test "dropout that trains, and outputs that never vary, are not joined" {
    db_py <<'PY'
store("random", script("x: Tensor -> Tensor", "return torch.dropout(x, 0.5, True)"))
store("constant", script("x: Tensor -> Tensor", "return torch.zeros([torch.size(x, 0), 2])"))
rows = [(list(range(1, 33)), 1, 32), (list(range(41, 73)), 1, 32)]
for name in "random", "constant":
    for i in range(5):
        same(together(name, rows, 60), [b"OK"] * 2)
    same(stats(name)["joint"], 1)
same(get("out0"), [0, 0])
PY
}

@test "an error in a trial goes to whom it belongs, and a model that is stored anew begins anew" {
    db_py <<'PY'
picky = script("x: Tensor -> Tensor", "return torch.index_select(torch.mul(torch.arange(4), 10), 0, torch.to(torch.reshape(x, [-1]), 4))")
store("m", picky, "TAG", "picky")
for i in range(4):
    replies = together("m", [([1], 1, 1), ([99], 1, 1), ([2], 1, 1)], 60)
    same([replies[0], replies[2]], [b"OK"] * 2)
    assert isinstance(replies[1], resp.Problem), replies
    same([db("AI.TENSORGET", "out0", "VALUES"), db("AI.TENSORGET", "out2", "VALUES")], [[10], [20]])
same(stats("m")["errors"], 4)
store("m", DOUBLE)
same([stats("m")["joint"], stats("m")["trials"]], [1, 0])
PY
}

@test "INFO has the quantiles, the sizes and what became of joining" {
    db_py <<'PY'
store("info", DOUBLE)
put("x", [1], 1, 1)
same(db(*run("info", ["x"], ["y"])), b"OK")
fields = dict(part.split("=") for part in state("model_info").split(","))
for word in "queue", "input", "inference", "output":
    for q in "p50", "p99":
        assert float(fields[f"{word}_{q}_us"]) >= 0, fields
assert float(fields["inference_p50_us"]) > 0, fields
same([fields["batch_sizes"], fields["joint"], fields["runaway"]], ["1x1", "1", "0"])
info = db("AI.INFO", "info")
same(len(info) % 2, 0)
same([key.decode() for key in info[:18:2]], "key type backend device tag duration samples calls errors".split())
db("AI.INFO", "info", "RESETSTAT")
same([stats("info")["batchsizes"], stats("info")["inference_p99"]], [b"", b"0.0"])
PY
}
