#!/usr/bin/env bats
# AI.SCRIPT*: storing, executing, errors, waiting and going away.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu; }
teardown_file() { db_stop; }

# Prepended to the Python of these tests.
scripts_py() {
    { cat <<'PY'; cat; } | db_py
SOURCE = b'''
def twice(x):
    return x * 2
def add(a, b):
    return a + b
def join(a, rest: List[Tensor]):
    return torch.cat([a] + rest)
def ends(first, middle: List[Tensor], last):
    return first + last, torch.stack(middle)
def none(x):
    print(len(x))
def number(x):
    return 3
def counted(x, n: int):
    return x * n
def checked(x):
    assert len(x) == 1, "one element is wanted"
    return x
def overwrite(x):
    x *= 0
    return x
def entry(tensors: List[Tensor], keys: List[str], args: List[str]):
    tensors[0].add_(float(args[0]) + len(keys))
    return tensors
def slow(x):
    y = torch.ones([512, 512])
    for i in range(int(x[0])):
        y = torch.tanh(torch.matmul(y, y))
    return x + y.sum() * 0
'''
def script_set(name="s", source=SOURCE):
    same(db("AI.SCRIPTSET", name, "CPU", "SOURCE", source), b"OK")
def values(name, *numbers):                      # in memory that libtorch can use in place
    same(db("AI.TENSORSET", name, "FLOAT", len(numbers), "VALUES", *numbers), b"OK")
PY
}

@test "what SmartRedis sends, byte for byte" {
    scripts_py <<'PY'
source = b"def twice(x):\n    return x * 2\n"
values("x", 1, 2)
raw = connect()
def wire(words, reply):
    raw.send(*words)
    same(raw.stream.read(len(reply)), reply)
wire(["AI.SCRIPTSET", "w", "CPU", "SOURCE", source], b"+OK\r\n")
wire(["AI.SCRIPTRUN", "w", "twice", "INPUTS", "x", "OUTPUTS", "y"], b"+OK\r\n")
wire(["AI.SCRIPTGET", "w", "SOURCE"], b"$%d\r\n%s\r\n" % (len(source), source))
head = b"$6\r\ndevice\r\n$3\r\nCPU\r\n$3\r\ntag\r\n$0\r\n\r\n$12\r\nEntry Points\r\n*0\r\n"
wire(["AI.SCRIPTGET", "w", "META"], b"*6\r\n" + head)
whole = b"*8\r\n" + head + b"$6\r\nsource\r\n$%d\r\n%s\r\n" % (len(source), source)
wire(["AI.SCRIPTGET", "w"], whole)
wire(["AI.SCRIPTGET", "w", "META", "SOURCE"], whole)
wire(["AI._SCRIPTSCAN"], b"*1\r\n*2\r\n$1\r\nw\r\n$0\r\n\r\n")
wire(["AI.SCRIPTDEL", "w"], b"+OK\r\n")
for words in ["AI.SCRIPTDEL", "w"], ["AI.SCRIPTGET", "w", "SOURCE"], ["AI.SCRIPTRUN", "w", "f", "INPUTS", "x", "OUTPUTS", "y"]:
    wire(words, b"-ERR script key is empty\r\n")
same(get("y"), [2, 4])
PY
}

