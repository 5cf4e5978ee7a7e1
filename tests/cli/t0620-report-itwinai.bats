#!/usr/bin/env bats
# inferstep report reads itwinai's scalability metrics: both versions, with and without the run level, whatever their order.

# shellcheck disable=SC2154 # work, TREE, status and output are set by lib/report and bats
load ../lib/report

setup() { report_setup; }
teardown() { report_teardown; }

# What Python's own csv reader makes of a tree: check SCRIPT, with rows(folder), d, row(strategy, nodes).
check() {
    python3 - "$TREE" "$1" <<'EOP'
import csv, glob, json, sys
tree, script = sys.argv[1:]
d = json.load(open("r/report.json"))
def rows(folder):
    return [r for path in sorted(glob.glob(f"{tree}/**/{folder}/*.csv", recursive=True)) for r in csv.DictReader(open(path))]
def row(strategy, nodes):
    return [r for r in d["rows"] if d["series"][r["series"]]["name"] == strategy and r["nodes"] == nodes][0]
def near(a, b):
    assert abs(a - b) <= 1e-11 * abs(b), (a, b)
exec(script)
EOP
}

@test "two runs: repeats of each other, real counts of GPUs" {
    sample itwinai
    report "$TREE"
    is "(18, 9, ['deepspeed', 'horovod', 'torch-ddp'])" '(len(d["executions"]), len(d["rows"]), [s["name"] for s in d["series"]])'
    is "[(1, 2), (2, 4), (4, 8)]" 'sorted({(x["nodes"], x["gpus"]) for x in d["executions"]})'
    is "[1, 2]" 'sorted({x["repeat"] for x in d["executions"]})'
    report --run-ids=run_b "$TREE"
    is "(9, 'run_b/deepspeed-2gpu')" '(len(d["executions"]), d["executions"][0]["id"])'
    report "$TREE/run_a"
    is 9 'len(d["executions"])'
}

@test "epoch times, energy, utilization and fractions against an independent sum" {
    for kind in itwinai itwinai-flat itwinai-old; do
        sample "$kind"
        report "$TREE"
        check '
for strategy in ("torch-ddp", "deepspeed", "horovod"):
    for nodes in (1, 2, 4):
        times = [float(r["time"]) for r in rows("epoch-time") if r["name"] == strategy and int(r["nodes"]) == nodes]
        epoch = [f for f in row(strategy, nodes)["functions"] if f["function"] == "epoch"][0]
        assert epoch["count"] == len(times)
        near(epoch["mean"]["value"], sum(times) / len(times))
        samples = [r for r in rows("gpu-energy-data") if r["strategy"] == strategy and int(r["num_global_gpus"]) == 2 * nodes]
        runs = len(row(strategy, nodes)["executions"])
        near(row(strategy, nodes)["energy_j"]["value"], sum(float(r["power"]) * float(r["probing_interval"]) for r in samples) / runs)
        near(row(strategy, nodes)["gpu_utilization"]["value"], sum(float(r["utilization"]) for r in samples) / len(samples) / 100)
for e in d["executions"]:
    names = ("aten::", "autograd::", "c10::")
    operations = [r for r in rows("computation-data") + rows("communication-data")
                  if r["strategy"] == e["parameters"]["strategy"] and int(r["num_gpus"]) == e["gpus"]]
    if len({x["repeat"] for x in d["executions"]}) > 1:
        continue  # two runs in one list
    total = sum(float(r["self_cuda_time_total"]) for r in operations if not r["name"].startswith("ProfilerStep"))
    computing = sum(float(r["self_cuda_time_total"]) for r in operations if any(n in r["name"] for n in names))
    talking = sum(float(r["self_cuda_time_total"]) for r in operations if r["name"] in ("nccl:all_reduce", "cudaStreamSynchronize"))
    found = {m["name"]: m["value"] for m in e["metrics"]}
    near(found["computation_vs_other"], computing / total)
    near(found["computation_vs_communication"], computing / (computing + talking))
'
        is True 'len(notes("self times of a profiler, not wall-clock times")) >= 1'
        is "{'profiler'}" '{f["kind"] for r in d["rows"] for f in r["functions"] if "(self)" in f["function"]}'
        rm -r r
    done
}

@test "names that differ between the parts are one strategy; a size that nobody tells stays unknown" {
    sample itwinai-flat
    sed -i 's/torch-ddp/ddp/' "$TREE"/gpu-energy-data/*.csv
    sed -i 's/^torch-ddp/ddp-bl/' "$TREE"/epoch-time/*.csv
    report "$TREE"
    is "[(1, 2), (2, 4), (4, 8)]" 'sorted((x["nodes"], x["gpus"]) for x in d["executions"] if x["parameters"]["strategy"] == "ddp-bl")'
    is 9 'len(d["executions"])'
    rm -r "$TREE/gpu-energy-data" "$TREE/computation-data"
    report "$TREE"
    is "[0]" 'sorted({x["gpus"] for x in d["executions"]})'
    is True 'len(notes("stands nowhere")) == 8'
}

@test "a sample, an epoch or a rank that is there twice counts once" {
    sample itwinai-flat
    report "$TREE"
    before=$(value '[r["energy_j"]["value"] for r in d["rows"]]')
    cp "$TREE/gpu-energy-data/horovod_2.csv" "$TREE/gpu-energy-data/horovod_2_again.csv"
    cp "$TREE/computation-data/horovod_2_1.csv" "$TREE/computation-data/horovod_2_1_again.csv"
    sed -n 2p "$TREE/epoch-time/epochtime_horovod_1N.csv" >>"$TREE/epoch-time/epochtime_horovod_1N.csv"
    report "$TREE"
    is "$before" '[r["energy_j"]["value"] for r in d["rows"]]'
    is True 'len(notes("is there twice")) > 1 and len(notes("has a file already")) > 1'
    is "[7]" '[n["source"]["line"] for n in notes("epochtime_horovod_1N.csv")]'
}

@test "empty data is an error; a row that is cut off is not" {
    sample itwinai-flat
    printf 'horovod,1,7' >>"$TREE/epoch-time/epochtime_horovod_1N.csv"
    echo 'horovod,1,8,nan' >"$TREE/tail"
    report "$TREE"
    is "[7]" '[n["source"]["line"] for n in notes("the row has 3 fields, the header 4")]'
    for file in "$TREE"/epoch-time/*.csv; do sed -i '2,$d' "$file"; done
    refuses 1 "epoch-time has no data" "$TREE"
    rm "$TREE"/epoch-time/*.csv
    refuses 1 "epoch-time has no data" "$TREE"
    sample itwinai-old
    sed -i '1s/time/seconds/' "$TREE/epoch-time/epochtime_horovod_1N.csv"
    refuses 1 "epochtime_horovod_1N.csv, line 1: there is no column 'time'; right are name, nodes, epoch_id, time" "$TREE"
    printf 'name,nodes,epoch_id,time\n"horovod,1,1,2\n' >"$TREE/epoch-time/epochtime_horovod_1N.csv"
    refuses 1 "epochtime_horovod_1N.csv, line 2: nothing closes the quote" "$TREE"
}
