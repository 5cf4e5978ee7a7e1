"""How long a message takes from rank to rank, against the same without anything around it"""
import os
import statistics
import subprocess

from common import figure, say

SIZES = ((12800, 4000), (102400, 1000))   # the rows of one and of eight sequences of a 3B model; rounds
PAIRS = 7


def ranks(bench, network, *words):
    """What rank 0 of two says: "NAME NUMBER" """
    ranks.steps = getattr(ranks, "steps", 0) + 1
    step = f"{os.getpid()}{ranks.steps}"
    running = []
    for rank in "0", "1":
        env = {n: v for n, v in os.environ.items() if not n.startswith(("SLURM_", "INFER_"))}
        env.update({"SLURM_JOB_ID": step, "SLURM_STEP_ID": "0", "SLURM_PROCID": rank, "SLURM_STEP_NUM_TASKS": "2",
                    "SLURM_STEP_NUM_NODES": "2", "SLURM_NODEID": rank, "SLURM_STEP_NODELIST": "localhost"} if network
                   else {"INFER_RUN_ID": step, "INFER_RANK": rank, "INFER_RANKS": "2"})
        running.append(subprocess.Popen([f"{bench.build}/tests/bench/links", *words], env=env, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    said = [process.communicate(timeout=120)[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError(f"links {' '.join(words)}: exit codes {[p.returncode for p in running]}")
    return float(said[0].split()[1])


def plain(bench, *words):
    return float(bench.call(f"{bench.build}/tests/bench/plain_links", *words))


def latency(bench, transport):
    for size, rounds in SIZES:
        pairs = [(ranks(bench, transport != "shm", "pingpong", transport, str(size), str(rounds)),
                  plain(bench, "shm" if transport == "shm" else "tcp", str(size), str(rounds))) for _ in range(PAIRS)]
        ours, other = (statistics.median(column) for column in zip(*pairs))
        goal = {"shm": "<=1.5", "tcp": "<=1.3"}.get(transport, "-")
        say(f"link_{transport}", statistics.median(a / b for a, b in pairs), goal,
            f"one way of {size} B ({ours:.2f} us) / the same bare ({other:.2f} us)", PAIRS)


@figure()
def link_shm(bench):
    latency(bench, "shm")
    size, rounds = 13107200, 60
    pairs = [(size / 1e9 / (plain(bench, "memcpy", str(size), str(rounds)) * 1e-6),
              ranks(bench, False, "stream", "shm", str(size), str(rounds))) for _ in range(PAIRS)]
    say("link_shm_stream", statistics.median(b / a for a, b in pairs), ">=0.5",
        f"GB/s of messages of {size} B ({statistics.median(b for _, b in pairs):.1f}) / GB/s of memcpy "
        f"({statistics.median(a for a, _ in pairs):.1f})", PAIRS)


@figure()
def link_tcp(bench):
    latency(bench, "tcp")


@figure()
def link_ucx(bench):
    """What decides whether a link takes UCX by itself between machines without RDMA: it is UCX over TCP that is seen here"""
    os.environ["UCX_TLS"] = "tcp,self"
    try:
        latency(bench, "ucx")
    finally:
        del os.environ["UCX_TLS"]


@figure()
def barrier(bench):
    times = [ranks(bench, network, "gather", "1000") for network in (False, True) for _ in range(PAIRS)]
    say("barrier", statistics.median(times[:PAIRS]), "-", "microseconds of a barrier of two ranks of one machine", PAIRS)
    say("barrier_network", statistics.median(times[PAIRS:]), "-", "the same over TCP", PAIRS)
