"""Many clients of one database: does throughput hold, does each get its share, and how long do the slowest wait"""
import os
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from common import TOP, figure, say

sys.path.insert(0, f"{TOP}/tests/lib")
import resp  # noqa: E402
import torchscript  # noqa: E402

LEVELS = (1, 2, 4, 8, 16, 32, 64)


def encode(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Database:
    """`inferstep db serve` on all CPUs with a model `m`; a context manager"""

    def __init__(self, bench, model, shape):
        self.bench, self.model, self.shape = bench, model, shape

    def __enter__(self):
        self.state = tempfile.TemporaryDirectory(prefix="ib", dir="/dev/shm")
        self.server = subprocess.Popen(
            [self.bench.bin, "db", "serve", f"--statedir={self.state.name}", f"--db-cpus={len(self.bench.cpus)}", "--device=cpu",
             f"--model=m:{self.model}"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.path = self.server.stdout.readline().split("unix://")[1].strip()
        db = resp.Client(self.path)
        count = 1
        for extent in self.shape:
            count *= extent
        for i in range(max(LEVELS)):
            db("AI.TENSORSET", f"x{i}", "FLOAT", *self.shape, "BLOB", struct.pack("f", i + 1) * count)
        self.load(max(LEVELS), 3)      # trials are over, buffers are there
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(timeout=30)
        self.state.cleanup()

    def load(self, clients, seconds, each=0):
        """Closed loops of `clients` for some time, or until they have done `each` in the mean: (requests/s, counts, latencies)"""
        poll = selectors.DefaultSelector()
        counts, latencies, since = [0] * clients, [], [0.0] * clients
        requests = [encode("AI.MODELEXECUTE", "m", "INPUTS", 1, f"x{i}", "OUTPUTS", 1, f"y{i}") for i in range(clients)]
        sockets = []
        for i in range(clients):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.connect(self.path)
            poll.register(s, selectors.EVENT_READ, i)
            sockets.append(s)
        begin = time.perf_counter()
        for i, s in enumerate(sockets):
            since[i] = time.perf_counter()
            s.sendall(requests[i])
        done = 0
        while (done < each * clients) if each else (time.perf_counter() - begin < seconds):
            for key, _ in poll.select(1):
                reply = key.fileobj.recv(4096)
                if reply != b"+OK\r\n":
                    raise RuntimeError(f"the database answers {reply!r}")
                now = time.perf_counter()
                latencies.append(now - since[key.data])
                counts[key.data] += 1
                done += 1
                since[key.data] = now
                key.fileobj.sendall(requests[key.data])
        rate = done / (time.perf_counter() - begin)
        for s in sockets:
            s.close()
        return rate, counts, latencies


def measure(bench, suffix, model, shape, seconds, each):
    with Database(bench, model, shape) as database:
        rates = {n: [] for n in LEVELS}
        for _ in range(3):
            for n in LEVELS:
                rates[n].append(database.load(n, seconds)[0])
        medians = {n: statistics.median(r) for n, r in rates.items()}
        # The best of seven noisy rates would be the luckiest: a level counts by its median.
        say(f"clients64{suffix}", medians[64] / max(medians.values()), ">=0.95",
            "run_model/s of 64 clients / best of " + ", ".join(f"{n}: {r:.0f}" for n, r in medians.items()), 3)
        _, counts, latencies = database.load(64, 0, each)
        latencies.sort()
        say(f"fairness{suffix}", min(counts) / max(counts), ">=0.9", "slowest / fastest of 64 clients", 1)
        say(f"p99{suffix}", latencies[len(latencies) * 99 // 100] * 1000, "-",
            f"ms of run_model of 64 clients; median {statistics.median(latencies) * 1000:.1f}", len(latencies))


@figure()
def clients64(bench):
    """Throughput at 64 clients over the best of 1 to 64, and the share of each client: a tiny model and a ResNet18"""
    tiny = os.path.join(bench.dir, "tiny.pt")
    torchscript.write(tiny, "x: Tensor -> Tensor", ["return torch.mul(x, 2)"])
    measure(bench, "", tiny, (1, 16), 1.5, 3000)          # shows what the server itself costs
    resnet = os.path.join(bench.dir, "resnet18.pt")
    bench.call(bench.bin, "model", "resnet18", "-o", resnet)
    measure(bench, "_resnet18", resnet, (1, 3, 224, 224), 6, 20)
