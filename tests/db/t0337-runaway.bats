#!/usr/bin/env bats
# A model that never returns harms its own requests only. MAXRUN is long enough for everything else here.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXRUN 6; }
teardown_file() { db_stop; }

@test "S8: an execution that does not return is written off; its model is refused until it is stored again" {
    db_py <<'PY'
store("endless", SLOW); store("m", DOUBLE)
put("forever", [1e9]); put("x", [1], 1, 1); put("once", [1])
first, behind = connect(), connect()
first.send(*run("endless", ["forever"], ["y"]))
until(lambda: state("running") == 1, "the execution")
behind.send(*run("endless", ["once"], ["y"]))
db("DEL", "forever")                                  # the lost worker goes on reading it
same(db(*run("m", ["x"], ["y"])), b"OK")              # by another worker, after MAXRUN
text = "TIMEOUT model endless did not return within 6 s and is not executed until it is stored again"
same([str(first.receive()), str(behind.receive())], [text] * 2)
fails(*run("endless", ["once"], ["y"]), says=text)
same([state("lost_workers"), state("waiting"), state("running")], [1, 0, 0])
same([stats("endless")["state"], stats("endless")["errors"]], [b"runaway", 2])
store("endless", SLOW)                                # the same bytes again
same(db(*run("endless", ["once"], ["y"])), b"OK")
same(stats("endless")["state"], b"usable")
PY
}

@test "a client that goes away before its execution is written off is no harm" {
    db_py <<'PY'
store("gone", SLOW); store("m", DOUBLE)
put("forever", [1e9]); put("x", [1], 1, 1)
lost = state("lost_workers")
client = connect()
client.send(*run("gone", ["forever"], ["y"]))
until(lambda: state("running") == 1, "the execution")
client.close()
db("DEL", "gone", "forever")
same(db(*run("m", ["x"], ["z"])), b"OK")
same(state("lost_workers"), lost + 1)
PY
}

@test "a model that does not return from its example is not stored, and others are" {
    db_py <<'PY'
endless = script("x: Tensor -> Tensor", "y = torch.ones([512, 512])", "for i in range(1000000000):", "  y = torch.tanh(torch.matmul(y, y))",
                 "return torch.add(x, torch.mul(torch.sum(y), 0))", example=[1, 2])
fails("AI.MODELSTORE", "never", "TORCH", "CPU", "BLOB", endless, says="did not return within 6 s")
same(db("EXISTS", "never"), 0)
store("m", DOUBLE)
put("x", [1], 1, 1)
same(db(*run("m", ["x"], ["y"])), b"OK")
PY
}

@test "a script that does not return is refused like a model, also as a step of several" {
    db_py <<'PY'
SOURCE = """
def endless(tensors: List[Tensor], keys: List[str], args: List[str]):
    x = tensors[0]
    while bool(x[0] > 0):
        x = x * 1
    return x
"""
same(db("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "endless", "SOURCE", SOURCE), b"OK")
store("m", DOUBLE)
put("x", [1]); put("zero", [0]); put("row", [1], 1, 1)
says = "TIMEOUT script s did not return within 6 s"
graph = connect()
graph.send("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "end", "|>", "AI.SCRIPTEXECUTE", "s", "endless", "INPUTS", 1, "x", "OUTPUTS", 1, "y",
           "|>", "AI.MODELEXECUTE", "m", "INPUTS", 1, "y", "OUTPUTS", 1, "end")
same(db(*run("m", ["row"], ["other"])), b"OK")
reply = graph.receive()
assert says in str(reply), reply
fails("AI.SCRIPTEXECUTE", "s", "endless", "INPUTS", 1, "zero", "OUTPUTS", 1, "y", says=says)
same(db("EXISTS", "end"), 0)
PY
}
