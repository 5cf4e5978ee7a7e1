#!/usr/bin/python3
"""Compares a report with an independent calculation, to the last digit that it printed.

Usage: tests/lib/check_report.py KIND TREE DIR TEXT     KIND and TREE: of sample_trees.py; DIR: of `inferstep report -o`;
                                                      TEXT: a file with the tables that it printed
Prints how many numbers were compared; on a difference says which and exits with 1."""
import csv
import json
import math
import random
import re
import sys

import report_own
import report_raw

UNITS = {"s": 1, "ms": 1e-3, "µs": 1e-6, "%": 0.01, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "J": 1}
COLUMNS = {"time": "time_s", "relative time": "relative_time", "speed-up": "speedup_common", "own speed-up": "speedup_own",
           "strong": "strong_common", "weak": "weak_common", "own strong": "strong_own", "own weak": "weak_own", "rate": "rate",
           "CPUs used": "cpu_utilization", "GPUs used": "gpu_utilization", "largest task": "memory_bytes", "energy": "energy_j",
           "databases": "database_share", "imbalance": "imbalance", "communication": "communication", "compute": "compute",
           "I/O": "io", "preprocess": "preprocess", "bubble": "bubble", "other": "other", "mean": "mean_s", "sd": "deviation_s",
           "min": "min_s", "p50": "p50_s", "p95": "p95_s", "p99": "p99_s", "max": "max_s", "count": "count"}


class Checker:
    def __init__(self):
        self.compared, self.wrong = 0, []

    def same(self, where, printed, own, scale=0.0):
        """`printed` is a text; its last digit has to be right. scale: of what `own` is a difference of"""
        self.compared += 1
        missing = printed in ("", "-")
        if missing or math.isnan(own):
            if not (missing and math.isnan(own)):
                self.wrong.append(f"{where}: printed '{printed}', own {own!r}")
            return
        mantissa, _, exponent = printed.partition("e")
        decimals = len(mantissa.partition(".")[2])
        unit = 10.0 ** (int(exponent or 0) - decimals)
        # Where trailing zeros are left out (CSV) more digits were rounded than are seen.
        digits = len(mantissa.replace(".", "").replace("-", "").lstrip("0"))
        if digits < 12 and where.startswith("csv") and own != 0:
            unit = 10.0 ** (math.floor(math.log10(abs(own))) - 11)
        if abs(float(printed) - own) > 0.5 * unit * (1 + 1e-6) + 2e-14 * max(abs(own), scale) + 4e-16:
            self.wrong.append(f"{where}: printed '{printed}', own {own!r}")

    def three(self, where, row, name, own):
        scale = max((abs(v) for v in own if not math.isnan(v)), default=0.0)
        scale = 1 if name in ("other", "imbalance") else scale  # differences from 1
        for suffix, value in zip(("", "_low", "_high"), own):
            self.same(f"{where} {name}{suffix}", row[name + suffix], value, scale)


