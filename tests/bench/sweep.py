"""Batteries: what it costs to plan one, and to run steps as its points"""
import os
import shutil
import statistics
import time

from common import figure, say

POINTS = 10


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


@figure(root=True)
def sweep_overhead(bench):
    """A battery's points in an allocation over a bare shell loop of the same sruns"""
    cluster = bench.cluster()
    work = f"{cluster}/work"
    with open(f"{work}/overhead.yaml", "w", encoding="utf-8") as f:
        f.write(f"name: overhead\ncommand: [sleep, '1']\nmatrix: {{n: [{', '.join(map(str, range(POINTS)))}]}}\n")
    loop = f"for i in $(seq {POINTS}); do srun --job-name=p$i --nodes=1 --ntasks=1 --ntasks-per-node=1 -- sleep 1; done"
    sweep = "inferstep sweep --where=allocation --parallel=1 -c overhead.yaml"

    def seconds(command):
        # Measured inside one allocation, from the first step to the end of the command.
        script = f"t=$EPOCHREALTIME; {command} >/dev/null 2>&1 || exit; echo $t $EPOCHREALTIME"
        begin, end = map(float, bench.srun("salloc", "-Q", "-N1", "bash", "-c", script).split())
        return end - begin

    ratios = []
    for i in range(6):
        pair = {}
        for command in (loop, sweep) if i % 2 else (sweep, loop):
            pair[command] = seconds(command)
        ratios.append(pair[sweep] / pair[loop])
        shutil.rmtree(f"{work}/results", ignore_errors=True)
    say("sweep_overhead", statistics.median(ratios[1:]), "<=1.05",
        f"wall time of {POINTS} points of 1 s, one after the other, records and accounting included / a shell loop of the same sruns",
        len(ratios) - 1)
