#!/usr/bin/env bats
# Models: storing, reading back, deleting, listing, settings; what is no model.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXMODEL 10000000; }
teardown_file() { db_stop; }

@test "the database serves before libtorch is opened, and stores a model as soon as it is open" {
    db_py <<'PY'
until(lambda: "is open" in open(DIR + "/log").read(), "libtorch being open")
lines = [line for line in open(DIR + "/log") if "ready to accept" in line or "is open" in line]
assert "ready to accept" in lines[0] and "is open" in lines[1], lines
info = pairs(db("AI.INFO"))
same(info["Low level API Version"], b"1")
store("m", DOUBLE)
assert pairs(db("AI.INFO"))["Torch version"].startswith(b"torch 2."), info
same(state("backend")[:5], "torch")
PY
}

@test "a model is read back as it was stored" {
    db_py <<'PY'
store("m", DOUBLE, "TAG", "v1", "BATCHSIZE", 8, "MINBATCHSIZE", 2, "MINBATCHTIMEOUT", 5, "INPUTS", 1, "x", "OUTPUTS", 1, "y")
meta = [b"backend", b"TORCH", b"device", b"CPU", b"tag", b"v1", b"batchsize", 8, b"minbatchsize", 2,
        b"inputs", [b"x"], b"outputs", [b"y"], b"minbatchtimeout", 5]
same(db("AI.MODELGET", "m", "META"), meta)
same(db("AI.MODELGET", "m", "BLOB"), DOUBLE)
same(db("AI.MODELGET", "m", "META", "BLOB"), meta + [b"blob", DOUBLE])
same(db("AI.MODELGET", "m"), meta + [b"blob", DOUBLE])
fails("AI.MODELGET", "m", "ALL", says="takes META and BLOB")
fails("AI.MODELGET", "none", says="ERR model key is empty")
PY
}

@test "a model may come in pieces, and in the older form of the command" {
    db_py <<'PY'
pieces = [DOUBLE[i:i + 100] for i in range(0, len(DOUBLE), 100)]
same(db("AI.MODELSTORE", "p", "TORCH", "CPU", "BLOB", *pieces), b"OK")
same(db("AI.MODELGET", "p", "BLOB"), DOUBLE)
same(db("AI.MODELSET", "s", "TORCH", "cpu", "TAG", "old", "INPUTS", "a", "OUTPUTS", "b", "BLOB", DOUBLE), b"OK")
meta = pairs(db("AI.MODELGET", "s", "META"))
same([meta["inputs"], meta["outputs"], meta["tag"]], [[b"a"], [b"b"], b"old"])
PY
}

@test "models are keys: listed, renamed, replaced, deleted" {
    db_py <<'PY'
db("FLUSHALL")
store("a", DOUBLE, "TAG", "one")
store("b", DOUBLE)
put("t", [1])
same(sorted(db("AI._MODELSCAN")), [[b"a", b"one"], [b"b", b""]])
same(db("TYPE", "a"), b"INF_MODEL")
same(db("RENAME", "a", "c"), b"OK")
same(sorted(db("AI._MODELSCAN")), [[b"b", b""], [b"c", b"one"]])
store("c", SLOW)
same(db("AI.MODELGET", "c", "BLOB"), SLOW)
same(db("AI.MODELDEL", "c"), b"OK")
fails("AI.MODELDEL", "c", says="ERR model key is empty")
fails("AI.MODELDEL", "t", says="WRONGTYPE")
fails("AI.MODELDEL", says="wrong number of arguments")
fails("AI.MODELSTORE", "t", "TORCH", "CPU", "BLOB", DOUBLE, says="WRONGTYPE")
same(db("DEL", "b"), 1)
same(db("AI._MODELSCAN"), [])
same(state("models"), 0)
PY
}

@test "storing the same again answers without loading again" {
    db_py <<'PY'
store("again", DOUBLE, "TAG", "t")
put("x", [1])
db(*run("again", ["x"], ["y"]))
clients = [connect() for _ in range(5)]
for client in clients:
    client.send("AI.MODELSTORE", "again", "TORCH", "CPU", "TAG", "t", "BLOB", DOUBLE)
for client in clients:
    same(client.receive(), b"OK")
same(stats("again")["calls"], 1)      # the same model with its counters, not a new one
store("again", DOUBLE, "TAG", "other")
same(stats("again")["calls"], 0)
PY
}