def check_csv(check, directory, own):
    for file in ("scaling.csv", "breakdown.csv"):
        with open(f"{directory}/{file}", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert {(r["series"], int(r["x"])) for r in rows if r["executions"]} == set(own), "other rows than these"
        for row in rows:
            figures = own.get((row["series"], int(row["x"])), {})
            for name, value in figures.items():
                if name != "functions" and name in row:
                    check.three(f"csv {row['series']} {row['x']}", row, name, value)
    seen = set()
    with open(f"{directory}/functions.csv", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] != "wall":
                continue
            key = (row["series"], int(row["x"]))
            seen.add((key, row["function"]))
            for name, value in own[key]["functions"][row["function"]].items():
                if isinstance(value, tuple):
                    check.three(f"csv {key} {row['function']}", row, name, value)
                elif name in row:
                    check.same(f"csv {key} {row['function']} {name}", row[name], float(value))
    assert seen == {(key, f) for key, figures in own.items() for f in figures["functions"]}, "functions are missing"


def check_json(check, directory, own):
    with open(f"{directory}/report.json", encoding="utf-8") as stream:
        report = json.load(stream)
    assert report["schema"] == "inferstep-report/1"
    text = lambda v: "" if v is None else repr(v)  # noqa: E731
    for row in report["rows"]:
        figures = own.get((report["series"][row["series"]]["name"], row["x"]), {})
        for name, value in figures.items():
            if name in row and name != "functions":
                check.three("csv (json)", {name + end: text(row[name][key]) for key, end in
                                           (("value", ""), ("low", "_low"), ("high", "_high"))}, name, value)
        for function in row["functions"]:
            if function["kind"] == "wall":
                for printed, v in zip(function["quantiles"], figures["functions"][function["function"]]["quantiles"], strict=True):
                    check.same(f"csv (json) quantile of {function['function']}", text(printed), float(v))
    return report


def cells(line):
    return re.split(r"\s{2,}", line.strip())


def check_cell(check, where, name, cell, figures):
    unit = re.search(r"\[(%|[^\]\s]+)", name)
    size = UNITS.get(unit.group(1), 1) if unit else 1
    own = figures.get(COLUMNS[name.partition(" [")[0]], (math.nan,) * 3)
    own = own if isinstance(own, tuple) else (float(own), math.nan, math.nan)
    value, _, half = cell.partition("±")
    check.same(f"{where} {name}", value, own[0] / size)
    if half or not math.isnan(own[1]) and own[:2] != (0, 0):
        check.same(f"{where} {name} ±", half, (own[2] - own[1]) / 2 / size)


def check_text(check, path, own):
    """Every cell of every table but those of metrics and profiles"""
    series, function, header, size = len({s for s, _ in own}) > 1, None, None, ""
    with open(path, encoding="utf-8") as file:
        text = file.read().split("\nSlowest times\n")[0]
    for line in text.splitlines()[3:]:
        words = cells(line)
        title = re.fullmatch(r"(\S+) \[(s|ms|µs)\]", line)
        if title:
            function, size = title.group(1), f" [{title.group(2)}]"
        elif line and len(words) == 1:  # the title of a section
            header, function = None, "Metrics" if line == "Metrics" else None
            unit = re.search(r" \[(%|s|ms|µs)\]$", line)
            size = unit.group(0) if unit else ""
        elif words[0] in ("series", "nodes", "function"):
            header = words if function != "Metrics" else None
        elif line and header and header[0] == "function":  # one row: its functions below each other
            key = next(iter(own))
            for name, cell in list(zip(header, words, strict=True))[1:]:
                check_cell(check, f"table {words[0]}", name if name == "count" else name + size, cell,
                           own[key]["functions"][words[0]])
        elif line and header and not line.startswith("  "):
            key = (words[0] if series else next(iter(own))[0], int(words[1 if series else 0]))
            figures = own.get(key, {})
            figures = figures.get("functions", {}).get(function, {}) if function else figures
            for name, cell in list(zip(header, words, strict=True))[2 if series else 1:]:
                if name != "repeats":
                    check_cell(check, f"table {key} {function or ''}", name if name == "count" else name + size, cell, figures)


def check_sources(report, rng):
    """Some numbers are followed to their lines: extremes to a row of a rank, CPU seconds to sacct's line"""
    followed = 0
    for row in report["rows"]:
        for function in rng.sample(row["functions"], min(2, len(row["functions"]))):
            if function["kind"] != "wall":
                continue
            for which, extreme in (("fastest", "min"), ("slowest", "max")):
                source = function[which]
                with open(source["file"], encoding="utf-8") as file:
                    fields = [f.strip() for f in file.read().splitlines()[source["line"] - 1].split(",")]
                assert any(re.fullmatch(r"[-+.\dEe]+", f) and abs(float(f) / function[extreme] - 1) < 1e-11 for f in fields), source
                assert function["function"] in fields or function["function"] == "epoch", source
                files = {f["path"] for i in function["mean"]["from"] for f in report["executions"][i]["files"]}
                assert source["file"] in files, source
                followed += 1
    for execution in report["executions"]:
        sacct = execution["accounting"]["sacct"]
        if sacct["line"]:
            with open(sacct["file"], encoding="utf-8") as file:
                lines = file.read().splitlines()
            fields = dict(zip(lines[0].split("|"), lines[sacct["line"] - 1].split("|")))
            assert fields["JobID"] == execution["accounting"]["step"], sacct
            assert float(fields["MaxRSS"]) == execution["accounting"]["max_rss_bytes"], sacct
            followed += 1
    return followed


def main(kind, tree, directory, text):
    own = report_own.own_figures(kind, report_raw.READERS[kind](tree))
    check = Checker()
    check_csv(check, directory, own)
    report = check_json(check, directory, own)
    in_files = check.compared
    check_text(check, text, own)
    followed = check_sources(report, random.Random(1))
    print(f"{check.compared} numbers compared, {check.compared - in_files} of them in tables, {followed} followed to their lines, "
          f"{len(check.wrong)} wrong")
    for line in check.wrong[:20]:
        print(line)
    sys.exit(1 if check.wrong or followed == 0 or check.compared == in_files else 0)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
