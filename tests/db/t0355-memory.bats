#!/usr/bin/env bats
# Models that want too much: their own request fails, the database lives on.
load ../lib/db

setup() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXTORCH 100000000 MAXRUN 60; }
teardown() { db_stop; }

alive() {
    cat <<'PY'
def alive():
    store("good", DOUBLE)
    put("x", [1, 2])
    same(db(*run("good", ["x"], ["y"])), b"OK")
    same(get("y"), [2, 4])
    assert not any("REDIS BUG REPORT" in line for line in open(DIR + "/log"))
PY
}

@test "a model that allocates without end fails alone, and what it took is given back" {
    { alive; cat; } <<'PY' | db_py
endless = script("x: Tensor -> Tensor", "kept = [x]", "for i in range(1000000):",
                 "  _1 = torch.append(kept, torch.zeros([1000000]))", "return torch.cat(kept, 0)")
store("endless", endless)
put("x", [1])
for _ in range(3):
    fails(*run("endless", ["x"], ["y"]), says="the model needs more memory than the 100000000 bytes")
    until(lambda: state("torch_memory") < 10000000, "the memory given back")
alive()
PY
}

@test "a tensor larger than the limit, and one larger than any memory" {
    { alive; cat; } <<'PY' | db_py
for elements in 30_000_000, 2**40, 2**61:
    store("large", script("x: Tensor -> Tensor", f"return torch.ones([{elements}])"))
    put("x", [1])
    reply = db.ask(*run("large", ["x"], ["y"]))
    assert isinstance(reply, resp.Problem) and "\n" not in str(reply), reply
alive()
PY
}

@test "weights count, and are given back with their model" {
    { alive; cat; } <<'PY' | db_py
alive()
before = state("torch_memory")
large = script("x: Tensor -> Tensor", "return torch.add(x, torch.ones([10000000]))", example=[1])
store("m", large)          # frozen: the constant is computed once and kept
put("x", [1])
same(db(*run("m", ["x"], ["y"])), b"OK")
same(len(get("y")), 10000000)
db("DEL", "m", "y")
until(lambda: state("torch_memory") <= before + 1000000, "the memory given back")
alive()
PY
}

@test "a model that calls itself without end, throws, prints or divides by zero harms nobody" {
    { alive; cat; } <<'PY' | db_py
put("x", [0])
bad = {
    "throws": ['ops.prim.RaiseException("no", "builtins.ValueError")', "return x"],
    "zero": ["n = int(torch.select(x, 0, 0))", "return torch.mul(x, 1 // n)"],
    "itself": ["return (self).forward(x)"],
    "index": ["return torch.select(x, 0, 5)"],
    "shape": ["return torch.matmul(x, torch.ones([3, 3]))"],
}
for name, body in bad.items():
    reply = db.ask("AI.MODELSTORE", name, "TORCH", "CPU", "BLOB", script("x: Tensor -> Tensor", *body))
    if reply == b"OK":
        reply = db.ask(*run(name, ["x"], ["y"]))
    assert isinstance(reply, resp.Problem) and "\n" not in str(reply), (name, reply)
store("prints", script("x: Tensor -> Tensor", 'print("hello from a model")', "return x"))
same(db(*run("prints", ["x"], ["y"])), b"OK")
alive()
PY
}
