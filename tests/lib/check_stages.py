#!/usr/bin/env python3
"""Computes figures of runs of inferstep stage anew, by pandas out of their bundles, and compares them with a report.

Usage: tests/lib/check_stages.py REPORT.json STAGES.csv RUN
"""
import glob
import json
import math
import sys

import pandas


def bundles(run):
    """A row for each stage of each repeat that succeeded"""
    rows = []
    for path in sorted(glob.glob(f"{run}/points/*/point.json")):
        point = json.load(open(path, encoding="utf-8"))
        if point["state"] != "done" or point["warmup"]:
            continue
        (file,) = glob.glob(path.replace("point.json", "records/*/metrics.json"))
        bundle = json.load(open(file, encoding="utf-8"))
        for rank in bundle["ranks"]:
            rows.append({**point["parameters"], "id": point["id"], "rate": bundle["totals"]["tokens_per_s"], "time": bundle["totals"]["run_s"],
                         "stage": rank["stage"], **{k: v for k, v in rank.items() if isinstance(v, (int, float)) and k != "stage"}})
    return pandas.DataFrame(rows)


def close(found, wanted, what):
    if not math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12):
        sys.exit(f"{what}: {found} in the report, {wanted} from the bundles")


def main(report_path, stages_path, run):
    report, frame, stages = json.load(open(report_path, encoding="utf-8")), bundles(run), pandas.read_csv(stages_path)
    x_name = report["meaning"]["x"]["name"]
    frame["x"] = frame[x_name].astype(float)
    series = report["series"][0]["parameters"]
    compared = 0
    first = frame[frame.stage == 0]
    base = report["rows"][report["meaning"]["baseline"]["row"]]
    for row in report["rows"]:
        here = first[first.x == row["x"]]
        for name, value in report["series"][row["series"]]["parameters"].items():
            here = here[here[name] == value]
        close(row["rate"]["value"], here.rate.mean(), f"rate at {row['x']}")
        close(row["time_s"]["value"], here.time.mean(), f"time at {row['x']}")
        n = row["x"] / base["x"]
        speed, rate = base["time_s"]["value"] / row["time_s"]["value"], row["rate"]["value"] / base["rate"]["value"]
        wanted = {"speedup": speed, "efficiency": speed / n, "weak_speedup": rate, "weak_efficiency": rate / n, "weak_classical": speed,
                  "batch_speedup": rate, "batch_efficiency": rate / n, "against_baseline": rate}
        for name, value in row["experiment"].items():
            if name in wanted:
                close(value["value"], wanted[name], f"{name} at {row['x']}")
                compared += 1
    if len(report["series"]) == 1:
        for (x, stage), group in frame.groupby(["x", "stage"]):
            (line,) = stages[(stages.x == x) & (stages.stage == stage)].to_dict("records")
            for column in ("load_s", "compute_s", "send_s", "receive_wait_s", "bubble_s", "memory_peak_bytes", "read_GBs"):
                close(line[column], group[column].mean(), f"{column} of stage {stage} at {x}")
                compared += 1
    print(compared, "figures compared", series)
    if not compared:
        sys.exit("nothing was compared")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
