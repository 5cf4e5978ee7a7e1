#!/usr/bin/env bats
# AI._SHARD: what it runs, and that nobody does through it what is closed to him. In a cluster: t0440-cluster.bats.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1; }
teardown_file() { db_stop; }

@test "it runs the commands that execute, in any case of letters, and answers as they do" {
    db_py <<'PY'
store("double", DOUBLE)
put("x", [1, 2])
same(db("ai._shard", "ai.modelExecute", "double", "INPUTS", 1, "x", "OUTPUTS", 1, "y"), b"OK")
same(get("y"), [2, 4])
same(db("AI.SCRIPTSET", "s", "CPU", "SOURCE", "def f(x: Tensor) -> Tensor:\n    return x + 1\n"), b"OK")
same(db("AI._SHARD", "AI.SCRIPTRUN", "s", "f", "INPUTS", "y", "OUTPUTS", "z"), b"OK")
same(get("z"), [3, 5])
reply = db("AI._SHARD", "AI.DAGEXECUTE", "LOAD", 1, "x", "|>", *run("double", ["x"], ["w"]), "|>", "AI.TENSORGET", "w", "BLOB")
same(reply, [b"OK", struct.pack("2f", 2, 4)])
fails("AI._SHARD", *run("missing", ["x"], ["y"]), says="model key is empty")
PY
}

@test "other commands, itself and too few words are refused" {
    db_py <<'PY'
fails("AI._SHARD", says="wrong number of arguments")
fails("AI._SHARD", "AI.MODELEXECUTE", says="wrong number of arguments")
fails("AI._SHARD", "FLUSHALL", "now", says="FLUSHALL is no command that AI._SHARD runs")
fails("AI._SHARD", "AI._SHARD", *run("double", ["x"], ["y"]), says="no command that AI._SHARD runs")
fails("AI._SHARD", "AI.MODELEXECUTE", "double", "OUTPUTS", says="")
fails("AI._SHARD", "AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", DOUBLE, says="no command that")
fails("AI._SHARD", "x" * 1000, "y", says="x" * 64 + " is no command")
PY
}

@test "a user does through it only what is open to him" {
    db_py <<'PY'
same(db("ACL", "SETUSER", "a", "on", "nopass", "~*", "+ai._shard", "+ai.tensorset"), b"OK")
same(db("ACL", "SETUSER", "b", "on", "nopass", "~mine.*", "~double", "+ai._shard", "+ai.modelexecute", "+ai.tensorset"), b"OK")
one, other = connect(), connect()
same(one("AUTH", "a", ""), b"OK")
same(other("AUTH", "b", ""), b"OK")
put("mine.x", [1])
put("x", [1])
reply = one.ask("AI._SHARD", *run("double", ["x"], ["y"]))
assert isinstance(reply, resp.Problem) and str(reply).startswith("NOPERM"), reply
same(other("AI._SHARD", *run("double", ["mine.x"], ["mine.y"])), b"OK")
for inputs, outputs in ((["x"], ["mine.y"]), (["mine.x"], ["y"])):
    reply = other.ask("AI._SHARD", *run("double", inputs, outputs))
    assert isinstance(reply, resp.Problem) and str(reply).startswith("NOPERM"), reply
PY
}
