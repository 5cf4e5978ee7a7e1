#!/usr/bin/env bats
# Whose turn it is: no model and no client can keep another waiting for longer than what is under way.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXQUEUE 200; }
teardown_file() { db_stop; }

@test "a model with a hundred slow requests does not keep another waiting" {
    db_py <<'PY'
store("slow", SLOW, "BATCHSIZE", 1); store("quick", DOUBLE, "BATCHSIZE", 1)
busy = occupy()                       # all that follow wait
crowd = [connect() for _ in range(100)]
put("more", [300])
for i, client in enumerate(crowd):
    client.send(*run("slow", ["more"], [f"s{i}"]))
until(lambda: state("waiting") == 100, "the crowd waiting")
put("x", [1], 1, 1)
same(db(*run("quick", ["x"], ["y"])), b"OK")
done = stats("slow")["calls"]
assert done <= 3, f"{done} slow requests came first"
for client in crowd:
    client.close()                    # what waits is dropped
until(lambda: state("waiting") + state("running") == 0, "the queue empty")
PY
}

@test "a client with a hundred connections does not keep one with one waiting" {
    db_py <<'PY'
store("slow", SLOW, "BATCHSIZE", 1)
busy = occupy()
put("little", [1]); put("more", [300])
crowd = []
def send(tensor):
    crowd.append(connect())
    crowd[-1].send(*run("slow", [tensor], [f"s{len(crowd)}"]))
for i in range(50):
    send("little")
until(lambda: state("waiting") == 50, "the crowd waiting")
single = connect()
single.send(*run("slow", ["little"], ["y"]))
until(lambda: state("waiting") == 51, "the single client waiting")
for i in range(50):
    send("more")
until(lambda: state("waiting") == 101, "the rest of the crowd waiting")
same(single.receive(), b"OK")
early = sum(answered(client) for client in crowd[50:])
assert early <= 1, f"{early} requests that came later were served earlier"
for client in crowd:
    client.close()
until(lambda: state("waiting") + state("running") == 0, "the queue empty")
PY
}

@test "a full queue says BUSY, and is bounded for all models together" {
    db_py <<'PY'
store("quick", DOUBLE)
busy = occupy()
crowd = [connect() for _ in range(200)]
put("x", [1], 1, 1)
for i, client in enumerate(crowd):
    client.send(*run("slow" if i % 2 else "quick", ["x"], [f"s{i}"]))
until(lambda: state("waiting") == 200, "a full queue")
fails(*run("quick", ["x"], ["y"]), says="BUSY the queue of device CPU is full: 200 requests wait")
same(busy.receive(), b"OK")
for client in crowd:
    same(client.receive(), b"OK")
PY
}
