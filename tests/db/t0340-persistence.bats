#!/usr/bin/env bats
# What outlives the server: RDB and append-only file hold plain bytes, models load when they are used again.
load ../lib/db

teardown() { db_stop; }

fill() {
    db_py <<'PY'
store("m", DOUBLE, "TAG", "v1", "BATCHSIZE", 4, "INPUTS", 1, "in")
put("x", [1, 2], 1, 2)
same(db(*run("m", ["x"], ["y"])), b"OK")
db("AI.TENSORSET", "s", "STRING", 2, "VALUES", "a", "bc")
same(db("AI.SCRIPTSET", "set", "CPU", "TAG", "old", "SOURCE", b"def twice(x):\n    return x * 2"), b"OK")
same(db("AI.SCRIPTSTORE", "stored", "CPU", "ENTRY_POINTS", 1, "f", "SOURCE",
        b"def f(t: List[Tensor], k: List[str], a: List[str]):\n    return t[0] + 1"), b"OK")
same(db("AI.SCRIPTRUN", "set", "twice", "INPUTS", "y", "OUTPUTS", "scripted"), b"OK")
same(db("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "kept", "|>", *run("m", ["x"], ["lost"]), "|>", *run("m", ["lost"], ["kept"])),
     [b"OK", b"OK"])
db("AI.TENSORSET", "gone", "INT8", 3)
db("DEL", "gone")
PY
}
verify() {
    db_py <<'PY'
same([get("x"), get("y")], [[1, 2], [2, 4]])
same(db("AI.TENSORGET", "s", "VALUES"), [b"a", b"bc"])
same(db("EXISTS", "gone"), 0)
meta = pairs(db("AI.MODELGET", "m", "META", "BLOB"))
same([meta["tag"], meta["batchsize"], meta["inputs"], meta["blob"]], [b"v1", 4, [b"in"], DOUBLE])
same(db("AI._MODELSCAN"), [[b"m", b"v1"]])
put("x", [5, 6], 1, 2)
same(db(*run("m", ["x"], ["y"])), b"OK")
same(get("y"), [10, 12])
same(stats("m")["calls"], 1)
same([get("scripted"), get("kept"), db("EXISTS", "lost")], [[4, 8], [4, 8], 0])
same(db("AI.SCRIPTGET", "set"), [b"device", b"CPU", b"tag", b"old", b"Entry Points", [], b"source", b"def twice(x):\n    return x * 2"])
same(db("AI.SCRIPTGET", "stored", "META"), [b"device", b"CPU", b"tag", b"", b"Entry Points", [b"f"]])
same(db("AI.SCRIPTRUN", "set", "twice", "INPUTS", "x", "OUTPUTS", "z"), b"OK")
same(db("AI.SCRIPTEXECUTE", "stored", "f", "INPUTS", 1, "x", "OUTPUTS", 1, "w"), b"OK")
same([get("z"), get("w")], [[10, 12], [6, 7]])
PY
}

@test "an RDB file brings tensors and models back" {
    db_start
    fill
    [ "$(db_cli save)" = OK ]
    db_pause
    db_start
    verify
}

@test "an append-only file brings tensors, models and the outputs of executions back" {
    export DB_CONFIG=$'appendonly yes\naof-use-rdb-preamble no'
    db_start
    fill
    db_pause
    db_start
    verify
    db_cli bgrewriteaof
    db_py <<'PY'
until(lambda: b"aof_rewrite_in_progress:0" in db("INFO", "persistence") and b"aof_rewrite_scheduled:0" in db("INFO", "persistence"), "the rewrite")
PY
    db_pause
    db_start
    db_py <<'PY'
same(get("y"), [10, 12])
same(db(*run("m", ["x"], ["y"])), b"OK")
PY
}

@test "a replica has what the master has" {
    db_start
    fill
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    db_cli config set port "$port" bind 127.0.0.1
    mkdir "$DB_DIR/replica"
    printf 'port 0\nunixsocket %s\ndir %s\nsave ""\nloadmodule %s\nreplicaof 127.0.0.1 %s\n' "$DB_DIR/replica/db.sock" "$DB_DIR/replica" \
        "$BUILD/lib/inferstep/inferdb.so" "$port" | redis-server - >"$DB_DIR/replica/log" 2>&1 3>&- &
    local replica=$!
    db_py <<'PY'
path = DIR + "/replica/db.sock"
until(lambda: os.path.exists(path), "the replica's start")
other = resp.Client(path)
until(lambda: b"master_link_status:up" in other("INFO", "replication"), "the link")
put("x", [7, 8], 1, 2)
same(db(*run("m", ["x"], ["z"])), b"OK")
same(db("AI.SCRIPTRUN", "set", "twice", "INPUTS", "z", "OUTPUTS", "q"), b"OK")
same(db("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "dag", "|>", *run("m", ["x"], ["dag"])), [b"OK"])
same(db("AI.SCRIPTSET", "new", "CPU", "SOURCE", b"def one(x):\n    return x"), b"OK")
store("late", SLOW)
until(lambda: other("EXISTS", "z", "q", "dag", "new", "late") == 5, "the changes on the replica")
same(other("AI.TENSORGET", "q", "BLOB"), struct.pack("2f", 28, 32))
same(other("AI.TENSORGET", "dag", "BLOB"), struct.pack("2f", 14, 16))
same(other("AI.DAGEXECUTE_RO", "LOAD", 1, "x", "|>", *run("m", ["x"], ["y"]), "|>", "AI.TENSORGET", "y", "BLOB"),
     [b"OK", struct.pack("2f", 14, 16)])               # what only reads is executed by a replica too
same(sorted(other("AI._SCRIPTSCAN")), [[b"new", b""], [b"set", b"old"], [b"stored", b""]])
same(other("AI.TENSORGET", "z", "BLOB"), struct.pack("2f", 14, 16))
same(other("AI.MODELGET", "late", "BLOB"), SLOW)
same(other("AI.MODELGET", "m", "BLOB"), DOUBLE)
assert "READONLY" in str(other.ask(*run("m", ["x"], ["q"]))), "a replica executes"
PY
    kill "$replica"
    wait "$replica" || true
}

@test "a damaged RDB file is refused, not believed" {
    db_start
    db_py <<'PY'
put("x", [1, 2, 3, 4])
same(db("SAVE"), b"OK")
PY
    db_pause
    python3 - "$DB_DIR/dump.rdb" <<'PY'
import sys
data = open(sys.argv[1], "rb").read()
at = data.rindex(bytes([0, 0, 128, 63]))          # the float 1: shorten what is said to be four floats
size = data.rindex(b"\x10", 0, at)
open(sys.argv[1], "wb").write(data[:size] + b"\x0c" + data[size + 1:at] + data[at + 4:])
PY
    run timeout 20 redis-server --port 0 --unixsocket "$DB_SOCKET" --dir "$DB_DIR" --save "" --rdbchecksum no \
        --loadmodule "$BUILD/lib/inferstep/inferdb.so"
    [[ "$output" != *"ready to accept"* ]]
    [[ "$output" == *"cannot read a tensor: its shape and its data disagree"* ]]
}
