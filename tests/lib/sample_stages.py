#!/usr/bin/env python3
"""Sample runs of the five experiments with inferstep stage, the same ones every time.

Usage: tests/lib/sample_stages.py DIR [KIND…]     prints the directories to report on, a line each

The times follow a simple model of a pipeline, so that figures have something to show: 26 layers of 2 ms, a bubble where fewer
groups than stages are in flight, a hop of 0.1 ms. int8 and int4 differ from the reference in some prompts. The third repeat of
the largest point of pipeline-strong failed.
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sample_write import write  # noqa: E402

BEGIN = 1795291200  # 2026-11-21 20:00:00 UTC
KINDS = ("pipeline-strong", "pipeline-weak", "pipeline-batch", "pipeline-optimization", "pipeline-partitions")
LAYERS, LAYER_S, HEAD_S, HOP_S = 26, 0.002, 0.0017, 0.0001
TOKENS, PROMPT_TOKENS = 64, 20
SPEED = {"bf16": 1.0, "int8": 1.9, "int4": 3.3}
WORDS = "the model is split over the nodes and every stage keeps its own layers in memory while rows of numbers pass by".split()


def split_of(stages, split=None):
    if split:
        return [int(n) for n in split.split(",")]
    return [LAYERS // stages + (i < LAYERS % stages) for i in range(stages)]


def text_of(prompt, precision):
    """(token ids, text): int8 goes its own way in every fifth prompt, int4 in every second"""
    rng = random.Random(prompt)
    ids = [rng.randrange(len(WORDS)) for _ in range(TOKENS)]
    every = {"bf16": 0, "int8": 5, "int4": 2}[precision]
    if every and prompt % every == 1:
        at = 8 + prompt % 40
        other = random.Random(prompt + 1000)
        ids[at] = (ids[at] + 1) % len(WORDS)
        ids[at + 1:] = [other.randrange(len(WORDS)) for _ in ids[at + 1:]]
    return ids, " ".join(WORDS[i] for i in ids)


def completions(prompts, precision, wall):
    lines = []
    for p in range(prompts):
        ids, text = text_of(p, precision)
        question = f"Prompt {p}: what happens <here> & why?"
        lines.append(json.dumps({"prompt_index": p, "prompt": question, "completion": question + " " + text, "tokens_generated": TOKENS,
                                 "latency_s": wall / 2, "throughput_tok_s": TOKENS / wall * 2, "tokens": ids}) + "\n")
    return "".join(lines)


def comparison(prompts, precision):
    if precision == "bf16":
        differ = []
    else:
        differ = [(p, next(i for i, (a, b) in enumerate(zip(text_of(p, precision)[0], text_of(p, "bf16")[0])) if a != b))
                  for p in range(prompts) if text_of(p, precision)[0] != text_of(p, "bf16")[0]]
    same = sum(TOKENS if p not in dict(differ) else dict(differ)[p] for p in range(prompts))
    return {"reference": "reference/completions_rank_0.jsonl", "prompts": prompts, "identical": prompts - len(differ),
            "token_agreement": same / (prompts * TOKENS), "first_divergence": [{"prompt_index": p, "position": at} for p, at in differ],
            "perplexity": 7.25, "reference_perplexity": 7.25 if precision == "bf16" else 7.12,
            "perplexity_delta": 0.0 if precision == "bf16" else 0.13}


def bundle(rng, stages, prompts=20, batch=1, groups=0, precision="bf16", kv_cache=True, split=None, nodes=1):
    groups = groups or stages
    layers = split_of(stages, split)
    noise = rng.lognormvariate(0, 0.015)
    per_row = [(n * LAYER_S + (HEAD_S if i == stages - 1 else 0)) / SPEED[precision] * noise for i, n in enumerate(layers)]
    step = [t * (1 + 0.12 * (batch - 1)) * (1 if kv_cache else 9.0) for t in per_row]  # a batch reads the weights once
    round_s = max(max(step), (sum(step) + stages * HOP_S * (stages > 1)) / min(groups, max(stages, 1)))
    rounds = prompts * TOKENS / batch
    decode_wall = rounds * round_s
    prefill = [prompts * PROMPT_TOKENS * t * 0.2 for t in per_row]
    wall = decode_wall + max(prefill)
    ranks = []
    for i, n in enumerate(layers):
        decode = rounds * step[i]
        send = rounds * HOP_S * 0.3 if stages > 1 else 0.0
        busy = prefill[i] + decode + send
        first = sum(layers[:i])
        weights = n * 230e6 * {"bf16": 1, "int8": 0.53, "int4": 0.28}[precision]
        ranks.append({"rank": i, "node": f"n{i * nodes // stages:03d}", "stage": i, "layers": f"{first}-{first + n - 1}",
                      "wall_s": wall + 1.6 + 0.1 * n, "run_s": wall, "load_s": 1.5 + 0.1 * n, "io_s": 1.2 + 0.1 * n, "preprocess_s": 0.01 if i == 0 else 0.0,
                      "prefill_s": prefill[i], "decode_s": decode, "compute_s": prefill[i] + decode, "send_s": send,
                      "receive_wait_s": max(0.0, wall - busy), "bubble_s": max(0.0, wall - busy) * 0.9,
                      "bubble_fraction": max(0.0, wall - busy) * 0.9 / wall, "bytes_sent": prompts * TOKENS * 12800,
                      "cpu_utilization": busy / wall, "gpu_utilization": None, "memory_peak_bytes": weights * 1.05 + 3e7,
                      "weight_bytes": weights, "cache_bytes": 2.5e7, "read_GBs": 38.0 * noise, "reference_read_GBs": 42.5})
    tokens = prompts * TOKENS
    spread = lambda v: {"p50": v, "p90": v * 1.2, "p99": v * 1.5, "mean": v * 1.05}  # noqa: E731
    return {"schema": "inferstep-stage/1", "command": ["inferstep", "stage"], "versions": {"inferstep": "0.1.0"},
            "model": {"name": "sample-3b", "path": "/models/sample", "format": "safetensors", "parameters": 3426473600,
                      "weight_bytes": 6.65e9},
            "settings": {"stages": stages, "split": ",".join(map(str, layers)), "batch_size": batch, "groups": groups, "format": precision,
                         "threads": 2, "prefill_chunk": 64, "kv_cache": kv_cache, "max_new_tokens": TOKENS, "transport": "tcp",
                         "isa": "avx512", "device": "cpu"},
            "step": {"job": "1000", "step": "1"}, "ranks": ranks,
            "totals": {"prompts": prompts, "completed": prompts, "prompt_tokens": prompts * PROMPT_TOKENS, "generated_tokens": tokens,
                       "wall_s": wall + 1.6 + 0.1 * max(layers), "run_s": wall, "tokens_per_s": tokens / wall, "prompts_per_s": prompts / wall,
                       "ttft_s": spread(0.2 * noise), "tpot_s": spread(round_s * groups), "itl_s": spread(round_s * groups),
                       "bubble_fraction": sum(r["bubble_fraction"] for r in ranks) / stages},
            "comparison": comparison(prompts, precision), "errors": [], "limits": {"read_GBs": 42.5}}


def metrics_of(b, file):
    """As the sweep collects them"""
    t, most = b["totals"], lambda key: max(r[key] for r in b["ranks"])  # noqa: E731
    found = [("tokens_per_s", t["tokens_per_s"], "tokens/s", "higher"), ("run", t["run_s"], "s", "lower"), ("wall", t["wall_s"], "s", "lower"),
             ("prompts_per_s", t["prompts_per_s"], "prompts/s", "higher"), ("completed", t["completed"], "prompts", "higher"),
             ("generated_tokens", t["generated_tokens"], "tokens", "higher")]
    for name in ("ttft", "tpot", "itl"):
        found += [(f"{name}_{p}", t[f"{name}_s"][p], "s", "lower") for p in ("p50", "p90", "p99")]
    found += [("bubble_fraction", t["bubble_fraction"], "", "lower"), ("load", most("load_s"), "s", "lower"),
              ("io", most("io_s"), "s", "lower"), ("preprocess", most("preprocess_s"), "s", "lower"), ("send", most("send_s"), "s", "lower"),
              ("receive_wait", most("receive_wait_s"), "s", "lower"), ("stage_memory", most("memory_peak_bytes"), "bytes", "lower"),
              ("bandwidth_share", min(r["read_GBs"] / r["reference_read_GBs"] for r in b["ranks"]), "", "higher")]
    c = b["comparison"]
    found += [("compared", c["prompts"], "prompts", "higher"), ("identical", c["identical"], "prompts", "higher"),
              ("token_agreement", c["token_agreement"], "", "higher"), ("perplexity_delta", c["perplexity_delta"], "", "lower")]
    return [{"name": n, "unit": u, "value": v, "better": how, "source": {"file": file, "line": 0}} for n, v, u, how in found]


def points_of(kind):
    """(parameters, arguments of bundle()) of each point"""
    place = lambda p: {"stages": str(p), "nodes": str(p), "stages_per_node": "1"}  # noqa: E731
    if kind == "pipeline-strong":
        return [(place(p), {"stages": p, "groups": p}) for p in (1, 2, 4)]
    if kind == "pipeline-weak":
        return [({**place(p), "prompts": str(5 * p)}, {"stages": p, "prompts": 5 * p}) for p in (1, 2, 4)]
    if kind == "pipeline-batch":
        return [({**place(2), "batch_size": str(b)}, {"stages": 2, "batch": b}) for b in (1, 2, 4, 8)]
    if kind == "pipeline-optimization":
        ladder = [("baseline", "no", "1", "bf16"), ("KV cache", "yes", "1", "bf16"), ("groups in flight", "yes", "0", "bf16"),
                  ("int8 weights", "yes", "0", "int8"), ("int4 weights", "yes", "0", "int4")]
        return [({**place(2), "change": c, "kv_cache": kv, "groups": g, "precision": p},
                 {"stages": 2, "groups": int(g), "precision": p, "kv_cache": kv == "yes"}) for c, kv, g, p in ladder]
    return [({**place(2), "first_layers": str(n), "split": f"{n},{LAYERS - n}"}, {"stages": 2, "split": f"{n},{LAYERS - n}"})
            for n in (1, 4, 7, 10, 13, 16, 19, 22, 25)]


HINTS = {"pipeline-strong": {"x": "stages"}, "pipeline-weak": {"x": "stages"}, "pipeline-batch": {"x": "batch_size"},
         "pipeline-optimization": {"x": "stages", "series": ["change"], "baseline": {"change": "baseline"}},
         "pipeline-partitions": {"x": "first_layers", "series": ["stages"]}}


def run_of(top, kind):
    run, rng = f"{top}/{kind}/run-20261121-201502", random.Random(kind)
    listed, number = [], 0
    for parameters, arguments in points_of(kind):
        for repeat in (0, 1, 2, 3):
            number += 1
            point = {"id": f"p{number:04d}", "parameters": parameters, "repeat": max(1, repeat), "warmup": repeat == 0}
            listed.append({**point, "nodes": int(parameters["nodes"]), "order": number})
            write_point(run, rng, kind, point, arguments, failed=kind == "pipeline-strong" and number == 12)
    rng.shuffle(listed)  # the order in which they ran
    write(f"{run}/sweep.json", json.dumps({
        "schema": "inferstep-sweep/1", "command": ["inferstep", "sweep", kind], "battery": kind, "kind": kind, "where": "allocation",
        "random": True, "seed": 1, "versions": {"inferstep": "0.1.0", "slurm": "22.05.8"}, "folder": "/home/user",
        "report": {"rate": "tokens_per_s", "time": "run", **HINTS[kind]}, "points": listed}, indent=1) + "\n")
    write(f"{run}/battery.yaml", f"name: {kind}\n")
    write(f"{run}/reference/completions_rank_0.jsonl", completions(20, "bf16", 50))
    return run


def write_point(run, rng, kind, point, arguments, failed):
    directory, name = f"{run}/points/{point['id']}", f"1000.{int(point['id'][1:])}"
    nodes, stages = int(point["parameters"]["nodes"]), arguments["stages"]
    b = bundle(rng, nodes=nodes, **arguments)
    records = f"records/{name}"
    begin = BEGIN + 100 * int(point["id"][1:])
    write(f"{directory}/stdout.log", "")
    write(f"{directory}/stderr.log", "inferstep: error: rank 3 on n003 went silent\n" if failed else "")
    last = stages - 1
    done = 7 if failed else arguments.get("prompts", 20)
    write(f"{directory}/{records}/completions_rank_{last}.jsonl",
          completions(done, arguments.get("precision", "bf16"), b["totals"]["wall_s"]))
    for rank in range(stages):
        write(f"{directory}/{records}/rank_{rank}.log", f"2026-11-21 20:00:00,000 [INFO][rank={rank}] Stage {rank}\n")
    if not failed:
        write(f"{directory}/{records}/metrics.json", json.dumps(b, indent=1) + "\n")
    write(f"{directory}/point.json", json.dumps({
        "schema": "inferstep-point/1", "battery": kind, **point, "state": "failed" if failed else "done",
        "why": "the command ended with exit code 1" if failed else "", "exit_code": 1 if failed else 0, "attempt": 1,
        "begin": begin, "end": begin + b["totals"]["wall_s"] + 4, "seconds": b["totals"]["wall_s"] + 4,
        "step": {"nodes": nodes, "tasks_per_node": 1, "tasks": stages, "cpus_per_task": 0, "gpus_per_node": 0, "options": []},
        "command": ["inferstep", "stage"], "versions": {"inferstep": "0.1.0"}, "slurm": {"job": "1000", "steps": [name]},
        "metrics": [] if failed else metrics_of(b, records + "/metrics.json"), "records": [records], "sacct": "",
        "sacct_why": "no accounting here"}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for wanted in sys.argv[2:] or KINDS:
        print(run_of(sys.argv[1], wanted))
