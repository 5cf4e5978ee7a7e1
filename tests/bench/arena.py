"""Handing a tensor of 1x3x224x224 floats to a database on the same node and fetching it: the socket and shared memory"""
import os
import statistics
import subprocess
import tempfile

from common import figure, say

ROUNDS = 400


def transfer(bench, repeats=5):
    """Of each repeat, the median seconds of each way; they alternate tensor by tensor"""
    with tempfile.TemporaryDirectory(prefix="ib", dir="/tmp") as state:
        server = subprocess.Popen([bench.bin, "db", "serve", f"--statedir={state}", "--db-cpus=1"], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True)
        try:
            endpoint = "unix://" + server.stdout.readline().split("unix://")[1].strip()
            runs = []
            for _ in range(repeats):
                lines = bench.call(f"{bench.build}/tests/bench/transfer", endpoint, str(ROUNDS)).splitlines()
                runs.append({name: float(seconds) for name, seconds in (line.split() for line in lines)})
        finally:
            server.terminate()
            server.wait(timeout=20)
    return runs


@figure()
def tensors(bench):
    """tensor_put, tensor_get, arena_put, arena_get and arena_speedup"""
    runs = transfer(bench)

    def ratio(name, goal, formula, upper, lower):
        say(name, statistics.median(run[upper] / run[lower] for run in runs), goal, formula, len(runs))

    ratio("tensor_put", "<=1.0", "put_tensor by socket / SET of the same bytes by the same library", "put", "set")
    ratio("tensor_get", "<=1.0", "get_tensor by socket / GET of the same bytes by the same library", "fetch", "get")
    ratio("arena_put", "<=2", "put_tensor through shared memory / memcpy of the tensor", "arena_put", "memcpy")
    ratio("arena_get", "-", "get_tensor through shared memory / the same by socket", "arena_get", "fetch")
    ratio("arena_speedup", ">=10", "put_tensor by socket / reserve+commit of a tensor written in place", "put", "arena_commit")


def loop(bench, name, goal, variables):
    """p50 of one client's put+run+get over that of an in-process forward on the same CPUs"""
    ratios = []
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        for _ in range(5):
            summary = bench.client(1, 40, ["--db-tpq=1"])
            median, _ = bench.forward(1, len(bench.cpus), 1, 3)
            ratios.append(summary["functions"]["loop"]["p50"] / median)
    finally:
        os.environ.clear()
        os.environ.update(before)
    say(name, statistics.median(ratios), goal, "p50(put+run+get)/p50(in-process forward), same CPUs", len(ratios))


@figure()
def loop_arena(bench):
    """One client through shared memory"""
    loop(bench, "loop_arena", "<=1.02", {})


@figure()
def loop_socket(bench):
    """One client through the socket alone"""
    loop(bench, "loop_socket", "<=1.05", {"INFER_ARENA": "no"})
