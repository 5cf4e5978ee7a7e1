"""Decoding one sequence with weights of OpenLLaMA 3B's shape, beside the read bandwidth and beside llama.cpp.

The model has 8 of its 26 layers and the whole head, for us and for llama.cpp alike: both fit into memory together, and take
turns in the same minutes.
"""
import os
import statistics
import subprocess

from common import TOP, figure, say

LAYERS, TOKENS, ROUNDS, CONTEXT = 8, 24, 7, 64
KINDS = {"bf16": "f16", "int8": "q8_0", "int4": "q4_0"}   # of the files, at that width


class Program:
    """A program that answers every line with a line"""

    def __init__(self, words, **options):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        self.ready = self.process.stdout.readline().split()
        if not self.ready:
            raise RuntimeError(f"{words[0]} does not start")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def seconds(self, count=TOKENS):
        return float(self.ask(f"time {count}"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


class Model:
    """A file of that type in the benchmark's folder; a context manager that removes it"""

    def __init__(self, bench, kind):
        self.path = f"{bench.dir}/{kind}.gguf"
        bench.call(f"{TOP}/tests/lib/llama_shape.py", self.path, kind, str(LAYERS))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        os.unlink(self.path)


def ours(bench, path, name):
    return Program([f"{bench.build}/tests/bench/decode", path, name, str(len(bench.cpus)), str(CONTEXT)])


def theirs(bench, path):
    """llama.cpp, or why it is not there. It is built for this CPU, which takes minutes, once"""
    done = subprocess.run([f"{TOP}/contrib/deps/llamacpp.sh"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False)
    if done.returncode != 0:
        return None, "llama.cpp cannot be fetched and built here"
    tree = os.path.relpath(bench.build, TOP)  # the Makefile's name for it
    bench.call("make", "-s", "-C", TOP, f"BUILD={tree}", f"{tree}/tests/bench/llamacpp")
    environment = {**os.environ, "LD_LIBRARY_PATH": done.stdout.strip() + "/lib"}
    return Program([f"{bench.build}/tests/bench/llamacpp", path, str(len(bench.cpus)), str(CONTEXT)], env=environment), ""


def measure(bench, name):
    with Model(bench, KINDS[name]) as path:
        mine = ours(bench, path, name)
        other, why = theirs(bench, path)
        read_bytes = int(mine.ready[3])
        mine.seconds(4)
        if other is not None:
            other.seconds(4)
        shares, ratios = [], []
        for _ in range(ROUNDS):
            before = float(mine.ask("read 0.2"))
            spent = mine.seconds()
            after = float(mine.ask("read 0.2"))
            shares.append(TOKENS * read_bytes / spent / ((before + after) / 2))
            if other is not None:
                ratios.append(other.seconds() / spent)
        mine.close()
        if other is not None:
            other.close()
    threads = len(bench.cpus)
    say(f"decode_{name}_bandwidth", statistics.median(shares), ">=0.80",
        f"tokens/s x bytes of weights a token reads / read bandwidth beside it, {threads} threads, {LAYERS} layers + head", ROUNDS)
    goal = ">=1.1" if name == "bf16" else ">=1.2"
    say(f"decode_{name}_llamacpp", statistics.median(ratios) if ratios else f"skipped: {why}", goal,
        f"tokens/s / those of llama.cpp with the same {KINDS[name]} file and threads", len(ratios))


@figure()
def decode_bf16(bench):
    """decode_bf16_bandwidth and decode_bf16_llamacpp"""
    measure(bench, "bf16")


@figure()
def decode_int8(bench):
    """decode_int8_bandwidth and decode_int8_llamacpp"""
    measure(bench, "int8")


@figure()
def decode_int4(bench):
    """decode_int4_bandwidth and decode_int4_llamacpp"""
    measure(bench, "int4")


@figure()
def stage_memory(bench):
    """Peak memory of a stage whose weights lie as they are, or are quantized as they are read"""
    worst = 0
    for kind, name in (("q4_0", "int4"), ("f16", "bf16"), ("f16", "int4")):
        with Model(bench, kind) as path:
            mine = ours(bench, path, name)
            mine.seconds(4)
            worst = max(worst, int(mine.ask("peak")) / (int(mine.ready[1]) + int(mine.ready[2])))
            mine.close()
    say("stage_memory", worst, "<=1.1", "peak of the process / (weights + keys and values), the worst of three", 3)
