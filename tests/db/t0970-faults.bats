#!/usr/bin/env bats
# Clients that are killed in any state, a server that is killed under its clients, and what thousands of turns leave behind.
load ../lib/db

setup() { db_start TPQ 1 THREADS 1 DEVICE cpu MAXQUEUE 100; }
teardown() { db_stop; }

@test "a client killed while it sends, waits, is executed or takes its answer harms nobody" {
    db_py <<'PY'
import signal
import subprocess
CHILD = f"""
import os, sys, struct
sys.path[:0] = os.environ["PYTHONPATH"].split(":")
import resp
db = resp.Client(os.environ["DB_SOCKET"])
state = sys.argv[1]
if state == "sending":                      # half of a tensor
    db.socket.sendall(b"*6\\r\\n$12\\r\\nAI.TENSORSET\\r\\n$4\\r\\nhalf\\r\\n$5\\r\\nUINT8\\r\\n$7\\r\\n8000000\\r\\n$4\\r\\nBLOB\\r\\n$8000000\\r\\n" + bytes(4000000))
elif state == "storing":
    db.send("AI.MODELSTORE", "gone", "TORCH", "CPU", "BLOB", open(os.environ["DB_DIR"] + "/double", "rb").read())
elif state in ("waiting", "running"):
    db.send("AI.MODELEXECUTE", "slow", "INPUTS", 1, "work", "OUTPUTS", 1, state)
elif state == "taking":                     # an answer larger than any buffer, of which nothing is read
    db.send("AI.TENSORGET", "large", "BLOB")
print("ready", flush=True)
sys.stdin.read()
"""
with open(f"{DIR}/double", "wb") as file:
    file.write(DOUBLE)


def start(what):
    child = subprocess.Popen([sys.executable, "-c", CHILD, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    same(child.stdout.readline(), b"ready\n")
    return child


def kill(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def clients():
    return int(db("INFO", "clients").decode().split("connected_clients:")[1].split()[0])


store("slow", SLOW); store("m", DOUBLE); put("work", [60]); put("x", [1, 2])
same(db("AI.TENSORSET", "large", "UINT8", 16000000), b"OK")
same(clients(), 1)
for turn in range(3):
    for what in "sending", "taking", "storing":
        kill(start(what))
    running = start("running")
    until(lambda: state("running") == 1, "the execution")
    waiting = [start("waiting") for _ in range(3)]
    until(lambda: state("waiting") == 3, "three waiting")
    kill(waiting[1])
    until(lambda: state("waiting") == 2, "the killed one to be forgotten")
    kill(running)
    for child in waiting[0], waiting[2]:
        kill(child)
    until(lambda: state("waiting") == 0 and state("running") == 0, "quiet")
    until(lambda: clients() == 1, "the end of every connection")
    same(db(*run("m", ["x"], ["y"])), b"OK")
    same(get("y"), [2, 4])
same(db("EXISTS", "half", "running", "waiting"), 0)
PY
}

@test "a server that is killed mid-run: every client gets an error at once, none hangs" {
    db_py <<'PY'
import signal
busy = occupy(5000)
put("x", [1]); store_client = connect()
waiting = [connect() for _ in range(5)]
for client in waiting:
    client.send(*run("slow", ["x"], ["y"]))
store_client.send("AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", DOUBLE)
until(lambda: state("waiting") == 5, "five waiting")
idle = connect()
idle("PING")
os.kill(int(os.environ["DB_PID"]), signal.SIGKILL)
for client in [busy, *waiting, store_client, idle, db]:
    client.socket.settimeout(20)
    try:
        client.ask("PING")
        if client is store_client:
            client.receive()
        raise AssertionError("an answer from the dead")
    except (ConnectionError, BrokenPipeError):
        pass
PY
    wait "$DB_PID" || true
}

@test "a thousand connections that come and go leave nothing" {
    db_py <<'PY'
def memory():
    with open(f"/proc/{os.environ['DB_PID']}/statm") as file:
        return int(file.read().split()[1]) * 4096
store("m", DOUBLE); put("x", [1])
def round_trip(turn):
    client = connect()
    if turn % 3 == 0:
        client("PING")
    elif turn % 3 == 1:
        client.send(*run("m", ["x"], ["y"]))
    client.close()
for turn in range(300):
    round_trip(turn)
before = memory()
for turn in range(1000):
    round_trip(turn)
until(lambda: "connected_clients:1\r" in db("INFO", "clients").decode(), "the end of every connection")
until(lambda: state("waiting") == 0 and state("running") == 0, "quiet")
assert memory() < before + (4 << 20), (before, memory())
with os.scandir(f"/proc/{os.environ['DB_PID']}/fd") as entries:
    assert len(list(entries)) < 60
PY
}

@test "twenty thousand turns of put, run and get leave the memory as it was" {
    db_py <<'PY'
def memory():
    with open(f"/proc/{os.environ['DB_PID']}/statm") as file:
        return int(file.read().split()[1]) * 4096
store("m", DOUBLE)
blob = struct.pack("64f", *range(64))
expected = struct.pack("64f", *range(0, 128, 2))
def turn():
    db.send("AI.TENSORSET", "x", "FLOAT", 1, 64, "BLOB", blob)
    db.send(*run("m", ["x"], ["y"]))
    db.receive(); db.receive()
    same(db("AI.TENSORGET", "y", "BLOB"), expected)
for _ in range(2000):
    turn()
before = memory()
for _ in range(20000):
    turn()
after = memory()
print(before, after)
assert after <= before * 1.02, f"{before >> 10} kB became {after >> 10} kB"
same(stats("m")["calls"], 22000)
PY
}
