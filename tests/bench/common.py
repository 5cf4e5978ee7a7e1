"""What the benchmarks share: how a figure is registered and reported, and the building blocks of measurements.

A module of this folder holds figures of one subject, each a function marked with @figure that measures one thing and
calls say() for what it found:

    @figure()
    def loop(bench):
        say("loop", ratio, "<=1.05", "p50(put+run+get)/p50(in-process forward)", repeats)
"""
import json
import os
import shutil
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MALLOC = "dirty_decay_ms:-1,muzzy_decay_ms:-1"   # what the database runs with
RESULTS = []
FIGURES = {}


def figure(root=False):
    """Register a figure under its function's name; `root`: it needs the throwaway cluster"""
    def register(function):
        function.root = root
        FIGURES[function.__name__] = function
        return function
    return register


def say(name, value, goal, formula, repeats):
    shown = value if isinstance(value, str) else f"{value:.3f}"
    print(f"BENCH {name} {shown} {goal} {formula} n={repeats}", flush=True)
    RESULTS.append({"name": name, "value": value, "goal": goal, "formula": formula, "repeats": repeats})


class Bench:
    def __init__(self, build):
        self.build = build
        self.bin = f"{build}/bin/inferstep"
        self.lib = f"{build}/lib/inferstep"
        self.dir = tempfile.mkdtemp(prefix="inferstep-bench-")
        self.cpus = sorted(os.sched_getaffinity(0))
        self.model_file = f"{self.dir}/resnet50.pt"
        self.cluster_dir = None

    def call(self, *words, **options):
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words[:4])} …: exit {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def model(self):
        if not os.path.exists(self.model_file):
            self.call(self.bin, "model", "resnet50", "-o", self.model_file)
        return self.model_file

    def forward(self, workers, threads, batch, seconds):
        """(median seconds of one forward, inferences/s) inside one process, with the database's allocator settings"""
        out = self.call(f"{self.build}/tests/bench/forward", self.lib, self.model(), str(workers), str(threads), str(batch),
                        str(seconds), env={**os.environ, "MALLOC_CONF": MALLOC, "LD_PRELOAD": jemalloc()})
        median, rate = out.split()
        return float(median), float(rate)

    def client(self, tasks, iterations, db_options=(), client_options=()):
        """One co-located step without Slurm, database and clients on the same CPUs; its summary"""
        work = tempfile.mkdtemp(dir=self.dir)
        out = self.call(self.bin, "run", "--colocate=1", f"--db-cpus={len(self.cpus)}", "--pin-app=no", *db_options,
                        "-n", str(tasks), "--", self.bin, "client", f"--iterations={iterations}", "--json",
                        f"--model={self.model()}", *client_options, cwd=work)
        return json.loads(out[out.index("{"):])

    def cluster(self):
        if self.cluster_dir is None:
            self.cluster_dir = self.call(f"{TOP}/contrib/cluster/cluster", "up", "--stage", "--nodes", "1", "--real-cpus",
                                         env={**os.environ, "BUILD": self.build}).strip()
        return self.cluster_dir

    def srun(self, *words):
        return self.call(f"{TOP}/contrib/cluster/cluster", "run", "--dir", self.cluster(), "--", *words)

    def close(self):
        if self.cluster_dir is not None:
            subprocess.run([f"{TOP}/contrib/cluster/cluster", "down", "--dir", self.cluster_dir], stdin=subprocess.DEVNULL,
                           check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)


def jemalloc():
    """The allocator that redis-server is linked with, so that the in-process side has the same one"""
    path = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
    return path if os.path.exists(path) else ""


def replace(path, text):
    """Atomically: a step that starts in between must not read half a line"""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
