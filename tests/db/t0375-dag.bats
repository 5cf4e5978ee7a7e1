#!/usr/bin/env bats
# AI.DAG*: results, what is stored and what is not, errors, time limits, clients that go away.
load ../lib/db

setup_file() { db_start TPQ 2 THREADS 1 DEVICE cpu MAXQUEUE 3; }
teardown_file() { db_stop; }
teardown() { [ -z "${own_server-}" ] || db_stop; }

# Prepended to the Python of these tests.
dag_py() {
    { cat <<'PY'; cat; } | db_py
def f4(*numbers):
    return struct.pack(f"{len(numbers)}f", *numbers)
def tensor(name, *numbers):
    return ["AI.TENSORSET", name, "FLOAT", len(numbers), "BLOB", f4(*numbers)]
def fetch(name, *parts):
    return ["AI.TENSORGET", name, *(parts or ["BLOB"])]
def dag(*commands, load=(), persist=(), rest=(), form="AI.DAGEXECUTE"):
    words = [form]
    for word, keys in ("LOAD", load), ("PERSIST", persist):
        words += [word, len(keys), *keys] if keys else []
    words += rest
    for command in commands:
        words += ["|>", *command]
    return words
def slow(x, y):                                          # functions of scripts are never joined
    return ["AI.SCRIPTEXECUTE", "s", "slow", "INPUTS", 1, x, "OUTPUTS", 1, y]
def fill():
    db("FLUSHALL")
    store("m", DOUBLE); store("slow", SLOW)
    same(db("AI.SCRIPTSET", "s", "CPU", "SOURCE", b"def half(x):\n    return x / 2\ndef add(a, b):\n    return a + b\ndef bad(x):\n    assert False, 'no'\n    return x\n"
            b"def slow(x):\n    y = torch.ones([512, 512])\n    for i in range(int(x[0])):\n        y = torch.tanh(torch.matmul(y, y))\n    return x + y.sum() * 0\n"), b"OK")
    put("x", [1, 2])
PY
}

@test "the replies of a whole DAG, byte for byte" {
    dag_py <<'PY'
fill()
raw = connect()
def wire(words, reply):
    raw.send(*words)
    got = raw.stream.read(len(reply))
    same(got, reply)
whole = dag(tensor("a", 3, 4), run("m", ["a"], ["b"]), ["AI.SCRIPTEXECUTE", "s", "add", "INPUTS", 2, "b", "x", "OUTPUTS", 1, "c"],
            fetch("c"), fetch("c", "META", "BLOB"), load=["x"], persist=["c"], rest=["ROUTING", "x", "TIMEOUT", 60000])
meta = b"*6\r\n$5\r\ndtype\r\n$5\r\nFLOAT\r\n$5\r\nshape\r\n*1\r\n:2\r\n$4\r\nblob\r\n"
data = b"$8\r\n" + f4(7, 10) + b"\r\n"
wire(whole, b"*5\r\n+OK\r\n+OK\r\n+OK\r\n" + data + meta + data)
same([get("c"), db("EXISTS", "a", "b"), get("x")], [[7, 10], 0, [1, 2]])
wire(dag(run("m", ["x"], ["y"]), ["AI.SCRIPTEXECUTE", "s", "bad", "INPUTS", 1, "y", "OUTPUTS", 1, "z"], fetch("z"), run("m", ["z"], ["w"]),
         load=["x"]), b"*4\r\n+OK\r\n-ERR AssertionError: no\r\n+NA\r\n+NA\r\n")
wire(dag(tensor("a", 1), form="AI.DAGEXECUTE_RO"), b"*1\r\n+OK\r\n")
wire(["AI.DAGEXECUTE", "LOAD", 1, "x"], b"-ERR DAG is empty\r\n")
wire(dag(run("m", ["none"], ["y"])), b"-ERR INPUT key cannot be found in DAG\r\n")
wire(dag(tensor("a", 1), persist=["b"]), b"-ERR PERSIST key cannot be found in DAG\r\n")
wire(dag(run("m", ["none"], ["y"]), load=["none"]), b"-ERR tensor key is empty or in a different shard\r\n")
wire(dag(tensor("a", 1), persist=["a"], form="AI.DAGRUN_RO"), b"-ERR PERSIST cannot be specified in a read-only DAG\r\n")
PY
}

