"""What our handling of models gains over a server without it: optimized TorchScript, and compiled packages"""
import json
import os
import statistics
import subprocess
import tempfile
import time

from common import TOP, figure, say

SECONDS = 8      # of each measurement
CLIENTS = 4
# Each of CLIENTS processes runs the model on an input of its own for SECONDS after the start it is told.
CLIENT = f"""
import sys, time
sys.path.insert(0, {TOP + "/tests/lib"!r})
import resp
db = resp.Client(sys.argv[1])
me = sys.argv[2]
shape = [1, 3, 224, 224]
db("AI.TENSORSET", "x" + me, "FLOAT", *shape, "BLOB", b"\\0\\0\\0\\x3f" * (3 * 224 * 224))
ask = ["AI.MODELEXECUTE", "m", "INPUTS", 1, "x" + me, "OUTPUTS", 1, "y" + me]
for _ in range(4):
    db(*ask)
print("ready", flush=True)
sys.stdin.readline()
count, end = 0, time.monotonic() + {SECONDS}
while time.monotonic() < end:
    db(*ask)
    count += 1
print(count)
"""


class Server:
    """A redis-server with our module, told which module arguments and which environment it has"""

    def __init__(self, bench, arguments, allocator):
        self.dir = tempfile.mkdtemp(dir=bench.dir)
        self.socket = f"{self.dir}/s"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "OMP_", "GOMP_"))}
        if allocator:
            env["MALLOC_CONF"] = allocator
        conf = (f'port 0\nunixsocket {self.socket}\ndir {self.dir}\nsave ""\nloglevel warning\n'
                f"loadmodule {bench.lib}/inferdb.so {arguments}\n")
        self.process = subprocess.Popen(["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env)
        self.process.stdin.write(conf.encode())
        self.process.stdin.close()
        self.bench = bench

    def cli(self, *words, text=None):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, input=text, check=True).stdout.decode()

    def ready(self):
        while True:
            done = subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True, check=False)
            if b"PONG" in done.stdout:
                return
            time.sleep(0.05)

    def store(self, path):
        with open(path, "rb") as file:
            answer = self.cli("-x", "AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", text=file.read())
        assert answer.strip() == "OK", answer

    def load(self, path):
        digest = self.bench.call("sha256sum", path).split()[0]
        answer = self.cli("AI._MODELFILE", "m", "AOTI", "CPU", "SHA256", digest, "FILE", path)
        assert answer.strip() == "OK", answer

    def rate(self):
        """Inferences/s of all clients together"""
        words = ["python3", "-c", CLIENT, self.socket]
        clients = [subprocess.Popen([*words, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(CLIENTS)]
        for client in clients:
            assert client.stdout.readline() == "ready\n"
        for client in clients:
            client.stdin.write("\n")
            client.stdin.flush()
        return sum(int(client.communicate()[0]) for client in clients) / SECONDS

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def gain(bench, store_ours):
    """Ratio, pair by pair, of our rate to that of the same module without our settings: as a server that runs the file as
    it was stored, one request at a time on each worker, with the allocator as it comes"""
    workers = len(bench.cpus)
    plain = Server(bench, f"TPQ {workers} THREADS 1 DEVICE cpu OPTIMIZE no MAXBATCH 1", None)
    ours = Server(bench, f"TPQ {workers} THREADS 1 DEVICE cpu", "dirty_decay_ms:-1,muzzy_decay_ms:-1")
    try:
        for server in (plain, ours):
            server.ready()
        plain.store(bench.model())
        store_ours(ours)
        pairs = [(ours.rate(), plain.rate()) for _ in range(3)]
    finally:
        plain.stop()
        ours.stop()
    print(f"      inferences/s ours, plain: {', '.join(f'{a:.1f} {b:.1f}' for a, b in pairs)}", flush=True)
    return statistics.median(a / b for a, b in pairs), len(pairs)


@figure()
def gain_torchscript(bench):
    """The same TorchScript file, optimized or as stored, 4 clients on all CPUs"""
    ratio, repeats = gain(bench, lambda server: server.store(bench.model()))
    say("gain_torchscript", ratio, ">=1.7", "inferences/s of 4 clients / without our optimizations, stock allocator", repeats)


@figure()
def gain_aoti(bench):
    """A package in bfloat16 over the TorchScript file as stored, 4 clients on all CPUs"""
    formula = "inferences/s of 4 clients, package in bfloat16 / TorchScript without our optimizations, stock allocator"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if "avx512_bf16" not in file.read():
            say("gain_aoti", "skipped: this processor has no avx512_bf16", ">=3", formula, 0)
            return
    fetched = subprocess.run([f"{TOP}/contrib/deps/torch.sh", "--python"], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        say("gain_aoti", "skipped: no Python with torch can be had to compile the package", ">=3", formula, 0)
        return
    package = f"{bench.dir}/resnet50.pt2"
    done = bench.call(f"{TOP}/contrib/export/inferstep-export", bench.model(), "-o", package, "--precision", "bfloat16",
                      env={**os.environ, "PYTHONPATH": fetched.stdout.strip()})
    print(f"      precision_error {json.loads(done.splitlines()[-1])['precision_error']:.3f}", flush=True)
    ratio, repeats = gain(bench, lambda server: server.load(package))
    say("gain_aoti", ratio, ">=3", formula, repeats)
