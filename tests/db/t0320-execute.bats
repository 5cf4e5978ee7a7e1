#!/usr/bin/env bats
# AI.MODELEXECUTE: results, waiting, going away, time limits; Redis answers meanwhile.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXQUEUE 3; }
teardown_file() { db_stop; }

@test "outputs are stored under the keys that were named" {
    db_py <<'PY'
store("m", DOUBLE)
put("x", [1, 2, 3, 4], 2, 2)
same(db(*run("m", ["x"], ["y"], "TIMEOUT", 60000000)), b"OK")
same(db("AI.TENSORGET", "y", "META"), [b"dtype", b"FLOAT", b"shape", [2, 2]])
same(get("y"), [2, 4, 6, 8])
same(db(*run("m", ["y"], ["y"])), b"OK")                  # an output may replace its input
same(get("y"), [4, 8, 12, 16])
same(db("AI.MODELRUN", "m", "TIMEOUT", 1000, "INPUTS", "x", "OUTPUTS", "z"), b"OK")
same(get("z"), [2, 4, 6, 8])
PY
}

@test "several inputs and outputs, lists and tuples, every type" {
    db_py <<'PY'
store("two", script("a: Tensor, b: Tensor -> Tuple[Tensor, Tensor]", "return (torch.add(a, b), torch.sub(a, b))"))
store("list", script("a: Tensor -> List[Tensor]", "return [a, torch.mul(a, 3)]"))
put("a", [5, 7]); put("b", [1, 2])
same(db(*run("two", ["a", "b"], ["sum", "difference"])), b"OK")
same([get("sum"), get("difference")], [[6, 9], [4, 5]])
same(db(*run("list", ["a"], ["l0", "l1"])), b"OK")
same([get("l0"), get("l1")], [[5, 7], [15, 21]])
store("same", script("x: Tensor -> Tensor", "return x"))
for name, code in [("FLOAT", "f"), ("DOUBLE", "d"), ("INT8", "b"), ("INT16", "h"), ("INT32", "i"), ("INT64", "q"),
                   ("UINT8", "B"), ("UINT16", "H"), ("BOOL", "B")]:
    blob = struct.pack("3" + code, 0, 1, 1)
    db("AI.TENSORSET", "t", name, 3, "BLOB", blob)
    same(db(*run("same", ["t"], ["u"])), b"OK")
    same(db("AI.TENSORGET", "u", "META", "BLOB"), [b"dtype", name.encode(), b"shape", [3], b"blob", blob])
db("AI.TENSORSET", "t", "STRING", 1, "VALUES", "x")
fails(*run("same", ["t"], ["u"]), says="takes no STRING tensor")
store("half", script("x: Tensor -> Tensor", "return torch.to(x, 5)"))
same(db(*run("half", ["a"], ["h"])), b"OK")               # 16-bit floats have no name on the wire: floats
same(get("h"), [5, 7])
store("scalar", script("x: Tensor -> Tensor", "return torch.sum(x)"))
same(db(*run("scalar", ["a"], ["s"])), b"OK")
same(db("AI.TENSORGET", "s", "META", "VALUES"), [b"dtype", b"FLOAT", b"shape", [], b"values", [b"12"]])
PY
}