@test "the older form takes the older commands, and both store only what PERSIST names" {
    dag_py <<'PY'
fill()
words = dag(["AI.MODELRUN", "m", "INPUTS", "x", "OUTPUTS", "y"], ["AI.SCRIPTRUN", "s", "add", "INPUTS", "x", "y", "OUTPUTS", "z"],
            fetch("z"), load=["x"], persist=["z", "y"], form="AI.DAGRUN")
same(db(*words), [b"OK", b"OK", f4(3, 6)])
same([get("z"), get("y")], [[3, 6], [2, 4]])
fails(*[word if word != "AI.DAGRUN" else "AI.DAGEXECUTE" for word in words], says="ERR unsupported command within DAG: AI.MODELRUN")
fails(*dag(tensor("a", 1), rest=["ROUTING", "x"], form="AI.DAGRUN"), says="ROUTING is no word of this command")
same(db(*dag(run("m", ["x"], ["q"]), fetch("q"), load=["x"], form="AI.DAGRUN_RO")), [b"OK", f4(2, 4)])
same(db(*dag(run("m", ["x"], ["q"]), fetch("q"), load=["x"], form="AI.DAGEXECUTE_RO")), [b"OK", f4(2, 4)])
same(db("EXISTS", "q"), 0)
PY
}

@test "a name means what was last given it; data may look like the sign between commands" {
    dag_py <<'PY'
fill()
same(db(*dag(fetch("x"), run("m", ["x"], ["x"]), fetch("x"), run("m", ["x"], ["x"]), tensor("y", 9), fetch("x"), fetch("y"),
             load=["x"], persist=["x"])), [f4(1, 2), b"OK", f4(2, 4), b"OK", b"OK", f4(4, 8), f4(9)])
same(get("x"), [4, 8])
same(db(*dag(["AI.TENSORSET", "BLOB", "INT8", 2, "BLOB", "|>"], fetch("BLOB"), ["AI.TENSORSET", "v", "INT8", 2, "VALUES", 1, 2],
             fetch("v", "META", "VALUES"))), [b"OK", b"|>", b"OK", [b"dtype", b"INT8", b"shape", [2], b"values", [1, 2]]])
same(db(*dag(tensor("a", 1, 2), load=["x"], persist=["a", "x"])), [b"OK"])
same([get("a"), get("x")], [[1, 2], [4, 8]])
PY
}

@test "branches run at the same time, and Redis answers meanwhile" {
    dag_py <<'PY'
fill()
put("work", [300])
client = connect()
client.send(*dag(slow("work", "a"), slow("work", "b"), ["AI.SCRIPTEXECUTE", "s", "add", "INPUTS", 2, "a", "b", "OUTPUTS", 1, "c"],
                 fetch("c"), load=["work"]))
until(lambda: state("running") == 2, "both branches running")
same(db("PING"), b"PONG")
assert not answered(client)
same(client.receive(), [b"OK", b"OK", b"OK", f4(600)])
many = [tensor("t0", 1)] + [run("m", [f"t{i}"], [f"t{i + 1}"]) for i in range(20)] + [fetch("t20")]
same(db(*dag(*many))[-1], f4(2.0 ** 20))
wide = [tensor("t", 1)] + [run("m", ["t"], [f"w{i}"]) for i in range(3)] + [run("m", [f"w{i}"], [f"v{i}"]) for i in range(3)]
same(db(*dag(*wide, *[fetch(f"v{i}") for i in range(3)]))[-3:], [f4(4)] * 3)
PY
}

