#!/usr/bin/env bats
# What can be said of a model when it is stored beyond what RedisAI knows: THREADS and PRECISION.
load ../lib/db

teardown() { db_stop; }

common() {
    cat <<'PY'
from math import isclose
# Weights that bfloat16 cannot represent: y = x * 1.001 is 1 in bfloat16 for x = 1.
SCALE = script("x: Tensor -> Tensor", "return torch.mul(x, torch.tensor([1.001], dtype=6))")
def meta(key):
    return pairs(db("AI.MODELGET", key, "META"))
PY
}

@test "THREADS and PRECISION are read back where they were given, and nowhere else" {
    db_start TPQ 1 THREADS 1 DEVICE cpu
    { common; cat; } <<'PY' | db_py
store("m", DOUBLE, "THREADS", 2, "precision", "BFLOAT16", "TAG", "t")
reply = db("AI.MODELGET", "m", "META")
same(reply[-4:], [b"threads", 2, b"precision", b"bfloat16"])
same(len(reply), 20)
same(db("AI.MODELGET", "m")[-2:], [b"blob", DOUBLE])
store("plain", DOUBLE, "PRECISION", "float32")
same(len(db("AI.MODELGET", "plain", "META")), 16)
same(db("AI.MODELSET", "old", "TORCH", "CPU", "INPUTS", "a", "THREADS", 1, "BLOB", DOUBLE), b"OK")
same([meta("old")["inputs"], meta("old")["threads"]], [[b"a"], 1])
store("m", DOUBLE, "THREADS", 1, "TAG", "t")         # other words: another model
same("precision" in meta("m"), False)
for words, says in ((["THREADS", 0], "THREADS is a number from 1 to 256"), (["THREADS", 257], "THREADS is a number from 1 to 256"),
                    (["THREADS"], "THREADS is a number"), (["PRECISION", "int8"], "PRECISION is float32, bfloat16 or float16"),
                    (["PRECISION"], "PRECISION is float32")):
    fails("AI.MODELSTORE", "w", "TORCH", "CPU", *words, "BLOB", DOUBLE, says=says)
PY
}

@test "a model in reduced precision answers FLOAT and reports what that costs" {
    db_start TPQ 1 THREADS 1 DEVICE cpu
    { common; cat; } <<'PY' | db_py
weights = script("x: Tensor -> Tensor", "return torch.div(torch.mul(x, 3), 7)")
for precision in "bfloat16", "float16":
    store("m", weights, "PRECISION", precision)
    assert "precision_error" not in stats("m"), stats("m")
    put("x", [1, 2, 5.03])
    same(db(*run("m", ["x"], ["y"])), b"OK")
    y = get("y")
    assert y != [3 / 7, 6 / 7, 5.03 * 3 / 7] and all(isclose(a, b * 3 / 7, rel_tol=0.02) for a, b in zip(y, [1, 2, 5.03])), y
    same(db("AI.TENSORGET", "y", "META"), [b"dtype", b"FLOAT", b"shape", [3]])
    error = float(stats("m")["precision_error"])
    exact = max(abs(a - b * 3 / 7) for a, b in zip(y, [1, 2, 5.03])) / (5.03 * 3 / 7)
    assert 0 < error < 0.02 and isclose(error, exact, rel_tol=0.01), (error, exact)
    same(stats("m")["precision"], precision.encode())
    line = [line for line in db("INFO", "inferdb").decode().splitlines() if line.startswith("inferdb_model_m:")][0]
    assert f"precision={precision},precision_error={float(error):g}"[:30] in line, line
assert "precision" not in stats("m") or stats("m")["precision"] != b"float32"
store("n", weights)
assert "precision" not in stats("n"), stats("n")
ints = script("x: Tensor -> Tensor", "return torch.add(x, 1)")
store("ints", ints, "PRECISION", "bfloat16")
same(db("AI.TENSORSET", "i", "INT64", 2, "VALUES", 2**40 + 1, 5), b"OK")
same(db(*run("ints", ["i"], ["j"])), b"OK")
same(db("AI.TENSORGET", "j", "VALUES"), [2**40 + 2, 6])
PY
}

@test "the error is known at once, and logged, where the model carries an example" {
    db_start TPQ 1 THREADS 1 DEVICE cpu
    { common; cat; } <<'PY' | db_py
store("m", script("x: Tensor -> Tensor", "return torch.div(x, 3)", example=[1, 64]), "PRECISION", "bfloat16")
assert 0 < float(stats("m")["precision_error"]) < 0.02, stats("m")
line = [line for line in open(DIR + "/log") if "model m computes in bfloat16" in line]
same(len(line), 1)
PY
}