@test "what is no TorchScript is refused in one line and makes no key" {
    db_py <<'PY'
bad = [b"x", b"not a model at all", DOUBLE[:len(DOUBLE) // 2], DOUBLE[:-1], DOUBLE[len(DOUBLE) // 2:], bytes(5000),
       script("x: Tensor -> Tensor", "return no_such_function(x)"), script("x: Tensor -> Tensor", "return torch.no_such(x)")]
for blob in bad:
    reply = db.ask("AI.MODELSTORE", "bad", "TORCH", "CPU", "BLOB", blob)
    assert isinstance(reply, resp.Problem) and str(reply).startswith("ERR ") and len(str(reply)) > 8, reply
    same(db("EXISTS", "bad"), 0)
store("bad", DOUBLE)
PY
}

@test "a model that fails on its own example is refused" {
    db_py <<'PY'
store("good", script("x: Tensor -> Tensor", "return torch.sum(x, [1])", example=[1, 4]))
same(stats("good")["calls"], 0)       # the warm-up is not counted
wrong = script("x: Tensor -> Tensor", "return torch.matmul(x, torch.ones([3, 3]))", example=[1, 4])
fails("AI.MODELSTORE", "wrong", "TORCH", "CPU", "BLOB", wrong, says="the model fails on an example of its own")
same(db("EXISTS", "wrong"), 0)
PY
}

@test "words and numbers that are none are refused" {
    db_py <<'PY'
def refused(*words, says):
    fails("AI.MODELSTORE", "r", *words, says=says)
    same(db("EXISTS", "r"), 0)
end = ["BLOB", DOUBLE]
for backend in "TF", "TFLITE", "ONNX", "X":
    refused(backend, "CPU", *end, says=f"backend {backend} is not supported")
for device in "TPU", "GPU:", "GPU:x", "GPU:-1", "CPU:0:0", "", "GPU:1000":
    refused("TORCH", device, *end, says="is unknown; CPU, GPU or GPU:n is right")
for device in "GPU", "gpu:1":
    refused("TORCH", device, *end, says="this database runs models on CPUs only")
for word in "BATCHSIZE", "MINBATCHSIZE", "MINBATCHTIMEOUT":
    for number in "-1", "x", "1.5", "99999999999999999999":
        refused("TORCH", "CPU", word, number, *end, says=f"{word} is a number from 0 to")
refused("TORCH", "CPU", "BATCHSIZE", 2, "MINBATCHSIZE", 3, *end, says="MINBATCHSIZE 3 is larger than BATCHSIZE 2")
refused("TORCH", "CPU", "BATCHSIZE", 2, "MINBATCHTIMEOUT", 3, *end, says="MINBATCHTIMEOUT needs a MINBATCHSIZE")
refused("TORCH", "CPU", "INPUTS", 9, "a", *end, says="INPUTS is followed by how many names")
refused("TORCH", "CPU", "INPUTS", 0, *end, says="INPUTS is followed by how many names")
refused("TORCH", "CPU", "WHAT", 1, *end, says="WHAT is no word of this command")
refused("TORCH", "CPU", "TAG", "t", "BATCHSIZE", 1, says="BLOB is missing")
refused("TORCH", "CPU", "TAG", "t", "BLOB", says="a model has 1 to")
refused("TORCH", "CPU", "BLOB", b"", says="a model has 1 to")
refused("TORCH", "CPU", "BLOB", bytes(10000001), says="a model has 1 to 10000000 bytes, not 10000001")
refused("TORCH", "CPU", "BLOB", bytes(10000000), b"x", says="no memory for a model of 10000001 bytes")
fails("AI.MODELSTORE", "r", "TORCH", "CPU", "BLOB", says="wrong number of arguments")
PY
}

@test "AI.INFO has RedisAI's pairs first, RESETSTAT begins anew" {
    db_py <<'PY'
store("i", DOUBLE, "TAG", "tag")
put("x", [1, 2, 3], 3, 1)
for _ in range(4):
    db(*run("i", ["x"], ["y"]))
reply = db("AI.INFO", "i")
same([name.decode() for name in reply[:18:2]],
     ["key", "type", "backend", "device", "tag", "duration", "samples", "calls", "errors"])
same(len(reply) % 2, 0)
info = pairs(reply)
same([info["key"], info["type"], info["backend"], info["device"], info["tag"]], [b"i", b"MODEL", b"TORCH", b"CPU", b"tag"])
same([info["samples"], info["calls"], info["errors"], info["batches"], info["meanbatch"]], [12, 4, 0, 4, b"3.00"])
same(info["duration"], info["input"] + info["inference"] + info["output"])
same(pairs(db("AI.INFO", "i", "RESETSTAT"))["calls"], 4)
info = stats("i")
same([info["samples"], info["calls"], info["duration"], info["queue"], info["meanbatch"]], [0, 0, 0, 0, b"0.00"])
fails("AI.INFO", "none", says="ERR cannot find run info for key")
fails("AI.INFO", "i", "WHAT", says="takes a key and RESETSTAT")
PY
}

@test "AI.CONFIG knows the chunk size and loads no library" {
    db_py <<'PY'
same(db("AI.CONFIG", "GET", "MODEL_CHUNK_SIZE"), 535822336)
same(db("AI.CONFIG", "MODEL_CHUNK_SIZE", 1000), b"OK")
same(db("AI.CONFIG", "GET", "MODEL_CHUNK_SIZE"), 1000)
same(db("AI.CONFIG", "GET", "ANYTHING"), None)
same([db("AI.CONFIG", "GET", n) for n in ("THREADS_PER_QUEUE", "intra_op_parallelism", "INTER_OP_PARALLELISM", "BACKENDSPATH")], [1, 1, 1, None])
fails("AI.CONFIG", "THREADS_PER_QUEUE", 2, says="ERR THREADS_PER_QUEUE is set when the module is loaded")
for size in "0", "-1", "x", 10**18:
    fails("AI.CONFIG", "MODEL_CHUNK_SIZE", size, says="ERR MODEL_CHUNK_SIZE: invalid chunk size")
fails("AI.CONFIG", "LOADBACKEND", "TORCH", "/tmp/x.so", says="not loaded by command")
fails("AI.CONFIG", "BACKENDSPATH", "/tmp", says="not loaded by command")
fails("AI.CONFIG", "WHAT", "x", says="ERR AI.CONFIG takes")
fails("AI.CONFIG", says="wrong number of arguments")
PY
}

@test "arguments of the module that make no sense keep Redis from starting, with the reason" {
    for arguments in "TPQ 0" "THREADS x" "DEVICE tpu" "MAXQUEUE -1" "TPQ" "BANANA 1" "TPQ 65" "MAXTENSOR 99999999999999999999"; do
        # shellcheck disable=SC2086  # several words on purpose
        run timeout 20 redis-server --port 0 --unixsocket "$DB_DIR/other.sock" --loadmodule "$BUILD/lib/inferstep/inferdb.so" $arguments
        [ "$status" -ne 0 ]
        [[ "$output" == *"${arguments%% *}"* ]]
        [[ "$output" == *"number from"* || "$output" == *"cpu, gpu or auto"* || "$output" == *lacks* || "$output" == *"are known"* ]]
    done
}

@test "the module exports what Redis looks up and needs no libtorch" {
    run nm -D --defined-only "$BUILD/lib/inferstep/inferdb.so"
    [ "$(grep -c . <<<"$output")" = 1 ]
    [[ "$output" == *RedisModule_OnLoad ]]
    run ldd "$BUILD/lib/inferstep/inferdb.so"
    [[ "$output" != *torch* && "$output" != *c10* ]]
}

@test "RENAME and COPY work on models and tensors, which share what they hold" {
    db_py <<'PY'
db("FLUSHALL")
store("m", DOUBLE, "TAG", "t"); put("x", [1, 2])
same(db("COPY", "m", "copy"), 1)
same(db("COPY", "x", "twin"), 1)
same(db("RENAME", "m", "moved"), b"OK")
put("x", [7])                                            # replaces the tensor of one key
same(db("DEL", "moved"), 1)
same(pairs(db("AI.MODELGET", "copy", "META"))["tag"], b"t")
same(db(*run("copy", ["twin"], ["y"])), b"OK")
same(get("y"), [2, 4])
same(db("COPY", "y", "twin"), 0)                         # only with REPLACE, as Redis has it
same(db("COPY", "y", "twin", "REPLACE"), 1)
same(get("twin"), [2, 4])
PY
}