@test "what makes no sense is refused before anything is executed" {
    dag_py <<'PY'
fill()
x = run("m", ["x"], ["y"])
for words, says in [
    (["AI.DAGEXECUTE", "LOAD", 1, "x", "|>"], "ERR a command is missing behind |>"),
    (dag(x, load=["x"]) + ["|>"], "ERR a command is missing behind |>"),
    (["AI.DAGEXECUTE", "LOAD", 0, "|>", *x], "ERR LOAD is followed by how many keys"),
    (["AI.DAGEXECUTE", "LOAD", 99, "x", "|>", *x], "ERR LOAD is followed by how many keys"),
    (["AI.DAGEXECUTE", "LOAD", 2**64, "x", "|>", *x], "ERR LOAD is followed by how many keys"),
    (["AI.DAGEXECUTE", "LOAD", 1, "x", "LOAD", 1, "x", "|>", *x], "ERR LOAD is no word of this command, stands in it twice"),
    (["AI.DAGEXECUTE", "NOISE", "|>", *x], "ERR NOISE is no word of this command"),
    (["AI.DAGEXECUTE", "TIMEOUT", "soon", "|>", *x], "ERR TIMEOUT is a number of milliseconds"),
    (dag(["SET", "a", "b"]), "ERR unsupported command within DAG: SET"), (dag(["AI.DAGRUN"]), "ERR unsupported command within DAG"),
    (dag(["AI.MODELSTORE", "q", "TORCH", "CPU", "BLOB", DOUBLE]), "ERR unsupported command within DAG"),
    (dag([*x, "TIMEOUT", 5], load=["x"]), "ERR TIMEOUT not allowed within a DAG command"),
    (dag(x), "ERR INPUT key cannot be found in DAG"), (dag(fetch("x")), "ERR INPUT key cannot be found in DAG"),
    (dag(run("none", ["x"], ["y"]), load=["x"]), "ERR model key is empty"),
    (dag(["AI.SCRIPTEXECUTE", "m", "f"]), "WRONGTYPE"), (dag(x, load=["m"]), "WRONGTYPE"),
    (dag(["AI.MODELEXECUTE", "m"], load=["x"]), "ERR INPUTS is missing"), (dag(["AI.MODELEXECUTE"]), "ERR AI.MODELEXECUTE lacks its key"),
    (dag(["AI.TENSORSET", "a"]), "ERR wrong number of arguments for 'AI.TENSORSET'"), (dag(["AI.TENSORGET"]), "ERR wrong number of arguments"),
    (dag(["AI.TENSORSET", "a", "FLOAT", 2, "BLOB", "x"]), "ERR data length does not match tensor shape and type"),
    (dag(["AI.TENSORSET", "a", "FLOAT", 2**40]), "is larger than"), (dag(tensor("a", 1), fetch("a", "BLOB", "VALUES")), "both BLOB and VALUES"),
    (dag(*[tensor("a", 1)] * 1025), "ERR a DAG has at most 1024 commands"), (["AI.DAGEXECUTE"], "wrong number of arguments"),
]:
    fails(*words, says=says)
same([stats("m")["calls"], state("waiting"), state("running")], [0, 0, 0])
same(len(db(*dag(*[tensor("a", 1)] * 1024))), 1024)
PY
}

@test "nothing is stored before everything worked" {
    dag_py <<'PY'
fill()
db("SET", "text", "t")
fails(*dag(run("m", ["x"], ["y"]), ["AI.TENSORSET", "text", "FLOAT", 1], load=["x"], persist=["y", "text"]), says="WRONGTYPE")
bad = ["AI.SCRIPTEXECUTE", "s", "bad", "INPUTS", 1, "x", "OUTPUTS", 1, "z"]
replies = db(*dag(run("m", ["x"], ["y"]), bad, load=["x"], persist=["y"]))
assert "AssertionError: no" in str(replies[1]), replies
fails(*run("m", ["x"], ["y"]), "OUTPUTS", 1, "y", says="no word")
store("pair", script("a: Tensor -> Tuple[Tensor, Tensor]", "return (a, a)"))
fails(*run("pair", ["x"], ["y", "text"]), says="WRONGTYPE")   # nor by a single execution
same([db("EXISTS", "y", "z"), db("GET", "text")], [0, b"t"])
replies = db(*dag(run("pair", ["x"], ["y"]), fetch("x"), load=["x"]))
assert "the model gives 2 outputs, 1 keys were given" in str(replies[0]), replies
same(replies[1], f4(1, 2))
PY
}

