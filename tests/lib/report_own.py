"""The figures of a report, calculated independently with pandas and numpy, for check_report.py. A value is (value, low, high)."""
import math

import numpy as np
import pandas as pd

from report_raw import NAN, TIME

COMMUNICATION = {"put_tensor", "get_tensor", "unpack_tensor"}
COMPUTE = {"run_model"}
PREPROCESS = {"run_script"}
WHOLE = {"client()", "main()", "loop", "loop_time", "epoch"}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
PIECES = 64


def student(freedom):
    """By integrating the density, where the program inverts an incomplete beta function"""
    front = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def within(t):
        width = t / PIECES
        x = (np.arange(PIECES)[:, None] + (NODES + 1) / 2) * width
        return front * width * float(np.sum(WEIGHTS * (1 + x * x / freedom) ** (-(freedom + 1) / 2)))

    low, high = 0.0, 20.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < 0.95 else (low, middle)
    return low


def interval(values):
    known = pd.Series(values, dtype=float).dropna()
    if known.empty:
        return NAN, NAN, NAN
    half = student(len(known) - 1) * known.std() / math.sqrt(len(known)) if len(known) > 1 else NAN
    return known.mean(), known.mean() - half, known.mean() + half


def ratio(above, below, same):
    """Of two lists of repeats; Welch's interval of the delta method"""
    a, b = pd.Series(above, dtype=float).dropna(), pd.Series(below, dtype=float).dropna()
    if a.empty or b.empty:
        return NAN, NAN, NAN
    if same:
        return 1.0, NAN, NAN
    value = a.mean() / b.mean()
    if len(a) < 2 or len(b) < 2:
        return value, NAN, NAN
    va, vb = a.var() / len(a) / a.mean() ** 2, b.var() / len(b) / b.mean() ** 2
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    half = student(freedom) * value * math.sqrt(va + vb)
    return value, value - half, value + half


def scaled(value, factor):
    return tuple(v * factor for v in value)


def time_of(execution, function):
    times = execution["times"]
    mine = times[times.function == function]
    return mine.groupby("rank").time.mean().max() if len(mine) else NAN


def breakdown(execution):
    times = execution["times"]
    loops = times[times.function == "loop_time"].groupby("rank").time.sum()
    if loops.empty:
        inside = times[~times.function.isin(WHOLE)]
        whole = inside.time.sum()
    else:
        inside = times[times["rank"].isin(loops.index) & ~times.function.isin(WHOLE)]
        whole = loops.sum()
    if inside.empty:
        return {}
    of = {name: inside[inside.function.isin(names)].time.sum() / whole
          for name, names in (("communication", COMMUNICATION), ("compute", COMPUTE), ("preprocess", PREPROCESS))}
    return {**of, "io": 0.0, "bubble": 0.0, "other": 1 - sum(of.values())}


def imbalance(execution):
    times = execution["times"]
    loops = times[times.function == "loop_time"].groupby("rank").time.sum()
    return 1 - loops.mean() / loops.max() if len(loops) > 1 else NAN


def distributions(executions):
    pooled = pd.concat([e["times"].assign(execution=i) for i, e in enumerate(executions)])
    result = {}
    for name, frame in pooled.groupby("function"):
        each = frame.groupby("execution").time
        d = {"count": len(frame), "deviation_s": frame.time.std(), "min_s": frame.time.min(), "max_s": frame.time.max(),
             "quantiles": np.quantile(frame.time.to_numpy(), np.arange(201) / 200)}
        d["mean_s"] = (frame.time.mean(), *interval(each.mean())[1:])
        for q in (50, 95, 99):
            d[f"p{q}_s"] = (frame.time.quantile(q / 100), *interval(each.quantile(q / 100))[1:])
        result[name] = d
    return result


def own_figures(kind, executions):
    """{(series, x): {column of scaling.csv or breakdown.csv: value, "functions": {…}}}"""
    rows = {}
    for e in executions:
        e["time"] = time_of(e, TIME.get(kind, "epoch"))
        e["rate"] = e["work"] / e["time"] if e["rate"] is None else e["rate"]
        rows.setdefault((e["series"], e["x"]), []).append(e)
    column = lambda key, name: [e.get(name, NAN) for e in rows[key]]  # noqa: E731
    has_rate = not math.isnan(executions[0]["rate"])
    smallest, one_x = min(x for _, x in rows), len({x for _, x in rows}) == 1
    first = [key for key in rows if key[1] == smallest]
    common = max(first, key=lambda k: np.mean(column(k, "rate"))) if has_rate else min(first, key=lambda k: np.mean(column(k, "time")))
    result = {}
    for key, repeats in rows.items():
        own = min((k for k in rows if k[0] == key[0]), key=lambda k: k[1])
        weak = max(e["work"] for e in rows[own]) * key[1] / own[1] == max(e["work"] for e in repeats)
        figures = {"time_s": interval(column(key, "time")), "rate": interval(column(key, "rate")),
                   "relative_time": ratio(column(key, "time"), column(common, "time"), key == common)}
        for name, base in (("common", common), ("own", own)):
            speedup = ratio(column(key, "rate"), column(base, "rate"), key == base) if has_rate else \
                ratio(column(base, "time"), column(key, "time"), key == base)
            figures[f"speedup_{name}"] = speedup
            efficiency = scaled(speedup, NAN if one_x else base[1] / key[1])
            figures[f"{'weak' if weak and kind[:3] != 'itw' else 'strong'}_{name}"] = efficiency
        for e in repeats:
            e.update(breakdown(e))
            e["imbalance"] = imbalance(e)
            e["cpu_utilization"] = e.get("cpu_s", NAN) / e.get("allocated_cpu_s", NAN)
        for name in ("cpu_utilization", "gpu_utilization", "memory_bytes", "energy_j", "database_share", "imbalance",
                     "communication", "compute", "preprocess", "io", "bubble", "other"):
            figures[name] = interval(column(key, name))
        figures["functions"] = distributions(repeats)
        result[key] = figures
    return result
