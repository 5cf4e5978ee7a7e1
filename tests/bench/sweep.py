"""Batteries: what it costs to plan one"""
import os
import statistics
import time

from common import figure, say


@figure()
def sweep_plan(bench):
    """Seconds from a battery file of 1,000 points to the plan of all of them, with every command, in a file"""
    work = f"{bench.dir}/sweep_plan"
    os.makedirs(work)
    values = ", ".join(str(i) for i in range(10))
    with open(f"{work}/battery.yaml", "w", encoding="utf-8") as f:
        f.write("name: plan\ncommand: train --a={a} --b={b} --c={c} --out={point_dir}/model\n"
                f"matrix:\n  a: [{values}]\n  b: [{values}]\n  c: [{values}]\norder: random\nseed: 1\n"
                "environment: {A: '{a}', B: '{b}'}\nstep: {nodes: 2, options: ['--infer-db-cpus={c}']}\n"
                "metrics:\n  - {name: rate, regex: 'rate ([0-9.]+)'}\n")
    times = []
    for _ in range(10):
        begin = time.monotonic()
        plan = bench.call(bench.bin, "sweep", "-c", "battery.yaml", "--dry-run", "--json", "--where=local", cwd=work)
        with open(f"{work}/plan.json", "w", encoding="utf-8") as f:
            f.write(plan)
        times.append(time.monotonic() - begin)
    if plan.count('"id":') != 1000:
        raise RuntimeError("the plan has not 1000 points")
    say("sweep_plan", statistics.median(times), "<1", "s, battery file of 1,000 points to its plan as JSON in a file", len(times))