@test "beyond maxmemory nothing is stored, and what only reads is executed" {
    dag_py <<'PY'
fill()
db("CONFIG", "SET", "maxmemory", 1)
fails(*dag(run("m", ["x"], ["y"]), load=["x"], persist=["y"]), says="OOM")
same(db(*dag(run("m", ["x"], ["y"]), fetch("y"), load=["x"], form="AI.DAGEXECUTE_RO")), [b"OK", f4(2, 4)])
db("CONFIG", "SET", "maxmemory", 0)
used = int(next(line.split(b":")[1] for line in db("INFO", "memory").splitlines() if line.startswith(b"used_memory:")))
store("grow", script("x: Tensor -> Tensor", "return torch.ones([8000000])"))
db("CONFIG", "SET", "maxmemory", used + 16_000_000)
fails(*dag(run("grow", ["x"], ["y"]), load=["x"], persist=["y"]), says="OOM")
db("CONFIG", "SET", "maxmemory", 0)
same(db("EXISTS", "y"), 0)
PY
}

@test "a client may go away in every state of its DAG" {
    dag_py <<'PY'
fill()
put("work", [150])
def send(*commands, **more):
    client = connect()
    client.send(*dag(*commands, load=["work", "x"], persist=["late"], **more))
    return client
chain = [run("slow", ["work"], ["a"]), run("m", ["a"], ["late"])]
begun = send(*chain)                                     # its first step runs: the second never begins
until(lambda: state("running") == 1, "the first step")
begun.close()
until(lambda: state("running") == 0, "its end")
busy = [occupy(150), connect()]
busy[1].send(*run("slow", ["work"], ["done2"]))
until(lambda: state("running") == 2, "both workers busy")
calls = stats("m")["calls"]
waiting = send(run("m", ["x"], ["late"]), run("m", ["x"], ["b"]))   # all of its steps wait
until(lambda: state("waiting") == 2, "the steps waiting")
waiting.close()
until(lambda: state("waiting") == 0, "the steps dropped")
assert not any(answered(client) for client in busy), "the workers were free: this says nothing"
for client in busy:
    same(client.receive(), b"OK")
half = send(slow("work", "a"), slow("work", "c"), run("m", ["x"], ["b"]), run("m", ["a"], ["late"]))
until(lambda: state("running") == 2 and state("waiting") == 1, "two steps running, one waiting, one to come")
half.close()
until(lambda: state("waiting") == 0 and state("running") == 0, "the end")
same([db("EXISTS", "late"), stats("m")["calls"]], [0, calls])
same(db(*dag(run("m", ["x"], ["y"]), fetch("y"), load=["x"])), [b"OK", f4(2, 4)])
PY
}

@test "TIMEOUT begins no further step; a full queue refuses the whole" {
    dag_py <<'PY'
fill()
put("work", [200])
calls = stats("m")["calls"]
same(db(*dag(run("slow", ["work"], ["a"]), run("m", ["a"], ["late"]), load=["work"], persist=["late"], rest=["TIMEOUT", 5])), b"TIMEDOUT")
same([db("EXISTS", "late"), stats("m")["calls"] - calls, state("running"), state("waiting")], [0, 0, 0, 0])
same(db(*dag(run("m", ["x"], ["y"]), load=["x"], persist=["y"], rest=["TIMEOUT", 60000])), [b"OK"])
busy = [occupy(200), connect()]
busy[1].send(*run("slow", ["work"], ["done2"]))
until(lambda: state("running") == 2, "both workers busy")
waits = connect()
waits.send(*dag(run("m", ["x"], ["y"]), run("m", ["x"], ["z"]), load=["x"], rest=["TIMEOUT", 60000]))
until(lambda: state("waiting") == 2, "two steps waiting")
fails(*dag(run("m", ["x"], ["y"]), run("m", ["x"], ["z"]), load=["x"]), says="BUSY the queue of device CPU is full: 3 requests wait")
same(state("waiting"), 2)                                # the step that had room is out again
late = connect()
late.send(*dag(run("m", ["x"], ["y"]), load=["x"], rest=["TIMEOUT", 10]))
same(late.receive(), b"TIMEDOUT")
assert not any(answered(client) for client in [*busy, waits]), "the workers were free: this says nothing"
same([client.receive() for client in [*busy, waits]], [b"OK", b"OK", [b"OK", b"OK"]])
PY
}