@test "functions take tensors, lists of tensors, and keys and args" {
    scripts_py <<'PY'
script_set()
values("x", 1, 2); values("y", 5, 6); values("z", 7, 8)
def runs(function, inputs, *expected, form="AI.SCRIPTRUN"):
    outputs = [f"out{i}" for i in range(len(expected))]
    same(db(form, "s", function, "INPUTS", *inputs, "OUTPUTS", *outputs), b"OK")
    same([get(key) for key in outputs], list(expected))
runs("twice", ["x"], [2, 4])
runs("add", ["x", "y"], [6, 8])
runs("join", ["x", "y", "z"], [1, 2, 5, 6, 7, 8])
runs("join", ["x"], [1, 2])
runs("join", ["x", "$", "y", "z"], [1, 2, 5, 6, 7, 8])
runs("join", ["x", "$"], [1, 2])
runs("ends", ["x", "y", "z"], [8, 10], [5, 6])
same(db("AI.SCRIPTRUN", "s", "none", "INPUTS", "x"), b"OK")
same(db("AI.SCRIPTEXECUTE", "s", "add", "INPUTS", 2, "x", "y", "OUTPUTS", 1, "o"), b"OK")
same(get("o"), [6, 8])
same(db("AI.SCRIPTSTORE", "e", "CPU", "TAG", "v2", "ENTRY_POINTS", 1, "entry", "SOURCE", SOURCE), b"OK")
same(db("AI.SCRIPTGET", "e", "META"), [b"device", b"CPU", b"tag", b"v2", b"Entry Points", [b"entry"]])
same(db("AI.SCRIPTEXECUTE", "e", "entry", "KEYS", 2, "k", "l", "INPUTS", 2, "x", "y", "ARGS", 1, "0.5", "OUTPUTS", 2, "o", "p"), b"OK")
same([get("o"), get("p"), get("x")], [[3.5, 4.5], [5, 6], [1, 2]])
fails("AI.SCRIPTEXECUTE", "e", "twice", "INPUTS", 1, "x", "OUTPUTS", 1, "o", says="ERR function twice is no entry point of the script")
PY
}

@test "a function that writes into its input harms nobody else's" {
    scripts_py <<'PY'
script_set()
values("x", 1, 2)
same(db("AI.SCRIPTRUN", "s", "overwrite", "INPUTS", "x", "OUTPUTS", "y"), b"OK")
same([get("x"), get("y")], [[1, 2], [0, 0]])
PY
}