@test "a model that writes into its input is given a copy: the key keeps its value" {
    db_start TPQ 1 THREADS 1 DEVICE cpu
    { common; cat; } <<'PY' | db_py
store("m", script("x: Tensor -> Tensor", "return torch.mul_(x, 2)"))
put("x", [1, 2])
for _ in range(3):
    same(db(*run("m", ["x"], ["y"])), b"OK")
    same([get("x"), get("y")], [[1, 2], [2, 4]])
store("view", script("x: Tensor -> Tensor", "y = torch.reshape(x, [-1])", "z = torch.add_(torch.select(y, 0, 0), 5)", "return x"))
same(db(*run("view", ["x"], ["y"])), b"OK")
same([get("x"), get("y")], [[1, 2], [6, 2]])
PY
}

@test "OPTIMIZE no runs models as they were saved" {
    db_start TPQ 1 THREADS 1 DEVICE cpu OPTIMIZE no
    { common; cat; } <<'PY' | db_py
store("m", script("x: Tensor -> Tensor", "return torch.mul_(x, 2)"))
put("x", [1, 2])
same(db(*run("m", ["x"], ["y"])), b"OK")
same([get("x"), get("y")], [[1, 2], [2, 4]])
PY
}

fill() {
    db_py <<'PY'
store("m", DOUBLE, "THREADS", 2, "PRECISION", "bfloat16", "BATCHSIZE", 4)
PY
}
verify() {
    db_py <<'PY'
meta = pairs(db("AI.MODELGET", "m", "META", "BLOB"))
same([meta["threads"], meta["precision"], meta["batchsize"], meta["blob"]], [2, b"bfloat16", 4, DOUBLE])
put("x", [1, 2], 1, 2)
same(db(*run("m", ["x"], ["y"])), b"OK")
same(get("y"), [2, 4])
PY
}

@test "RDB and append-only files keep the options" {
    db_start
    fill
    [ "$(db_cli save)" = OK ]
    db_pause
    db_start
    verify
    db_pause
    rm "$DB_DIR"/dump.rdb
    export DB_CONFIG=$'appendonly yes\naof-use-rdb-preamble no'
    db_start
    fill
    db_cli bgrewriteaof
    db_py <<'PY'
until(lambda: b"aof_rewrite_in_progress:0" in db("INFO", "persistence") and b"aof_rewrite_scheduled:0" in db("INFO", "persistence"), "the rewrite")
PY
    db_pause
    db_start
    verify
}

# What a version that knew no options wrote, and the same with an option out of range.
@test "an RDB file of the first encoding is read; one that says nonsense is refused" {
    db_start
    db_pause
    write_rdb() {
        { cat "$INFERSTEP_TOP/tests/lib/db_prelude.py" | sed '/^db = connect/d'; cat; } <<'PY' | PYTHONPATH=$INFERSTEP_TOP/tests/lib python3 - "$@"
version, options = int(sys.argv[1]), [int(n) for n in sys.argv[2:]]
letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
identity = 0
for letter in "INF_MODEL":
    identity = identity << 6 | letters.index(letter)
identity = identity << 10 | version
def length(n):
    return struct.pack(">BQ", 0x81, n)
def text(t):
    return length(len(t)) + t
def unsigned(n):
    return length(2) + length(n)
def string(t):
    return length(5) + text(t)
value = string(b"CPU") + string(b"old") + unsigned(4) + unsigned(0) + unsigned(0) + unsigned(0) + unsigned(0)
value += b"".join(unsigned(n) for n in options) + string(DOUBLE) + length(0)
with open(DIR + "/dump.rdb", "wb") as file:
    file.write(b"REDIS0010" + b"\xfe" + length(0) + b"\x07" + text(b"m") + length(identity) + value + b"\xff" + bytes(8))
PY
    }
    write_rdb 0
    db_start
    db_py <<'PY'
meta = pairs(db("AI.MODELGET", "m", "META", "BLOB"))
same([meta["tag"], meta["batchsize"], meta["blob"], "threads" in meta], [b"old", 4, DOUBLE, False])
put("x", [1, 2], 1, 2)
same(db(*run("m", ["x"], ["y"])), b"OK")
PY
    db_pause
    local words
    for words in "1 257 0" "1 0 3"; do
        # shellcheck disable=SC2086  # words on purpose
        write_rdb $words
        run timeout 20 redis-server --port 0 --unixsocket "$DB_SOCKET" --dir "$DB_DIR" --save "" --loadmodule "$BUILD/lib/inferstep/inferdb.so"
        [[ "$output" != *"ready to accept"* ]]
        [[ "$output" == *"cannot read a model"* ]]
    done
    write_rdb 2 0 0
    run timeout 20 redis-server --port 0 --unixsocket "$DB_SOCKET" --dir "$DB_DIR" --save "" --loadmodule "$BUILD/lib/inferstep/inferdb.so"
    [[ "$output" == *"newer version"* ]]
}
