"""The life of a step: what it costs, what it adds, and how near a co-located client comes to an in-process call"""
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from common import figure, replace, say


@figure(root=True)
def inert(bench):
    """Microseconds in our hooks, every process of a step summed, when no option is given"""
    cluster = bench.cluster()
    plugstack = f"{cluster}/etc/plugstack.conf"
    log = f"{cluster}/timing.log"
    original = open(plugstack, encoding="utf-8").read()
    line = original.split()
    plugin = next(w for w in line if w.endswith("spank_infer.so"))
    settings = " ".join(line[line.index(plugin) + 1:])
    timing = f"{cluster}/timing_plugin.so"
    shutil.copy(f"{bench.build}/tests/bench/timing_plugin.so", timing)
    totals = []
    try:
        replace(plugstack, f"required {timing} path={plugin} log={log} {settings}\n")
        for _ in range(10):
            open(log, "w", encoding="utf-8").close()
            os.chmod(log, 0o666)
            bench.srun("srun", "-n1", "true")
            time.sleep(0.3)      # slurmstepd's exit hook runs after srun has returned
            totals.append(sum(int(row.split()[2]) for row in open(log, encoding="utf-8")) / 1000)
    finally:
        replace(plugstack, original)
    say("inert", statistics.median(totals), "<50", "us in our hooks, srun+slurmstepd+task of a step without options", len(totals))


@figure(root=True)
def start(bench):
    """Seconds that an empty database adds from srun to the first instruction of the task"""
    bench.cluster()
    clock = ["python3", "-S", "-c", "import time; print(time.time())"]

    def until_task(*options):
        begin = time.time()
        return float(bench.srun("srun", "-n1", "-c2", *options, *clock).split()[0]) - begin

    def paired(repeats, *options):
        pairs = [(until_task(*options), until_task()) for _ in range(repeats + 1)][1:]
        return statistics.median(with_db - bare for with_db, bare in pairs)

    say("start", paired(7, "--infer-colocate=1", "--infer-db-cpus=1"), "<=0.2",
        "s: srun to first instruction with an empty database - bare", 7)
    model = f"{bench.cluster_dir}/resnet50.pt"
    shutil.copy(bench.model(), model)
    os.chmod(model, 0o644)
    load = []
    for _ in range(3):
        begin = time.time()
        bench.forward(1, 1, 1, 0)
        load.append(time.time() - begin)
    extra = paired(3, "--infer-colocate=1", "--infer-db-cpus=1", f"--infer-model=resnet50:{model}")
    say("start_resnet50", extra / statistics.median(load), "-",
        "(srun to first instruction with ResNet50 stored - bare) / load+optimize+warm-up in one process", 3)


@figure(root=True)
def stop(bench):
    """Seconds that the database adds from the end of the task to the end of srun"""
    bench.cluster()

    def after_task(seconds, *options):
        clock = ["python3", "-S", "-c", f"import time; time.sleep({seconds}); print(time.time())"]
        return -float(bench.srun("srun", "-n1", "-c2", *options, *clock).split()[0]) + time.time()

    for name, seconds, state in (("stop", 3, "with libtorch open"), ("stop_early", 0.1, "while it opens libtorch")):
        options = ("--infer-colocate=1", "--infer-db-cpus=1")
        pairs = [(after_task(seconds, *options), after_task(seconds)) for _ in range(8)][1:]
        say(name, statistics.median(with_db - bare for with_db, bare in pairs), "<=0.2",
            f"s: end of the task to end of srun, an empty database {state} - bare", len(pairs))


@figure()
def loop(bench):
    """One client's put+run+get over an in-process forward on the same CPUs"""
    threads = len(bench.cpus)
    ratios = []
    for _ in range(5):
        summary = bench.client(1, 40, ["--db-tpq=1"])
        median, _ = bench.forward(1, threads, 1, 3)
        ratios.append(summary["functions"]["loop"]["p50"] / median)
    say("loop", statistics.median(ratios), "<=1.05", "p50(put+run+get)/p50(in-process forward), same CPUs", len(ratios))


@figure()
def batching(bench):
    """Four clients of one database on all CPUs over the best in-process throughput on them"""
    cpus = len(bench.cpus)
    together = "batchsize=4,minbatchsize=4,minbatchtimeout=30"
    layouts = [(w, t, b) for w, t in ((cpus, 1), (1, cpus)) for b in (1, 2, 4, 8)]
    ours, limits = [], {layout: [] for layout in layouts}
    for _ in range(3):
        ours.append(bench.client(4, 40, ["--db-tpq=1", f"--model=resnet50:{bench.model()},{together}"])["inferences_per_second"])
        for layout in layouts:
            limits[layout].append(bench.forward(*layout, 2)[1])
    # The best of eight noisy rates would be the luckiest: a layout counts by its median.
    best = max(statistics.median(rates) for rates in limits.values())
    say("batching", statistics.median(ours) / best, ">=0.95", "inferences/s of 4 clients / best in-process layout, same CPUs", len(ours))


@figure()
def db_memory(bench):
    """MB resident of an idle, empty instance once libtorch is loaded"""
    with tempfile.TemporaryDirectory(prefix="ib", dir="/tmp") as state:
        server = subprocess.Popen([bench.bin, "db", "serve", f"--statedir={state}", "--db-cpus=1"], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True)
        try:
            socket = server.stdout.readline().split("unix://")[1].strip()
            time.sleep(4)        # libtorch is loaded by a thread after the database is ready
            info = bench.call("redis-cli", "-s", socket, "INFO", "everything")
            pid = next(line.split(":")[1] for line in info.splitlines() if line.startswith("process_id:"))
            rows = open(f"/proc/{pid.strip()}/status", encoding="utf-8").read().splitlines()
            loaded = "libtorch_cpu" in open(f"/proc/{pid.strip()}/maps", encoding="utf-8").read()
            rss = int(next(r for r in rows if r.startswith("VmRSS")).split()[1]) / 1000
        finally:
            server.terminate()
            server.wait(timeout=20)
    say("db_memory", rss if loaded else "skipped: libtorch was not loaded", "<=150", "MB RSS of an idle, empty instance with libtorch", 1)
