#!/usr/bin/env bats
# Requests of several clients executed together: when, how many, and that each gets its own result.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu; }
teardown_file() { db_stop; }

@test "two clients become one batch, and each gets its own samples back" {
    db_py <<'PY'
store("m", DOUBLE, "BATCHSIZE", 8)
same(together("m", [([1, 2], 1, 2), ([3, 4, 5, 6], 2, 2), ([7, 8], 1, 2)]), [b"OK"] * 3)
same([get(f"out{i}") for i in range(3)], [[2, 4], [6, 8, 10, 12], [14, 16]])
same(db("AI.TENSORGET", "out1", "META"), [b"dtype", b"FLOAT", b"shape", [2, 2]])
info = stats("m")
same([info["batches"], info["samples"], info["calls"], info["meanbatch"]], [1, 4, 3, b"4.00"])
PY
}

@test "with BATCHSIZE 1 every request is executed alone, and nothing is tried" {
    db_py <<'PY'
store("m", DOUBLE, "BATCHSIZE", 1)
same(together("m", [([1], 1, 1), ([2], 1, 1)]), [b"OK"] * 2)
same([stats("m")["batches"], stats("m")["samples"], stats("m")["trials"]], [2, 2, 0])
PY
}

@test "a batch never exceeds BATCHSIZE, unless one request does" {
    db_py <<'PY'
store("m", DOUBLE, "BATCHSIZE", 3)
same(together("m", [([1, 2], 2, 1), ([3], 1, 1), ([4], 1, 1), ([5, 6, 7, 8, 9], 5, 1)]), [b"OK"] * 4)
same([get(f"out{i}") for i in range(4)], [[2, 4], [6], [8], [10, 12, 14, 16, 18]])
same([stats("m")["batches"], stats("m")["samples"]], [3, 9])
PY
}

@test "only inputs that agree in type and extents are joined" {
    db_py <<'PY'
store("m", DOUBLE, "BATCHSIZE", 8)
db("AI.TENSORSET", "d", "DOUBLE", 1, 2, "VALUES", 1, 2)
busy = occupy()
clients = [connect() for _ in range(5)]
put("a", [1, 2], 1, 2); put("b", [3, 4], 2, 1); put("c", [5, 6], 1, 2); put("s", [7])
for client, name in zip(clients, ["a", "b", "c", "d", "s"]):
    client.send(*run("m", [name], ["r" + name]))
until(lambda: state("waiting") == 5, "all requests waiting")
for client in [busy, *clients]:
    same(client.receive(), b"OK")
same([get("ra"), get("rb"), get("rc"), get("rs")], [[2, 4], [6, 8], [10, 12], [14]])
same(stats("m")["batches"], 4)            # a and c together
PY
}

@test "several inputs and outputs are joined and told apart" {
    db_py <<'PY'
store("two", script("a: Tensor, b: Tensor -> Tuple[Tensor, Tensor]", "return (torch.add(a, b), torch.sum(a, [1]))"), "BATCHSIZE", 4)
busy = occupy()
clients = [connect(), connect()]
for i, client in enumerate(clients):
    put(f"a{i}", [i, i], 1, 2); put(f"b{i}", [10], 1, 1)
    client.send(*run("two", [f"a{i}", f"b{i}"], [f"p{i}", f"q{i}"]))
until(lambda: state("waiting") == 2, "all requests waiting")
for client in [busy, *clients]:
    same(client.receive(), b"OK")
same([get("p0"), get("q0"), get("p1"), get("q1")], [[10, 10], [0], [11, 11], [2]])
same(stats("two")["batches"], 1)
PY
}

@test "one bad request does not spoil the others of its batch" {
    db_py <<'PY'
picky = script("x: Tensor -> Tensor", "return torch.index_select(torch.mul(torch.arange(4), 10), 0, torch.to(torch.reshape(x, [-1]), 4))")
store("m", picky, "BATCHSIZE", 4)
replies = together("m", [([1], 1, 1), ([99], 1, 1), ([2], 1, 1)])
same([replies[0], replies[2]], [b"OK"] * 2)
assert isinstance(replies[1], resp.Problem), replies
same([db("AI.TENSORGET", "out0", "VALUES"), db("AI.TENSORGET", "out2", "VALUES")], [[10], [20]])
same([stats("m")["errors"], stats("m")["calls"], stats("m")["samples"]], [1, 3, 2])
PY
}

@test "a model whose outputs cannot be told apart is executed for each alone" {
    db_py <<'PY'
store("m", script("x: Tensor -> Tensor", "return torch.sum(x)"), "BATCHSIZE", 4)
same(together("m", [([1], 1, 1), ([2], 1, 1)]), [b"OK"] * 2)
same([get("out0"), get("out1")], [[1], [2]])
same(stats("m")["batches"], 2)
PY
}

@test "MINBATCHSIZE waits for others, MINBATCHTIMEOUT not longer than it says" {
    db_py <<'PY'
store("wait", DOUBLE, "BATCHSIZE", 4, "MINBATCHSIZE", 2)
put("x", [1], 1, 1)
first = connect()
first.send(*run("wait", ["x"], ["a"]))
store("m", DOUBLE)
same(db(*run("m", ["x"], ["y"])), b"OK")     # others are served meanwhile
assert not answered(first)
same(db(*run("wait", ["x"], ["b"])), b"OK")
same(first.receive(), b"OK")
same([stats("wait")["batches"], stats("wait")["samples"]], [1, 2])

store("wait", DOUBLE, "BATCHSIZE", 4, "MINBATCHSIZE", 2, "MINBATCHTIMEOUT", 200)
began = time.monotonic()
same(db(*run("wait", ["x"], ["a"])), b"OK")
waited = time.monotonic() - began
assert waited >= 0.2, f"executed after {waited} s"
info = stats("wait")
same(info["batches"], 1)
assert info["queue"] >= 200000, info
PY
}

@test "requests for one model keep their order, and an old one of another model is not overtaken" {
    db_py <<'PY'
db("FLUSHALL")
store("m", DOUBLE, "BATCHSIZE", 2); store("n", DOUBLE, "BATCHSIZE", 2)
busy = occupy()
order = []
clients = {}
for name, model in ("m1", "m"), ("m2", "m"), ("m3", "m"), ("n1", "n"):
    clients[name] = connect()
    put(name, [0], 1, 1, client=clients[name])
    # Every execution writes the same key: the last writer is the last one executed.
    clients[name].send(*run(model, [name], ["o" + name]))
    until(lambda: state("waiting") == len(clients), "the request waiting")
same(busy.receive(), b"OK")
for client in clients.values():
    same(client.receive(), b"OK")
same([stats("m")["batches"], stats("n")["batches"]], [2, 1])
PY
}
