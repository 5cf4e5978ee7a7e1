#!/usr/bin/env bats
# Random and mutated commands, and broken protocol, against the real server with real models, for ten seconds. Another seed:
# FUZZ_SEED=n; more: FUZZ_SECONDS=n.
load ../lib/db

setup_file() { db_start TPQ 2 THREADS 1 DEVICE cpu MAXQUEUE 50; }
teardown_file() { db_stop; }

@test "S8: the server outlives mutated commands and bytes, answers each client, and keeps its memory" {
    db_py <<'PY'
import random
import socket
seed = int(os.environ.get("FUZZ_SEED", 0)) or 20261121
print(f"FUZZ_SEED={seed}")
rng = random.Random(seed)
deadline = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", 10))
ADD = script("a: Tensor, b: Tensor -> Tensor", "return torch.add(a, b)")
BAD = script("x: Tensor -> Tensor", "return torch.matmul(x, torch.ones([3, 3]))")
WRONG = script("x: Tensor -> Tuple[Tensor, Tensor]", "return (x, torch.sum(x))")
x = struct.pack("4f", 1, 2, 3, 4)
seeds = [
    ["AI.TENSORSET", "x", "FLOAT", 2, 2, "BLOB", x], ["AI.TENSORSET", "x", "DOUBLE", 1, "VALUES", 2], ["AI.TENSORGET", "x", "META", "BLOB"],
    ["AI.TENSORSET", "s", "STRING", 2, "VALUES", "a", "b"], ["AI.TENSORGET", "s", "VALUES"], ["AI.TENSORSET", "b", "BOOL", 2, "BLOB", b"\0\1"],
    ["AI.MODELSTORE", "m", "TORCH", "CPU", "BATCHSIZE", 4, "TAG", "t", "BLOB", DOUBLE], ["AI.MODELSTORE", "a", "TORCH", "CPU", "BLOB", ADD],
    ["AI.MODELSTORE", "w", "TORCH", "CPU", "BLOB", BAD], ["AI.MODELSTORE", "v", "TORCH", "CPU", "BATCHSIZE", 2, "BLOB", WRONG],
    run("m", ["x"], ["y"], "TIMEOUT", 5), run("a", ["x", "x"], ["y"]), run("w", ["x"], ["y"]), run("v", ["x"], ["y", "z"]),
    ["AI.MODELRUN", "m", "INPUTS", "x", "OUTPUTS", "y"], ["AI.MODELGET", "m", "META", "BLOB"], ["AI._MODELSCAN"], ["AI.INFO", "m", "RESETSTAT"],
    ["AI.CONFIG", "GET", "MODEL_CHUNK_SIZE"], ["AI.SCRIPTSET", "s", "CPU", "SOURCE", "def f(x):\n    return x * 2\n"],
    ["AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "f", "SOURCE", "def f(xs: List[Tensor], k: List[str], a: List[str]):\n    return xs[0] * 2\n"],
    ["AI.SCRIPTRUN", "s", "f", "INPUTS", "x", "OUTPUTS", "y"], ["AI.SCRIPTEXECUTE", "s", "f", "INPUTS", 1, "x", "OUTPUTS", 1, "y"],
    ["AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "y", "|>", "AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y", "|>", "AI.TENSORGET", "y", "BLOB"],
    ["AI._SHARD", "AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y"],
    ["AI.DAGRUN", "LOAD", 1, "x", "|>", "AI.MODELRUN", "m", "INPUTS", "x", "OUTPUTS", "y"], ["COPY", "x", "y"], ["RENAME", "m", "a"], ["DEL", "x"],
    ["CONFIG", "SET", "lua-time-limit", 5], ["FLUSHDB"], ["COMMAND", "GETKEYS", *run("m", ["x"], ["y"])],
]
words = ["", "0", "-1", "1", "3", "4294967296", "9223372036854775807", "18446744073709551616", "x" * 5000, b"\0", b"\xff\xfe", "\r\n", "nan",
         *{str(word) for seed_words in seeds for word in seed_words if not isinstance(word, bytes)}]


def mutated():
    command = list(rng.choice(seeds))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(command))
        kind = rng.randrange(5)
        if kind == 0:
            command[at] = rng.choice(words)
        elif kind == 1:
            command.insert(at, rng.choice(words))
        elif kind == 2 and len(command) > 1:
            del command[at]
        elif kind == 3:
            command.extend(rng.choice(seeds)[rng.randrange(2):])
        elif isinstance(command[at], bytes) and command[at]:
            data = bytearray(command[at])
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            command[at] = bytes(data[:rng.randrange(len(data) + 1)] if rng.random() < 0.3 else data)
    # A minimum of a batch that nobody joins rightly lasts for ever; these two do what they say.
    forbidden = ("MINBATCHSIZE", "SHUTDOWN", "DEBUG")
    return command if not any(str(word).upper() in forbidden for word in command) else ["PING"]


def resident():
    with open(f"/proc/{os.environ['DB_PID']}/statm") as file:
        return int(file.read().split()[1]) * 4096


clients = [connect() for _ in range(8)]
sent = broken = 0
first = None
while time.monotonic() < deadline:
    for i, client in enumerate(clients):
        client.command = mutated()
        client.send(*client.command)
        sent += 1
    for i, client in enumerate(clients):
        if rng.random() < 0.03:                        # goes without waiting for the answer
            client.close()
            clients[i] = connect()
            continue
        try:
            client.receive()
        except TimeoutError:
            raise AssertionError(f"no answer to {client.command}")
    if rng.random() < 0.1:                             # not even a command
        raw = socket.socket(socket.AF_UNIX)
        raw.connect(os.environ["DB_SOCKET"])
        head = rng.choice([b"*3\r\n$12\r\nAI.TENSORSET\r\n$1\r\nx\r\n$", b"*-1\r\n", b"*1000000\r\n$5\r\n", b"$5\r\n", b"AI.TENSORGET x\r\n", b"*2\r\n:1\r\n"])
        raw.sendall(head + rng.randbytes(rng.randrange(200)))
        raw.close()
        broken += 1
    if first is None and sent > 1000:
        first = resident()
    same(db("PING"), b"PONG")
until(lambda: state("waiting") == 0 and state("running") == 0, "quiet")
db("FLUSHALL")
print(f"{sent} commands, {broken} broken connections; resident {(first or 0) >> 20} MB after 1000, {resident() >> 20} MB at the end")
assert sent > 200, sent
assert first is None or resident() < first + (200 << 20), "memory grows"
store("m", DOUBLE); put("x", [1, 2])
same(db(*run("m", ["x"], ["y"])), b"OK")
same(get("y"), [2, 4])
PY
    kill -0 "$DB_PID"
    ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
}
