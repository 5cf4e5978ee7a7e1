#!/usr/bin/env bats
# Shared memory: what the module does with what clients put into their arenas, right and wrong.
load ../lib/db

setup() {
    DB_DIR=$(mktemp -d)
    export DB_DIR
    arena_start
}
teardown() { db_stop; }
arena_start() { db_start TPQ 1 THREADS 1 DEVICE cpu ARENA 67108864 ARENASOCKET "$DB_DIR/db.arena"; }
arena_py() {
    { printf 'from arena import Arena, Refused\nimport arena as layout\nDOOR = DIR + "/db.arena"\n' && cat; } | db_py
}

@test "a put is seen by the next command of anybody, and replaced, renamed, copied, expired as any tensor" {
    arena_py <<'PY'
same(db("AI._ARENA"), DOOR.encode())
a = Arena(DOOR)
other = connect()
a.put("x", [1, 2, 3])
same(other("AI.TENSORGET", "x", "META"), [b"dtype", b"FLOAT", b"shape", [3]])
same(get("x"), [1, 2, 3])
same((a.drained(), a.slot(0)), (1, 1))
a.put("x", [4, 5], slot=1, offset=64)
same(get("x"), [4, 5])
same((a.slot(0), a.slot(1)), (0, 1))            # the first one's place is free again
same(db("RENAME", "x", "y"), b"OK")
same(db("COPY", "y", "z"), 1)
same(db("DEL", "y"), 1)
same((get("z"), a.slot(1)), ([4, 5], 1))        # the copy keeps it
same(db("PEXPIRE", "z", 1), 1)
until(lambda: db("EXISTS", "z") == 0, "the end of z")
same(a.slot(1), 0)
a.put("x", [6], slot=2); a.put("x", [7], slot=3, offset=64)
same((get("x"), a.slot(2)), ([7], 0))           # the last put wins
same(db("AI.TENSORSET", "x", "FLOAT", 1, "VALUES", 8), b"OK")
same((get("x"), a.slot(3)), ([8], 0))
same(db("FLUSHDB"), b"OK")
PY
}

@test "puts of several clients are stored in the order in which they were made" {
    arena_py <<'PY'
first, second = Arena(DOOR), Arena(DOOR)
for turn in range(20):
    one, two = (first, second) if turn % 2 else (second, first)
    one.put("x", [turn], slot=turn % 2); two.put("x", [turn + 0.5], slot=turn % 2)
    same(get("x"), [turn + 0.5])
# What was put after a command had been sent is not seen by a MULTI that was sent before
same(db("MULTI"), b"OK")
db("SET", "a", "b")
first.put("m", [1], slot=5)
same(db("EXEC"), [b"OK"])
same(get("m"), [1])
PY
}

@test "models run on tensors in shared memory; whole numbers are copied to memory of the database's own" {
    arena_py <<'PY'
import struct
store("double", DOUBLE)
a = Arena(DOOR)
a.put("x", [1, 2.5])
same(db(*run("double", ["x"], ["y"])), b"OK")
same((get("y"), a.slot(0)), ([2, 5], 1))
a.memory[layout.DATA + 64:layout.DATA + 80] = struct.pack("=2q", 7, -8)
a.message(b"n", type=5, shape=(2,), offset=64, slot=1)
same(db("AI.TENSORGET", "n", "VALUES"), [7, -8])
same(a.slot(1), 0)
a.memory[layout.DATA + 64:layout.DATA + 80] = bytes(16)
same(db("AI.TENSORGET", "n", "VALUES"), [7, -8])
PY
}

@test "AI._ARENAGET leaves a tensor where it lies, or copies it to where there is room, or sends it" {
    arena_py <<'PY'
import struct
a = Arena(DOOR)
a.put("x", [1, 2], offset=128)
same(db("AI._ARENAGET", "x", a.token, 0, 0), [b"dtype", b"FLOAT", b"shape", [2], b"arena", 128])
put("far", [3, 4])
same(db("AI._ARENAGET", "far", a.token, 4096, 8)[4:], [b"arena", 4096])
same(a.memory[layout.DATA + 4096:layout.DATA + 4104], struct.pack("2f", 3, 4))
same(db("AI._ARENAGET", "far", a.token, 4096, 7)[4:], [b"blob", struct.pack("2f", 3, 4)])
end = a.bytes
same(db("AI._ARENAGET", "far", a.token, end - 8, 8)[5], end - 8)
for offset, size in (end, 8), (end - 7, 8), (0, end + 1), (2**64 - 8, 8), (8, 2**64 - 8):
    fails("AI._ARENAGET", "far", a.token, offset, size, says="outside of the arena")
fails("AI._ARENAGET", "far", a.token ^ 1, 0, 8, says="no such arena")
fails("AI._ARENAGET", "none", a.token, 0, 8, says="tensor key is empty")
fails("AI._ARENAGET", "far", "x", 0, 8, says="no such arena")
PY
}

