"""Reads sample trees with pandas, without anything of inferstep's, for check_report.py.

An execution: dict of id, series, x, repeat, times (DataFrame: rank, function, time), rate, work, and what was accounted."""
import configparser
import glob
import io
import json
import os
import re

import pandas as pd

NAN = float("nan")


def rank_file(path, header):
    """The rows that are whole: a row without its end of line may be cut off"""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = text[:text.rfind("\n") + 1]
    if not text.strip():
        return pd.DataFrame({"rank": [], "function": [], "time": []})
    frame = pd.read_csv(io.StringIO(text), header=0 if header else None, names=None if header else ["rank", "function", "time"],
                        skipinitialspace=True, float_precision="round_trip")
    return frame


def clock(text):
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def sacct(path, step):
    table = pd.read_csv(path, sep="|", dtype=str, keep_default_na=False)
    line = table[table.JobID == step].iloc[0]
    cpu = dict(part.split("=") for part in line.TRESUsageInTot.split(","))["cpu"]
    return {"cpu_s": max(clock(line.TotalCPU), clock(cpu)), "allocated_cpu_s": clock(line.Elapsed) * int(line.AllocCPUS),
            "memory_bytes": float(line.MaxRSS)}


def step_record(directory, step):
    files = sorted(glob.glob(f"{directory}/rank_*.csv"))
    times = pd.concat([rank_file(path, True) for path in files], ignore_index=True)
    with open(f"{directory}/step.json", encoding="utf-8") as file:
        database = json.load(file)["accounting"]["databases"]["cpu_s"]
    usage = sacct(f"{directory}/sacct_{step.split('.')[0]}.txt", step)
    with open(f"{directory}/summary.json", encoding="utf-8") as file:
        summary = json.load(file)
    return {"times": times, **usage, "database_share": database / usage["cpu_s"], "rate": summary["inferences_per_second"],
            "language": summary["language"], "work": summary["iterations"] * summary["batch_size"]}


def sweep(tree):
    executions = []
    for path in sorted(glob.glob(f"{tree}/points/*/point.json")):
        with open(path, encoding="utf-8") as file:
            point = json.load(file)
        if point["state"] != "done" or point["warmup"]:
            continue
        record = step_record(f"{os.path.dirname(path)}/{point['records'][0]}", point["slurm"]["steps"][0])
        metric = next(m["value"] for m in point["metrics"] if m["name"] == "inferences_per_second")
        assert metric == record["rate"]
        executions.append({**record, "id": point["id"], "series": "db_cpus " + point["parameters"]["db_cpus"],
                           "x": int(point["parameters"]["nodes"]), "repeat": point["repeat"]})
    return executions


def steps(tree):
    executions = []
    for directory in sorted(glob.glob(f"{tree}/*.*")):
        step = os.path.basename(directory)
        record = step_record(directory, step)
        ranks = len(glob.glob(f"{directory}/rank_*.csv"))
        executions.append({**record, "id": step, "series": record["language"], "x": ranks // 2, "repeat": 1})
    return executions


def smartsim(tree):
    executions = []
    for path in sorted(glob.glob(f"{tree}/*/run-*/infer-sess-*/run.cfg")):
        config = configparser.ConfigParser()
        config.read(path)
        attributes, directory = config["attributes"], os.path.dirname(path)
        times = pd.concat([rank_file(f, False) for f in sorted(glob.glob(f"{directory}/rank_*_timing.csv"))], ignore_index=True)
        if attributes["language"] == "fortran":
            times = times[times.function != "client()"]  # never set
        times = times.astype({"time": float})
        work = int((times.function == "run_model").sum()) * int(attributes["batch_size"])
        executions.append({"id": os.path.basename(directory), "series": attributes["language"], "x": int(attributes["client_nodes"]),
                           "repeat": 1, "times": times, "work": work, "rate": None})
    return executions


def itwinai(tree):
    executions = []
    folders = sorted(glob.glob(f"{tree}/*/epoch-time")) or [f"{tree}/epoch-time"]
    for repeat, folder in enumerate(folders, 1):
        for path in sorted(glob.glob(f"{folder}/*.csv")):
            frame = pd.read_csv(path, float_precision="round_trip")
            strategy, nodes = frame["name"].iloc[0], int(frame.nodes.iloc[0])
            gpu = pd.read_csv(f"{os.path.dirname(folder)}/gpu-energy-data/{strategy}_{2 * nodes}.csv")
            assert re.fullmatch(r"[\w-]+", strategy)
            executions.append({"id": "", "series": strategy, "x": nodes, "repeat": repeat, "rate": NAN, "work": 1,
                               "times": pd.DataFrame({"rank": 0, "function": "epoch", "time": frame.time}),
                               "gpu_utilization": gpu.utilization.mean() / 100, "energy_j": (gpu.power * gpu.probing_interval).sum()})
    return executions


READERS = {"sweep": sweep, "sweep-one": sweep, "steps": steps, "smartsim": smartsim, "itwinai": itwinai, "itwinai-flat": itwinai, "itwinai-old": itwinai}
TIME = {"sweep": "loop", "sweep-one": "loop", "steps": "loop_time", "smartsim": "main()"}
