#!/usr/bin/env bats
# Memory, nonsense, and the end.
load ../lib/db

setup() { db_start TPQ 1 THREADS 1 DEVICE cpu; }
teardown() { db_stop; }

@test "S8: beyond maxmemory writes answer OOM, and reading goes on" {
    db_py <<'PY'
store("m", DOUBLE)
store("grow", script("x: Tensor -> Tensor", "return torch.zeros([4000000])"))
put("x", [1])
used = int([line for line in db("INFO", "memory").decode().splitlines() if line.startswith("used_memory:")][0].split(":")[1])
db("CONFIG", "SET", "maxmemory", used + 4000000)
fails(*run("grow", ["x"], ["big"]), says="OOM command not allowed")       # 16 MB of output
same(db("EXISTS", "big"), 0)
same(db(*run("m", ["x"], ["y"])), b"OK")                                  # the memory is free again
same(db("AI.TENSORSET", "fill", "FLOAT", 2000000), b"OK")
for words in ["AI.TENSORSET", "t", "FLOAT", 1], ["AI.MODELSTORE", "n", "TORCH", "CPU", "BLOB", DOUBLE], run("m", ["x"], ["z"]):
    fails(*words, says="OOM command not allowed")
same(len(db("AI.TENSORGET", "fill", "BLOB")), 8000000)
same(db("AI.MODELGET", "m", "BLOB"), DOUBLE)
same(db("DEL", "fill"), 1)
same(db(*run("m", ["x"], ["z"])), b"OK")
PY
}

@test "Redis counts the bytes of tensors and models" {
    db_py <<'PY'
same(db("AI.TENSORSET", "t", "DOUBLE", 100000), b"OK")
assert db("MEMORY", "USAGE", "t") >= 800000
store("m", DOUBLE)
assert db("MEMORY", "USAGE", "m") >= len(DOUBLE)
PY
}

@test "S8: thousands of malformed commands do no harm" {
    db_py <<'PY'
import random
random.seed(7)
store("m", DOUBLE, "BATCHSIZE", 2); put("x", [1, 2])
names = ["AI.TENSORSET", "AI.TENSORGET", "AI.MODELSTORE", "AI.MODELSET", "AI.MODELGET", "AI.MODELDEL", "AI.MODELEXECUTE",
         "AI.MODELRUN", "AI._MODELSCAN", "AI.INFO", "AI.CONFIG"]
words = ["x", "m", "q", "FLOAT", "INT8", "STRING", "BOOL", "BLOB", "VALUES", "META", "TORCH", "CPU", "GPU", "INPUTS", "OUTPUTS",
         "TIMEOUT", "BATCHSIZE", "MINBATCHSIZE", "MINBATCHTIMEOUT", "TAG", "RESETSTAT", "GET", "MODEL_CHUNK_SIZE", "LOADBACKEND",
         "0", "1", "2", "3", "-1", "4294967296", "9223372036854775807", "18446744073709551616", "1e3", "nan", "", "\0", "\r\n",
         "é", "x" * 300, bytes(8), bytes(range(256)), DOUBLE[:200], DOUBLE]
count = 0
for turn in range(4000):
    command = [random.choice(names)] + [random.choice(words) for _ in range(random.randrange(12))]
    if turn % 4 == 0:                      # a right one with one word changed
        command = random.choice([run("m", ["x"], ["y"], "TIMEOUT", 5), ["AI.TENSORSET", "q", "FLOAT", 2, "VALUES", 1, 2],
                                 ["AI.MODELSTORE", "q", "TORCH", "CPU", "BATCHSIZE", 2, "BLOB", DOUBLE],
                                 ["AI.TENSORGET", "x", "META", "BLOB"]])
        command = list(command)
        command[random.randrange(1, len(command))] = random.choice(words)
    if "MINBATCHSIZE" in command:
        continue                           # may rightly wait for others for ever
    reply = db.ask(*command)
    count += isinstance(reply, resp.Problem)
    if db("EXISTS", "m", "x") != 2:
        db("DEL", "m", "x"); store("m", DOUBLE, "BATCHSIZE", 2); put("x", [1, 2])
assert count > 1000, count
same(db("PING"), b"PONG")
put("x", [1, 2])
same(db(*run("m", ["x"], ["y"])), b"OK")
PY
    kill -0 "$DB_PID"
    ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
}

@test "many clients, stores and deletions at once" {
    db_py <<'PY'
import threading
store("m", DOUBLE, "BATCHSIZE", 4)
wrong = []
def work(number):
    client = connect()
    for turn in range(60):
        put(f"i{number}", [number, turn], 1, 2, client=client)
        reply = client.ask(*run("m", [f"i{number}"], [f"o{number}"]))
        if reply == b"OK":
            values = list(array.array("f", client("AI.TENSORGET", f"o{number}", "BLOB")))
            if values != [2 * number, 2 * turn]:
                wrong.append((number, turn, values))
        elif "model key is empty" not in str(reply):
            wrong.append((number, turn, str(reply)))
        if number == 0 and turn % 10 == 5:
            client("DEL", "m")
            client("AI.MODELSTORE", "m", "TORCH", "CPU", "BATCHSIZE", 4, "TAG", turn, "BLOB", DOUBLE)
        if number == 1 and turn % 7 == 3:      # come and go with a request under way
            other = connect()
            other.send(*run("m", ["i1"], ["lost"]))
            other.close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
same(wrong, [])
until(lambda: state("waiting") == 0 and state("running") == 0, "quiet")
PY
}

@test "SHUTDOWN ends the server at once, with work waiting and running, and with status 0" {
    db_py <<'PY'
busy = occupy(3000)
put("x", [1]); store("m", DOUBLE)
waiting = connect()
waiting.send(*run("m", ["x"], ["y"]))
until(lambda: state("waiting") == 1, "the request waiting")
db.send("SHUTDOWN", "NOSAVE", "NOW")
try:
    busy.receive()
    raise AssertionError("an answer after the end")
except ConnectionError:
    pass
PY
    local status=0
    wait "$DB_PID" || status=$?
    [ "$status" = 0 ]
    [ ! -e "$DB_SOCKET" ]
    ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
}

@test "SHUTDOWN right after the start ends cleanly, although libtorch is being opened" {
    db_pause
    for _ in 1 2 3 4 5; do
        db_start
        db_pause
        ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
    done
}