@test "a put that is refused tells its client why, and nothing else is lost" {
    arena_py <<'PY'
a = Arena(DOOR)
db("SET", "text", "x")
a.put("text", [1]); a.put("good", [2], slot=1, offset=64)
same(get("good"), [2])
count, why = a.problem()
same(count, 1)
assert why.startswith("AI.TENSORSET text: WRONGTYPE"), why
same((db("GET", "text"), a.slot(0), state("arena_refused")), (b"x", 0, 1))
used = int([line for line in db("INFO", "memory").decode().splitlines() if line.startswith("used_memory:")][0].split(":")[1])
db("CONFIG", "SET", "maxmemory", used - 1000)
a.put("more", [3], slot=2)
same(db("EXISTS", "more"), 0)
same(a.problem()[0], 2)
db("CONFIG", "SET", "maxmemory", 0)
a.put("more", [3], slot=2)
same(get("more"), [3])
PY
}

@test "every message that makes no sense ends its arena, and nobody else's" {
    arena_py <<'PY'
good = Arena(DOOR)
good.put("kept", [1])
size = 1 << 20
wrong = [
    dict(key=b""), dict(key=b"k", key_bytes=417), dict(key=b"k", key_bytes=65535), dict(key=b"k", type=8), dict(key=b"k", type=255),
    dict(key=b"k", rank=0), dict(key=b"k", rank=9), dict(key=b"k", rank=255), dict(key=b"k", slot=1024), dict(key=b"k", slot=2**32 - 1),
    dict(key=b"k", bytes=8), dict(key=b"k", shape=(-1,), bytes=4), dict(key=b"k", shape=(2**62, 4), bytes=0),
    dict(key=b"k", shape=(2**63 - 1,) * 8, bytes=4), dict(key=b"k", offset=1), dict(key=b"k", offset=size),
    dict(key=b"k", offset=2**64 - 64), dict(key=b"k", shape=(size,), bytes=4 * size), dict(key=b"k", count=257),
    dict(key=b"k", count=2**63), dict(key=b"k", stamp=2**63 - 1),
]
for number, fields in enumerate(wrong):
    bad = Arena(DOOR, wish=size)
    bad.put("before", [number], slot=3)
    same(get("before"), [number])
    bad.message(**fields)
    same(db("EXISTS", "k"), 0)
    assert bad.closed(), fields
    same(get("before"), [number])              # what was put before stays
    bad.close()
until(lambda: state("arena_clients") == 1, "the arenas' end")
same(state("arena_closed"), len(wrong))
good.put("kept", [2], slot=1, offset=64)
same(get("kept"), [2])
# tensors that overlap could each cost a copy
bad = Arena(DOOR, wish=size)
for number in range(3):
    bad.message(b"big", type=5, shape=(size // 16,), slot=number)
same((db("PING"), bad.closed()), (b"PONG", True))
PY
    grep -q 'an arena is closed, its client wrote nonsense' "$DB_DIR/log"
}

@test "a client that scribbles over its whole arena harms nobody" {
    arena_py <<'PY'
import threading
good = Arena(DOOR)
wrong = []
def honest():
    client = connect()
    for turn in range(3000):
        good.put("honest", [turn], slot=turn % 4, offset=64 * (turn % 4))
        values = list(array.array("f", client("AI.TENSORGET", "honest", "BLOB")))
        if values != [turn]:
            wrong.append((turn, values))
thread = threading.Thread(target=honest)
thread.start()
store("double", DOUBLE)
for seed in range(60):                         # each is soon closed, and comes again
    bad = Arena(DOOR, wish=1 << 20)
    bad.put("mine", [seed] * 1000, slot=7)
    same(db(*run("double", ["mine"], ["out"])), b"OK")
    bad.scribble(0.05, seed)
    same(db("PING"), b"PONG")
    db.ask(*run("double", ["mine"], ["out"]))
    db.ask("AI.TENSORGET", "mine", "BLOB")
    bad.close()
thread.join()
same(wrong, [])
until(lambda: state("arena_clients") == 1, "the arenas' end")
assert state("arena_closed") >= 10, state("arena_closed")
PY
    kill -0 "$DB_PID"
    ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
}

@test "a client that is killed leaves its tensors, not its memory" {
    arena_py <<'PY'
import signal, subprocess
code = """
import time
from arena import Arena
a = Arena(%r, wish=8 << 20)
for n in range(100):
    a.put(f"t{n}", [n] * 1000, slot=n, offset=n * 4096)
print("ready", flush=True)
time.sleep(100)
""" % DOOR
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
same(child.stdout.readline(), b"ready\n")
child.send_signal(signal.SIGKILL)
child.wait()
until(lambda: state("arena_clients") == 0 and state("arena_bytes") == 0, "the memory's end")
for n in range(100):
    same(get(f"t{n}"), [n] * 1000)
same(db("DBSIZE"), 100)
PY
}

@test "without room for what a client leaves it stays where it is, until there is" {
    arena_py <<'PY'
a = Arena(DOOR, wish=8 << 20)
a.put("x", [5] * 500000)
same(db("EXISTS", "x"), 1)
used = int([line for line in db("INFO", "memory").decode().splitlines() if line.startswith("used_memory:")][0].split(":")[1])
db("CONFIG", "SET", "maxmemory", used - 1000)
a.close()
until(lambda: state("arena_clients") == 0, "the client's end")
assert state("arena_bytes") > 8 << 20
same(get("x"), [5] * 500000)
db("CONFIG", "SET", "maxmemory", 0)
until(lambda: state("arena_bytes") == 0, "the memory's end")
same(get("x"), [5] * 500000)
PY
}

@test "the quota bounds all arenas together; who gets none is told" {
    arena_py <<'PY'
everyone = []
try:
    while True:
        everyone.append(Arena(DOOR, wish=16 << 20, least=1 << 20))
except Refused as why:
    assert "are left" in str(why), why
same(len(everyone), 4)
assert state("arena_bytes") <= 67108864
same(state("arena_fallbacks"), 1)
everyone.pop().close()
until(lambda: state("arena_clients") == 3, "the end of one")
again = Arena(DOOR, wish=1 << 20)
for wish in 0, 2**64 - 1, 2**63:
    try:
        Arena(DOOR, wish=wish)
        raise AssertionError(wish)
    except Refused:
        pass
for wrong in dict(version=2), dict(clock=5 * 10**9), dict(clock=-5 * 10**9):
    try:
        Arena(DOOR, **wrong)
        raise AssertionError(wrong)
    except Refused as why:
        assert "version" in str(why) or "clocks" in str(why), why
import socket
for junk in b"", b"x", bytes(32), bytes(100):
    s = socket.socket(socket.AF_UNIX); s.connect(DOOR); s.settimeout(20)
    s.sendall(junk); s.shutdown(socket.SHUT_WR)
    try:
        while s.recv(200):
            pass
    except ConnectionResetError:
        pass                         # it did not read all of it
    s.close()
same(db("PING"), b"PONG")
PY
}

@test "what is put is saved and appended as well, and survives a restart; the arena does not" {
    DB_CONFIG="appendonly yes"
    db_pause
    arena_start
    arena_py <<'PY'
a = Arena(DOOR)
for n in range(50):
    a.put(f"t{n}", [n, n], slot=n, offset=64 * n)
same(db("INCR", "n"), 1)
a.put("late", [9], slot=60)          # by nobody's command: the database takes it by itself
until(lambda: a.drained() == 51, "the drain")
a.put("last", [1], slot=61, offset=64)
PY
    db_pause
    [ ! -e "$DB_DIR/db.arena" ]
    arena_start
    arena_py <<'PY'
for n in range(50):
    same(get(f"t{n}"), [n, n])
same((get("late"), get("last")), ([9], [1]))
a = Arena(DOOR)
a.put("saved", [2])
same(db("SAVE"), b"OK")
PY
    db_pause
    DB_CONFIG="appendonly no" arena_start
    arena_py <<'PY'
same((get("saved"), get("t7")), ([2], [7, 7]))
PY
}

@test "a replica gets what is put" {
    redis-server --port 0 --unixsocket "$DB_DIR/replica.sock" --dir "$DB_DIR" --dbfilename replica.rdb --save "" \
        --loadmodule "$BUILD/lib/inferstep/inferdb.so" TPQ 1 THREADS 1 DEVICE cpu >"$DB_DIR/replica.log" 2>&1 3>&- &
    local replica=$! port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    db_cli config set port "$port"
    PORT=$port arena_py <<'PY'
a = Arena(DOOR)
a.put("early", [1])
same(db("EXISTS", "early"), 1)
until(lambda: os.path.exists(DIR + "/replica.sock"), "the replica")
replica = resp.Client(DIR + "/replica.sock")
same(replica("REPLICAOF", "127.0.0.1", os.environ["PORT"]), b"OK")
until(lambda: b"master_link_status:up" in replica("INFO", "replication"), "the link")
for n in range(20):
    a.put(f"t{n}", [n], slot=n + 1, offset=64 * (n + 1))
same(db("EXISTS", "t19"), 1)
until(lambda: replica("EXISTS", "t19", "early") == 2, "the replica's tensors")
same(replica("AI.TENSORGET", "t7", "VALUES"), [b"7"])
same(replica("AI._ARENA"), None)
PY
    kill "$replica"
}
