#!/usr/bin/env python3
"""Sample trees of every format that inferstep report reads, the same ones every time.

Usage: tests/lib/sample_trees.py KIND DIR [NAME=VALUE…]     prints the directory to report on

NAME=VALUE: seed=N of sweep, steps, smartsim and itwinai*; ranks and rows of big

KIND: sweep         3 series x 4 node counts x 3 repeats with warm-ups, a failure, a timeout, a point without result, an outlier,
                    a missing rank, an empty file and a truncated row
      sweep-one     one node count, one repeat, nothing wrong
      sweep-growing the same with a point that has not ended
      steps         bare step records of `inferstep client`, several in one folder; `step` is one of them
      smartsim      SmartSim-Scaling's tree with C++ and Fortran sessions, and stats/
      itwinai       itwinai's CSVs with the run level (two runs), columns of 0.3.3; `itwinai-flat` without it; `itwinai-old`: the
                    columns and folders of 0.3.0
      big           one step: ranks=10000 files with rows=1000 rows each
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sample_others  # noqa: E402
from sample_write import write  # noqa: E402

BEGIN = 1795291200  # 2026-11-21 20:00:00 UTC
FUNCTIONS = {"put_tensor": 0.0004, "run_model": 0.02, "get_tensor": 0.0002}


def rank_times(rng, iterations, model_s, slow=1.0):
    """The rows of one rank: what inferstep client writes, in its order"""
    rows, total = [("client()", 0.001 + 0.0005 * rng.random())], 0.0
    for _ in range(iterations):
        loop = 0.0
        for function, usual in FUNCTIONS.items():
            median = model_s * slow if function == "run_model" else usual
            seconds = median * rng.lognormvariate(0, 0.15)
            rows.append((function, seconds))
            loop += seconds
        rows.append(("loop", loop + 0.00001))
        total += loop + 0.00001
    rows.append(("loop_time", total * 1.01))
    rows.append(("main()", total * 1.01 + 0.5 + 0.1 * rng.random()))
    return rows


def summary_of(rank, ranks, nodes, rows, iterations, begin):
    per_node = max(1, ranks // nodes)
    loop = dict(rows)["loop_time"]
    return {"schema": "inferstep-rank/1", "rank": rank, "ranks": ranks, "node": f"n{rank // per_node:03d}",
            "node_index": rank // per_node, "nodes": nodes, "instance": "0", "endpoint": "unix:///dev/shm/x/db0.sock",
            "iterations": iterations, "batch_size": 1, "compared": iterations, "wrong": 0, "worst": 1e-6, "errors": 0,
            "error": "", "client_seconds": rows[0][1], "loop_seconds": loop, "begin": begin, "end": begin + loop,
            "functions": {}}


def sacct(job, step, elapsed, ntasks, nnodes, cpus, cpu_s, rss, energy=0):
    clock = lambda s: f"{int(s) // 3600:02d}:{int(s) % 3600 // 60:02d}:{int(s) % 60:02d}"  # noqa: E731
    line = f"{job}.{step}|inferstep|COMPLETED|0:0|{clock(elapsed)}|{ntasks}|{nnodes}|{cpus}|{clock(cpu_s / ntasks)}"
    tres = f"cpu={clock(cpu_s)},energy={energy},mem={rss * ntasks}"
    return ("JobID|JobName|State|ExitCode|Elapsed|NTasks|NNodes|AllocCPUS|AveCPU|TotalCPU|MaxRSS|MaxRSSTask|MaxVMSize|AllocTRES|"
            "Start|End|UserCPU|SystemCPU|TRESUsageInMax|TRESUsageInTot\n"
            f"{job}|sweep|RUNNING|0:0|{clock(elapsed + 9)}||{nnodes}|{cpus}||00:00:00||||cpu={cpus},node={nnodes}|||||\n"
            f"{line}|{clock(cpu_s)}.250|{rss}|0|{rss * 2}|cpu={cpus},node={nnodes}|2026-11-21T20:00:00|2026-11-21T20:00:09|"
            f"{clock(cpu_s)}|00:00:00|{tres}|{tres}\n")


def step_json(job, step, nodes, db_cpu_s, db_rss, cpu_s):
    part = {"count": nodes, "without_figures": 0, "cpu_s": db_cpu_s, "max_rss_bytes": db_rss}
    return {"schema": "inferstep-step/1", "job": job, "step": step, "restart": 0,
            "accounting": {"gather": "jobacct_gather/cgroup", "proctrack": "proctrack/cgroup", "databases_counted": True,
                           "note": "sacct's figures of the first task of each node contain the databases of that node",
                           "databases": part, "supervisors": {**part, "cpu_s": 0.01, "max_rss_bytes": 12 << 20},
                           "sacct": {"cpu_s": cpu_s, "max_rss_bytes": db_rss}},
            "nodes": [{"schema": "inferstep-step/1", "node": f"n{i:03d}", "node_index": i, "nodes": nodes, "state": "ended",
                       "message": "", "events": [], "plan": {"cpus": "0-7", "instances": [], "tasks": []}}
                      for i in range(nodes)]}


def step_record(directory, rng, job, step, nodes, per_node, iterations, model_s, outlier=None, missing=None, empty=None,
                truncated=None, language="cpp", energy=0):
    """outputs/<job>.<step>: as `inferstep client` and the supervisors of the databases leave it"""
    ranks, begin, compared, cpu = nodes * per_node, BEGIN + 10, 0, 0.0
    slowest = 0.0
    for rank in range(ranks):
        rows = rank_times(rng, iterations, model_s, 6.0 if rank == outlier else 1.0)
        slowest = max(slowest, rows[-1][1])
        if rank == missing:
            continue
        text = "rank,function,time\n" + "".join(f"{rank},{name},{s:.9f}\n" for name, s in rows)
        if rank == truncated:
            text = text[:len(text) // 2]
        write(f"{directory}/rank_{rank}.csv", "" if rank == empty else text)
        log = f"schema inferstep-rank/1\ntime 2026-11-21T20:00:10Z\ncommand inferstep client --iterations={iterations}\n"
        if rank not in (truncated, empty):
            log += json.dumps(summary_of(rank, ranks, nodes, rows, iterations, begin), separators=(",", ":")) + "\n"
            compared += iterations
            cpu += rows[-1][1]
        write(f"{directory}/rank_{rank}.log", log)
    rate = compared / (slowest - 0.5)
    write(f"{directory}/summary.json", json.dumps({
        "schema": "inferstep-client/1", "command": ["inferstep", "client"], "versions": {"inferstep": "0.1.0"},
        "workload": "infer", "language": language, "model": "resnet50", "batch_size": 1, "iterations": compared,
        "clients": ranks - len({missing, empty, truncated} - {None}), "missing": len({missing, empty, truncated} - {None}),
        "functions": {}, "inferences_per_second": rate, "nodes": [], "compared": compared, "wrong": 0, "worst": 1e-6,
        "tolerance": 0.001, "errors": 0, "records": "records"}, indent=1) + "\n")
    cpu_s = cpu * 0.9
    write(f"{directory}/step.json", json.dumps(step_json(job, step, nodes, cpu_s * 0.6, 300 << 20, cpu_s), indent=1) + "\n")
    table = sacct(job, step, slowest + 1, ranks, nodes, nodes * 8, cpu_s, 400 << 20, energy)
    write(f"{directory}/sacct_{job}.txt", table)
    return {"seconds": slowest + 1.5, "rate": rate, "sacct": table}


class Sweep:
    """results/demo/run-…: points of db_cpus x nodes x repeats"""

    def __init__(self, top, series, nodes, repeats, warmups, seed=6):
        self.run = f"{top}/results/demo/run-20261121-201502"
        self.rng = random.Random(seed)
        self.points, self.journal = [], []
        number = 0
        for db_cpus in series:
            for n in nodes:
                for repeat in range(1 - warmups, repeats + 1):
                    number += 1
                    self.points.append({"id": f"p{number:04d}", "parameters": {"db_cpus": str(db_cpus), "nodes": str(n)},
                                        "repeat": max(1, repeat), "warmup": repeat < 1, "order": number})

    def point(self, point, state="done", why="", exit_code=0, **faults):
        directory = f"{self.run}/points/{point['id']}"
        nodes, db_cpus = int(point["parameters"]["nodes"]), int(point["parameters"]["db_cpus"])
        step = str(int(point["id"][1:]))
        self.log(point, "begin")
        write(f"{directory}/run.sh", "#!/bin/sh\nsrun inferstep client\n")
        write(f"{directory}/stdout.log", f"inferences/s of {point['id']}\n" if state == "done" else "")
        write(f"{directory}/stderr.log", "" if state == "done" else f"srun: error: {why}\n")
        metrics, records, table, begin = [], [], None, BEGIN + 30 * int(step)
        seconds = 120.0 if state == "timeout" else 1.25
        if state in ("done", "timeout"):
            model_s = 0.08 / db_cpus * (1 + 0.02 * nodes) * self.rng.lognormvariate(0, 0.02)
            left = step_record(f"{directory}/records/1000.{step}", self.rng, "1000", step, nodes, 2, 20, model_s, **faults)
            records = [f"records/1000.{step}"]
            table = left["sacct"]
            write(f"{directory}/sacct_1000.txt", table)
            if state == "done":
                seconds = left["seconds"]
                metrics = [{"name": "inferences_per_second", "unit": "1/s", "value": left["rate"], "better": "higher",
                            "source": {"file": f"records/1000.{step}/summary.json", "line": 16}}]
                write(f"{directory}/metrics.csv", "metric,value,unit,file,line\n" + "".join(
                    f"{m['name']},{m['value']!r},{m['unit']},{m['source']['file']},{m['source']['line']}\n" for m in metrics))
        write(f"{directory}/end", f"{exit_code} {begin} {begin + int(seconds)}\n")
        write(f"{directory}/point.json", json.dumps({
            "schema": "inferstep-point/1", "id": point["id"], "battery": "demo", "parameters": point["parameters"],
            "repeat": point["repeat"], "warmup": point["warmup"], "state": state, "why": why, "exit_code": exit_code,
            "attempt": 1, "begin": begin, "end": begin + seconds, "seconds": seconds,
            "step": {"nodes": nodes, "tasks_per_node": 2, "tasks": 2 * nodes, "cpus_per_task": 1, "gpus_per_node": 0,
                     "options": ["--infer-colocate=1", f"--infer-db-cpus={db_cpus}"]},
            "command": ["inferstep", "client"], "script": "run.sh", "environment": {}, "versions": {"inferstep": "0.1.0"},
            "placement": {"nodes": [f"n{i:03d}" for i in range(nodes)]},
            "slurm": {"job": "1000", "steps": [f"1000.{step}"], "nodelist": f"n[000-{nodes - 1:03d}]"},
            "metrics": metrics, "records": records, "sacct": "sacct_1000.txt" if table else None,
            "sacct_why": "" if table else "the step never began"}, indent=1) + "\n")
        self.log(point, "end", state=state, exit_code=exit_code, seconds=seconds, why=why)

    def log(self, point, event, **more):
        self.journal.append({"time": BEGIN + len(self.journal), "point": point["id"], "event": event, "attempt": 1,
                             "job": "1000", **more})

    def close(self):
        write(f"{self.run}/battery.yaml", "name: demo\ncommand: [inferstep, client]\n")
        write(f"{self.run}/sweep.json", json.dumps({
            "schema": "inferstep-sweep/1", "command": ["inferstep", "sweep", "-c", "battery.yaml"], "battery": "demo",
            "kind": "command", "where": "allocation", "seed": 6, "versions": {"inferstep": "0.1.0"}, "folder": "/home/ada",
            "report": {"x": "nodes", "series": ["db_cpus"], "rate": "inferences_per_second", "time": "loop", "baseline": {}},
            "points": self.points}, indent=1) + "\n")
        write(f"{self.run}/journal.jsonl", "".join(json.dumps(line) + "\n" for line in self.journal))
        return self.run


FAULTS = {  # of the series with db_cpus=4, by nodes and repeat
    (2, 2): {"state": "failed", "why": "exit code 1: the database n001:0 did not become ready", "exit_code": 1},
    (4, 1): {"outlier": 1},
    (4, 2): {"missing": 3},
    (4, 3): {"empty": 5},
    (8, 2): {"state": "timeout", "why": "it took longer than its limit of 00:02:00", "exit_code": 143, "truncated": 2},
    (8, 3): {"truncated": 7},
}


def sweep(top, seed=6):
    tree = Sweep(top, (2, 4, 8), (1, 2, 4, 8), 3, 1, seed)
    for point in tree.points:
        n, db_cpus = int(point["parameters"]["nodes"]), point["parameters"]["db_cpus"]
        if (db_cpus, n, point["repeat"], point["warmup"]) == ("8", 8, 3, False):
            continue  # never ended: without point.json
        faulty = db_cpus == "4" and not point["warmup"]
        tree.point(point, **(FAULTS.get((n, point["repeat"]), {}) if faulty else {}))
    return tree.close()


def sweep_one(top, growing=False):
    tree = Sweep(top, (2,), (2,), 2 if growing else 1, 0)
    tree.point(tree.points[0])
    if growing:
        tree.log(tree.points[1], "begin")
    return tree.close()


def steps(top, seed=7):
    rng = random.Random(seed)
    for step, (nodes, language) in enumerate([(1, "cpp"), (2, "cpp"), (4, "cpp"), (1, "fortran"), (2, "fortran"), (4, "fortran")]):
        step_record(f"{top}/outputs/71.{step}", rng, "71", str(step), nodes, 2, 20, 0.02, language=language)
    return f"{top}/outputs"


def step(top):
    step_record(f"{top}/outputs/72.0", random.Random(8), "72", "0", 2, 2, 20, 0.02)
    return f"{top}/outputs/72.0"


def big(top, ranks=10000, rows=1000):
    """One block of rows, shifted from rank to rank: quick to make, and no two neighbours are alike"""
    rng = random.Random(9)
    names = [*FUNCTIONS, "loop"]
    times = [f"{0.02 * rng.lognormvariate(0, 0.2):.9f}" for _ in range(4 * rows)]
    directory = f"{top}/outputs/90.0"
    os.makedirs(directory)
    for rank in range(ranks):
        at = rng.randrange(3 * rows)
        with open(f"{directory}/rank_{rank}.csv", "w", encoding="ascii") as out:
            out.write("rank,function,time\n")
            out.write("".join(f"{rank},{names[i & 3]},{times[at + i]}\n" for i in range(rows)))
    return directory


KINDS = {"sweep": sweep, "sweep-one": sweep_one, "sweep-growing": lambda top: sweep_one(top, True), "steps": steps, "step": step,
         "big": big, "smartsim": sample_others.smartsim, "itwinai": sample_others.itwinai,
         "itwinai-flat": lambda top, **more: sample_others.itwinai(top, flat=True, **more),
         "itwinai-old": lambda top, **more: sample_others.itwinai(top, flat=True, old=True, **more)}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    print(KINDS[sys.argv[1]](sys.argv[2], **{name: int(value) for name, value in (w.split("=") for w in sys.argv[3:])}))