@test "what is missing or does not fit is said, and is counted as an error only when it was executed" {
    db_py <<'PY'
db("FLUSHALL")
store("m", DOUBLE); put("x", [1])
fails(*run("none", ["x"], ["y"]), says="ERR model key is empty")
fails(*run("m", ["none"], ["y"]), says="ERR tensor key is empty or in a different shard")
fails(*run("x", ["x"], ["y"]), says="WRONGTYPE")
fails(*run("m", ["m"], ["y"]), says="WRONGTYPE")
fails("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 2, "y", says="OUTPUTS is followed by how many keys")
fails("AI.MODELEXECUTE", "m", "INPUTS", 3, "x", "OUTPUTS", 1, "y", says="y is no word of this command")
fails("AI.MODELEXECUTE", "m", "INPUTS", "x", "OUTPUTS", "y", says="INPUTS is followed by how many keys")
fails("AI.MODELEXECUTE", "m", "INPUTS", 0, "OUTPUTS", 1, "y", says="INPUTS is followed by how many keys")
fails("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "INPUTS", 1, "x", says="no word of this command, or stands in it twice")
fails("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "TIMEOUT", 5, says="OUTPUTS is missing")
for limit in 0, -5, "x", 10**13:
    fails(*run("m", ["x"], ["y"], "TIMEOUT", limit), says="ERR TIMEOUT is a number of milliseconds from 1")
fails("AI.MODELEXECUTE", "m", "INPUTS", says="wrong number of arguments")
fails("AI.MODELRUN", "m", "INPUTS", "OUTPUTS", "y", "TIMEOUT", 1, says="INPUTS names no key")
same(stats("m")["errors"], 0)
store("named", DOUBLE, "INPUTS", 2, "a", "b", "OUTPUTS", 1, "c")
fails(*run("named", ["x"], ["y"]), says="ERR Number of keys given as INPUTS here does not match model definition")
fails(*run("m", ["x", "x"], ["y"]), says="forward")
fails(*run("m", ["x"], ["y", "z"]), says="the model gives 1 outputs, 2 keys were given for them")
store("matrix", script("x: Tensor -> Tensor", "return torch.matmul(x, torch.ones([3, 3]))"))
put("x", [1, 2], 1, 2)
fails(*run("matrix", ["x"], ["y"]), says="mat1 and mat2 shapes cannot be multiplied")
same([stats("matrix")["errors"], stats("matrix")["calls"], stats("matrix")["samples"]], [1, 1, 0])
same(db("EXISTS", "y"), 0)
db("SET", "text", "x")
fails(*run("m", ["x"], ["text"]), says="WRONGTYPE")
same(db("GET", "text"), b"x")
PY
}

@test "Redis answers others while a model runs" {
    db_py <<'PY'
busy = occupy()
for _ in range(50):
    same(db("PING"), b"PONG")
    put("other", [1])
assert not answered(busy), "the slow execution ended before fifty PINGs: Redis was blocked"
same(busy.receive(), b"OK")
PY
}

@test "input and model may be deleted while they are used" {
    db_py <<'PY'
busy = occupy()
same(db("DEL", "work", "slow"), 2)
same(db("EXISTS", "slow"), 0)
assert not answered(busy)
same(busy.receive(), b"OK")
same(get("done"), [300])
until(lambda: state("models") == 0 or "slow" not in str(db("AI._MODELSCAN")), "the end of the model")
PY
}

@test "the request of a client that went away is never executed" {
    db_py <<'PY'
db("FLUSHALL"); store("m", DOUBLE); put("x", [1])
busy = occupy()
gone = connect()
gone.send(*run("m", ["x"], ["y"]))
until(lambda: state("waiting") == 1, "the request waiting")
gone.close()
until(lambda: state("waiting") == 0, "the request dropped")
assert not answered(busy)
same(busy.receive(), b"OK")
same(db(*run("m", ["x"], ["z"])), b"OK")          # went through the same queue behind it
same([stats("m")["calls"], db("EXISTS", "y")], [1, 0])
PY
}

@test "a client may go away while its model runs" {
    db_py <<'PY'
db("FLUSHALL")
busy = occupy(100)
busy.close()
until(lambda: state("running") == 0, "the end of the execution")
same(db("EXISTS", "done"), 0)
store("m", DOUBLE); put("x", [1])
same(db(*run("m", ["x"], ["y"])), b"OK")
PY
}

@test "TIMEOUT ends what waits and not what runs" {
    db_py <<'PY'
db("FLUSHALL"); store("m", DOUBLE); put("x", [1])
busy = occupy()
waiting = connect()
waiting.send(*run("m", ["x"], ["y"], "TIMEOUT", 30))
same(waiting.receive(), b"TIMEDOUT")
assert not answered(busy), "the time limit came after the end of the execution before it"
same(busy.receive(), b"OK")
same([stats("m")["calls"], db("EXISTS", "y"), state("waiting")], [0, 0, 0])
put("work", [1000])
began = time.monotonic()
same(db(*run("slow", ["work"], ["done"], "TIMEOUT", 500)), b"OK")
assert time.monotonic() - began > 0.5, "the execution ended within its time limit: this says nothing"
PY
}

@test "S8: a full queue refuses at once" {
    db_py <<'PY'
db("FLUSHALL"); store("m", DOUBLE); put("x", [1])
busy = occupy()
waiting = [connect() for _ in range(3)]
for client in waiting:
    client.send(*run("m", ["x"], ["y"]))
until(lambda: state("waiting") == 3, "the queue being full")
fails(*run("m", ["x"], ["y"]), says="BUSY the queue of device CPU is full: 3 requests wait")
for client in [busy, *waiting]:
    same(client.receive(), b"OK")
PY
}

@test "MULTI and scripts get a clean error" {
    db_py <<'PY'
db("FLUSHALL"); store("m", DOUBLE); put("x", [1])
db("MULTI"); db(*run("m", ["x"], ["y"])); db("AI.MODELSTORE", "n", "TORCH", "CPU", "BLOB", DOUBLE); db("AI.TENSORGET", "x", "BLOB")
replies = db("EXEC")
assert "cannot stand in MULTI" in str(replies[0]) and "cannot stand in MULTI" in str(replies[1]), replies
same(replies[2], struct.pack("f", 1))
fails("EVAL", "return redis.call('AI.MODELEXECUTE', 'm', 'INPUTS', 1, 'x', 'OUTPUTS', 1, 'y')", 0, says="cannot stand in MULTI or a script")
same(db("EXISTS", "y"), 0)
PY
}

@test "Redis knows the keys of the commands" {
    db_py <<'PY'
same(db("COMMAND", "GETKEYS", *run("m", ["a", "b"], ["c"], "TIMEOUT", 5)), [b"m", b"a", b"b", b"c"])
same(db("COMMAND", "GETKEYS", "AI.MODELRUN", "m", "INPUTS", "a", "b", "OUTPUTS", "c"), [b"m", b"a", b"b", b"c"])
same(db("COMMAND", "GETKEYS", "AI.TENSORSET", "t", "FLOAT", 1), [b"t"])
same(db("COMMAND", "GETKEYS", "AI.MODELSTORE", "k", "TORCH", "CPU", "BLOB", "x"), [b"k"])
same(db("COMMAND", "GETKEYS", "AI.INFO", "k"), [b"k"])
PY
}