@test "models, scripts and tensors may be deleted while a DAG uses them" {
    dag_py <<'PY'
fill()
put("work", [150])
client = connect()
client.send(*dag(run("slow", ["work"], ["a"]), run("m", ["a"], ["b"]), ["AI.SCRIPTEXECUTE", "s", "half", "INPUTS", 1, "b", "OUTPUTS", 1, "c"],
                 fetch("c"), load=["work"], persist=["c"]))
until(lambda: state("running") == 1, "the first step")
same(db("DEL", "slow", "m", "s", "work"), 4)
same(client.receive(), [b"OK", b"OK", b"OK", f4(150)])
same(get("c"), [150])
PY
}

@test "MULTI gets a clean error; Redis knows the keys and the flags" {
    dag_py <<'PY'
fill()
words = dag(tensor("a", 1), run("m", ["a"], ["b"]), ["AI.SCRIPTEXECUTE", "s", "f", "KEYS", 1, "k", "INPUTS", 1, "b"], load=["l"],
            persist=["p", "q"], rest=["ROUTING", "r"])
same(db("COMMAND", "GETKEYS", *words), [b"l", b"p", b"q", b"r", b"m", b"s", b"k"])
same(db("COMMAND", "GETKEYS", *dag(["AI.MODELRUN", "m", "INPUTS", "l", "OUTPUTS", "b"], load=["l"], form="AI.DAGRUN")), [b"l", b"m"])
flags = {reply[0]: set(reply[2]) for reply in db("COMMAND", "INFO", "ai.dagexecute", "ai.dagrun", "ai.dagexecute_ro", "ai.dagrun_ro")}
for name in flags:
    wanted = {b"readonly", b"movablekeys"} if name.endswith(b"_ro") else {b"write", b"denyoom", b"movablekeys"}
    assert wanted <= flags[name] and not (b"write" in flags[name] and name.endswith(b"_ro")), (name, flags[name])
db("MULTI"); db(*dag(run("m", ["x"], ["y"]), load=["x"])); db("AI.TENSORGET", "x", "BLOB")
replies = db("EXEC")
assert "AI.DAGEXECUTE waits for a worker: it cannot stand in MULTI" in str(replies[0]), replies
same(replies[1], f4(1, 2))
PY
}

@test "in a cluster the keys of one command lie in one slot" {
    db_stop
    own_server=1
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    DB_DIR='' DB_CONFIG=$'port '$port$'\nbind 127.0.0.1\ncluster-enabled yes\ncluster-port '$((port > 32768 ? port - 20000 : port + 20000))
    export DB_DIR DB_CONFIG
    db_start TPQ 1 THREADS 1 DEVICE cpu
    [ "$(db_cli cluster addslotsrange 0 16383)" = OK ]
    dag_py <<'PY'
until(lambda: b"cluster_state:ok" in db("CLUSTER", "INFO"), "the cluster")
store("{a}m", DOUBLE); put("{a}x", [1, 2]); put("{b}x", [3])
words = dag(run("{a}m", ["{a}x"], ["y"]), fetch("y"), load=["{a}x"])
same(db(*words), [b"OK", f4(2, 4)])
same(db(*words[:4], "ROUTING", "{a}", *words[4:]), [b"OK", f4(2, 4)])
for bad in (dag(run("{a}m", ["{a}x"], ["y"]), load=["{a}x"], rest=["ROUTING", "{b}"]), dag(run("{a}m", ["{b}x"], ["y"]), load=["{b}x"]),
            dag(run("{a}m", ["{a}x"], ["{b}y"]), load=["{a}x"], persist=["{b}y"])):
    fails(*bad, says="CROSSSLOT")
same(db("AI._SHARD", *dag(run("{a}m", ["{b}x"], ["{b}y"]), load=["{b}x"], persist=["{b}y"])), [b"OK"])   # all slots are here
same(get("{b}y"), [6])
PY
}
