"""Where this task and the databases of its node really run, and whether that is what the step's record says.

Run by every task of a co-located step. Prints "NODE TASK: its CPUs | the CPUs of every database", after which the notes of the
plan follow in brackets. Fails when a task and a database share a CPU though --infer-pin-app=no is not given.
"""
import json
import os
import sys


def cpus(text):
    ends = (part.split("-") for part in text.split(",") if part)
    return {n for e in ends for n in range(int(e[0]), int(e[-1]) + 1)}


def words(numbers):
    runs = []
    for n in sorted(numbers):
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


with open(os.environ["INFER_STATE_DIR"] + "/step.json") as file:
    record = json.load(file)
local = int(os.environ["SLURM_LOCALID"])
mine = os.sched_getaffinity(0)
wrong = []
if mine != cpus(record["plan"]["tasks"][local]["after"]):
    wrong.append(f"task {local} runs on {words(mine)}, not as planned")
databases = []
for database in record["databases"]:
    planned = cpus(database["cpus"])
    databases.append(words(os.sched_getaffinity(database["pid"])))
    if cpus(databases[-1]) != planned:
        wrong.append(f"{database['name']} runs on {databases[-1]}, not on {database['cpus']}")
    for thread in os.listdir(f"/proc/{database['pid']}/task"):
        try:
            if not os.sched_getaffinity(int(thread)) <= planned:
                wrong.append(f"a thread of {database['name']} runs elsewhere")
        except ProcessLookupError:
            pass
    if mine & planned and "--pin-app=no" not in record["options"]:
        wrong.append(f"task {local} shares CPUs with {database['name']}")
notes = " ".join(f"[{note}]" for note in record["plan"]["notes"])
print(f"{record['node_index']} {local}: {words(mine)} | {' | '.join(databases)} {notes}".rstrip(), flush=True)
sys.exit("; ".join(wrong) or 0)
