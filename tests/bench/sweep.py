"""What it costs to run steps as the points of a battery"""
import shutil
import statistics

from common import figure, say

POINTS = 10


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