@test "bad source is refused in one line, and the key stays as it was" {
    scripts_py <<'PY'
script_set()
for source, says in [(b"def f(x):\n    return torch.nothing(x)\n", "ERR Unknown builtin op: aten::nothing, in line 2 of the script"),
                     (b"def f(x):\n    return y", "ERR undefined value y, in line 2 of the script"),
                     (b"def f(x):\n    return redis.execute('GET', 'x')\n", "ERR undefined value redis (a script cannot call the database"),
                     (b"def f(x):\n    return x[\n", "expected ident but found 'eof' here"),
                     (b"import os\n", "expected def but found"), (b"\xff\x00", "expected a valid token"),
                     (b" \n", "ERR the script has no function"), (b"", "ERR a script has 1 to")]:
    fails("AI.SCRIPTSET", "s", "CPU", "SOURCE", source, says=says)
    fails("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "f", "SOURCE", source, says=says)
fails("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "no", "SOURCE", SOURCE, says="ERR entry point no is no function of the script")
for count in 0, -1, "x", 5, 2**70:
    fails("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", count, "entry", "SOURCE", SOURCE, says="ENTRY_POINTS is followed by how many names")
wanted = "must have the parameters (tensors: List[Tensor], keys: List[str], args: List[str])"
fails("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 2, "entry", "twice", "SOURCE", SOURCE, says=wanted)
fails("AI.SCRIPTSTORE", "s", "CPU", "TAG", "t", "TAG", "u", "SOURCE", SOURCE, says="missing script entry points")
fails("AI.SCRIPTSET", "s", "CPU", "ENTRY_POINTS", 1, "entry", "SOURCE", SOURCE, says="ENTRY_POINTS is no word of this command")
fails("AI.SCRIPTSET", "s", "CPU", "TAG", "t", says="missing script SOURCE")
fails("AI.SCRIPTSET", "s", "CPU", "SOURCE", SOURCE, SOURCE, says="SOURCE is followed by one argument, the last")
fails("AI.SCRIPTSET", "s", "TPU", "SOURCE", SOURCE, says="device TPU is unknown")
fails("AI.SCRIPTSET", "s", "GPU", "SOURCE", SOURCE, says="runs models on CPUs only")
fails("AI.SCRIPTSET", "s", "CPU", says="wrong number of arguments")
fails("AI.SCRIPTGET", "s", "BLOB", says="AI.SCRIPTGET takes META and SOURCE, not BLOB")
values("x", 1)
fails("AI.SCRIPTSET", "x", "CPU", "SOURCE", SOURCE, says="WRONGTYPE")
fails("AI.SCRIPTGET", "x", says="WRONGTYPE")
same(db("AI.SCRIPTGET", "s", "SOURCE"), SOURCE)
PY
}

@test "what is missing or does not fit is said" {
    scripts_py <<'PY'
db("FLUSHALL"); script_set(); values("x", 1, 2); values("one", 1)
def bad(*rest, says, form="AI.SCRIPTRUN"):
    fails(form, "s", *rest, says=says)
bad("missing", "INPUTS", "x", "OUTPUTS", "y", says="ERR function missing does not exist in the script")
bad("twice", "INPUTS", "none", "OUTPUTS", "y", says="ERR tensor key is empty or in a different shard")
bad("twice", "INPUTS", "x", "x", "OUTPUTS", "y", says="ERR 2 inputs do not fit function twice(Tensor x) -> Tensor")
bad("twice", "OUTPUTS", "y", says="ERR 0 inputs do not fit function twice")
bad("join", "INPUTS", "x", "x", "$", "x", "OUTPUTS", "y", says="ERR 3 inputs do not fit function join")
bad("join", "INPUTS", "x", "$", "x", "$", "OUTPUTS", "y", says="ERR Already encountered a variable size list of tensors")
bad("twice", "INPUTS", "x", "OUTPUTS", "y", "z", says="ERR the function gives 1 outputs, 2 keys were given for them")
bad("twice", "INPUTS", "x", says="ERR the function gives 1 outputs, 0 keys were given for them")
bad("number", "INPUTS", "x", "OUTPUTS", "y", says="tensors are expected, or a tuple or list of them")
bad("counted", "INPUTS", "x", "OUTPUTS", "y", says="parameter n of function counted is a int")
bad("checked", "INPUTS", "x", "OUTPUTS", "y", says="ERR AssertionError: one element is wanted")
bad("twice", "INPUTS", 1, "x", "OUTPUTS", 1, "y", "ARGS", 1, "a", form="AI.SCRIPTEXECUTE", says="ERR function twice takes no KEYS and no ARGS")
bad("twice", "INPUTS", "x", "OUTPUTS", "y", form="AI.SCRIPTEXECUTE", says="INPUTS is followed by how many keys there are")
bad("twice", "KEYS", 0, form="AI.SCRIPTEXECUTE", says="KEYS is followed by how many keys there are")
bad("twice", "KEYS", "x", says="KEYS is no word of this command")
bad("twice", "INPUTS", "x", "OUTPUTS", "y", "TIMEOUT", 0, says="TIMEOUT is a number of milliseconds from 1")
fails("AI.SCRIPTRUN", "s", says="wrong number of arguments")
same([db("EXISTS", "y"), stats("s")["calls"] >= stats("s")["errors"] > 0], [0, True])
bad("checked", "INPUTS", "one", "OUTPUTS", "x", "x", says="gives 1 outputs")
same(get("x"), [1, 2])
PY
}

@test "statistics, and a script sent again is not compiled again" {
    scripts_py <<'PY'
db("FLUSHALL"); script_set(); values("x", 1)
same(db("AI.INFO", "s"), [b"key", b"s", b"type", b"SCRIPT", b"backend", b"TORCH", b"device", b"CPU", b"tag", b"", b"duration", 0,
                          b"samples", -1, b"calls", 0, b"errors", 0])
same(db("AI.SCRIPTRUN", "s", "twice", "INPUTS", "x", "OUTPUTS", "y"), b"OK")
script_set()                                             # the same: its statistics go on
same(stats("s")["calls"], 1)
same(pairs(db("AI.INFO", "s", "RESETSTAT"))["calls"], 1)
same([stats("s")["calls"], state("scripts")], [0, 1])
script_set(source=SOURCE + b"\n")
same(db("AI.SCRIPTGET", "s", "SOURCE"), SOURCE + b"\n")
PY
}

@test "RENAME, COPY and DEL; the script may go while it is used" {
    scripts_py <<'PY'
db("FLUSHALL"); script_set(); values("x", 200)
same(db("TYPE", "s"), b"INF_SCRPT")
same([db("COPY", "s", "t"), db("RENAME", "s", "u")], [1, b"OK"])
client = connect()
client.send("AI.SCRIPTRUN", "t", "slow", "INPUTS", "x", "OUTPUTS", "y")
until(lambda: state("running") == 1, "the execution")
same(db("DEL", "t", "u", "x"), 3)
same(client.receive(), b"OK")
same(get("y"), [200])
assert db("MEMORY", "USAGE", "y") > 0
PY
}

@test "a waiting script is dropped with its client, and by TIMEOUT; Redis answers meanwhile" {
    scripts_py <<'PY'
db("FLUSHALL"); script_set(); values("x", 400); values("one", 1)
busy, gone, late = connect(), connect(), connect()
busy.send("AI.SCRIPTRUN", "s", "slow", "INPUTS", "x", "OUTPUTS", "y")
until(lambda: state("running") == 1, "the execution")
gone.send("AI.SCRIPTRUN", "s", "twice", "INPUTS", "one", "OUTPUTS", "gone")
until(lambda: state("waiting") == 1, "the request waiting")
late.send("AI.SCRIPTEXECUTE", "s", "twice", "INPUTS", 1, "one", "OUTPUTS", 1, "late", "TIMEOUT", 20)
gone.close()
same(late.receive(), b"TIMEDOUT")
until(lambda: state("waiting") == 0, "both gone")
assert not answered(busy), "the slow function ended first: this says nothing"
same(busy.receive(), b"OK")
same([db("EXISTS", "gone", "late"), stats("s")["calls"]], [0, 1])
values("x", 100)
busy.send("AI.SCRIPTRUN", "s", "slow", "INPUTS", "x", "OUTPUTS", "z")
until(lambda: state("running") == 1, "the execution")
busy.close()
until(lambda: state("running") == 0, "its end")
same(db("AI.SCRIPTRUN", "s", "twice", "INPUTS", "one", "OUTPUTS", "o"), b"OK")
same(db("EXISTS", "z"), 0)
PY
}

@test "MULTI gets a clean error; Redis knows the keys and the flags" {
    scripts_py <<'PY'
script_set(); values("x", 1)
db("MULTI")
db("AI.SCRIPTSET", "n", "CPU", "SOURCE", SOURCE); db("AI.SCRIPTRUN", "s", "twice", "INPUTS", "x", "OUTPUTS", "y"); db("AI.SCRIPTGET", "s", "SOURCE")
replies = db("EXEC")
assert all("cannot stand in MULTI or a script" in str(reply) for reply in replies[:2]), replies
same(replies[2], SOURCE)
keys = lambda *words: db("COMMAND", "GETKEYS", *words)
same(keys("AI.SCRIPTRUN", "s", "f", "INPUTS", "a", "$", "b", "OUTPUTS", "c"), [b"s", b"a", b"b", b"c"])
same(keys("AI.SCRIPTEXECUTE", "s", "f", "KEYS", 1, "k", "INPUTS", 1, "a", "ARGS", 1, "no", "OUTPUTS", 1, "c"), [b"s", b"k", b"a", b"c"])
same(keys("AI.SCRIPTSET", "s", "CPU", "SOURCE", "x"), [b"s"])
flags = {reply[0]: set(reply[2]) for reply in db("COMMAND", "INFO", "ai.scriptset", "ai.scriptstore", "ai.scriptget", "ai.scriptdel", "ai.scriptrun", "ai.scriptexecute")}
for name in b"ai.scriptset", b"ai.scriptstore", b"ai.scriptrun", b"ai.scriptexecute":
    assert {b"write", b"denyoom"} <= flags[name], flags[name]
assert b"readonly" in flags[b"ai.scriptget"] and b"denyoom" not in flags[b"ai.scriptdel"], flags
PY
}
