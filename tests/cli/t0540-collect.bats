#!/usr/bin/env bats
# What is kept of a point: metrics by rule with the lines they come from, metrics without a rule, environment, and what is
# said when something is missing.

load ../lib/script

sweep() { inferstep sweep -c battery.yaml --where=local 2>progress; }
p() { echo results/*/run-*/points/"$1"; }
# value POINT EXPRESSION: of its point.json, as d.
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$(p "$1")/point.json" "$2"; }
metrics() { value "$1" '[(m["name"], m["value"], m["source"]["file"], m["source"]["line"]) for m in d["metrics"]]'; }

@test "text, tables and JSON: the numbers with the files and lines where they stand" {
    cat >program.py <<'EOF'
import os
here = os.environ["INFER_OUTDIR"] + "/.."
print("epoch 1 loss=4.5\nepoch 2 loss=+1.25e0\ndone")
for rank, times in enumerate([[1, 2], [3, 10]]):
    with open(f"{here}/rank_{rank}.csv", "w") as f:
        f.write("rank,function,time\n" + "".join(f"{rank},step,{t}\n{rank},wait,0.5\n" for t in times))
open(here + "/summary.json", "w").write('{"speed": {"per_gpu": [100.5, 90]}}')
open(here + "/table.csv", "w").write('name,"images, all"\nx,7\ny,9\n')
EOF
    cat >battery.yaml <<'EOF'
name: numbers
command: [python3, program.py]
metrics:
  - {name: loss, regex: 'loss=(\S+)'}
  - {name: first_loss, regex: 'loss=(\S+)', reduce: first}
  - {name: slowest, csv: 'rank_*.csv', column: step, reduce: max, unit: s}
  - {name: step, csv: 'rank_*.csv', column: step, reduce: mean, unit: s}
  - {name: images, csv: table.csv, column: 'images, all', reduce: sum, better: higher}
  - {name: speed, json: summary.json, member: speed.per_gpu.1, unit: img/s, better: higher}
EOF
    sweep
    [ "$(metrics p0001)" = "[('loss', 1.25, 'stdout.log', 2), ('first_loss', 4.5, 'stdout.log', 1), ('slowest', 10, 'rank_1.csv', 4), ('step', 4, 'rank_1.csv', 4), ('images', 16, 'table.csv', 3), ('speed', 90, 'summary.json', 0)]" ]
    diff "$(p p0001)/metrics.csv" - <<'EOF'
metric,value,unit,file,line
loss,1.25,,stdout.log,2
first_loss,4.5,,stdout.log,1
slowest,10,s,rank_1.csv,4
step,4,s,rank_1.csv,4
images,16,,table.csv,3
speed,90,img/s,summary.json,
EOF
    [ "$(value p0001 'd["metrics"][5]["better"], d["metrics"][5]["unit"]')" = "('higher', 'img/s')" ]
}

@test "a point that ends well without a metric that it must have has failed, and says which rule found nothing where" {
    cat >battery.yaml <<'EOF'
name: missing
command: [echo, "{text}"]
matrix: {text: [speed=3, nothing, speed=nan, "speed=1,5"]}
metrics:
  - {name: speed, regex: 'speed=(\S+)'}
  - {name: maybe, regex: 'maybe=(\S+)', required: false}
EOF
    run sweep
    [ "$status" = 1 ]
    [ "$(for i in 1 2 3 4; do value p000$i 'd["state"], d["exit_code"], d["why"]'; done)" = "('done', 0, '')
('failed', 0, \"metric speed: no line matches 'speed=(\\\\S+)' in stdout.log\")
('failed', 0, \"metric speed: stdout.log line 1: 'nan' is no finite number\")
('failed', 0, \"metric speed: stdout.log line 1: '1,5' is no number\")" ]
    [ "$(metrics p0001)" = "[('speed', 3, 'stdout.log', 1)]" ]
    [ "$(cat "$(p p0002)/metrics.csv")" = "metric,value,unit,file,line" ]
}

@test "a command that fails: its numbers are kept, and why is its own" {
    printf 'name: x\ncommand: [sh, -c, "echo speed=7; exit 3"]\nmetrics: [{name: speed, regex: "speed=(.)"}]\n' >battery.yaml
    run sweep
    [ "$status" = 1 ]
    [ "$(value p0001 'd["state"], d["exit_code"]')" = "('failed', 3)" ]
    [ "$(metrics p0001)" = "[('speed', 7, 'stdout.log', 1)]" ]
}

@test "tables that were cut off, ranks that are missing, files that are empty" {
    cat >program.sh <<'EOF'
cd "$INFER_OUTDIR/.."
case $1 in
    cut) printf '0,step,1\n0,step,2\n0,step,0.0' >rank_0.csv ;;
    only) printf '0,step,0.0' >rank_0.csv ;;
    short) printf '0,step,1\n0,step\n0,step,2\n' >rank_0.csv ;;
    empty) : >rank_0.csv ;;
    some) printf '2,step,5\n' >rank_2.csv; printf '10,step,6\n' >rank_10.csv ;;
esac
EOF
    cat >battery.yaml <<'EOF'
name: tables
command: [sh, program.sh, "{how}"]
matrix: {how: [cut, only, short, empty, nothing, some]}
metrics: [{name: step, csv: 'rank_*.csv', column: step, reduce: last}]
EOF
    run sweep
    [ "$status" = 1 ]
    [ "$(metrics p0001)" = "[('step', 2, 'rank_0.csv', 2)]" ] # not the row whose end is missing
    [ "$(value p0002 'd["why"]')" = "metric step: there is no row with 'step' in rank_0.csv; rank_0.csv line 1 has no end and is not counted" ]
    [ "$(value p0003 'd["why"]')" = "metric step: rank_0.csv line 2 has 2 fields where 3 are right" ]
    [ "$(value p0004 'd["why"]')" = "metric step: there is no row with 'step' in rank_0.csv" ]
    [ "$(value p0005 'd["why"]')" = "metric step: there is no file rank_*.csv" ]
    [ "$(metrics p0006)" = "[('step', 6, 'rank_10.csv', 1)]" ] # 10 comes after 2
}

@test "huge files: a line of 50 MB, and a million lines" {
    cat >program.py <<'EOF'
import sys
sys.stdout.write("x" * 50_000_000 + "\n")
sys.stdout.writelines(f"step {i} time={i}.5 ms\n" for i in range(1, 1_000_001))
EOF
    cat >battery.yaml <<'EOF'
name: huge
command: [python3, program.py]
metrics:
  - {name: last, regex: 'step \d+ time=([0-9.]+) ms'}
  - {name: mean, regex: 'step \d+ time=([0-9.]+) ms', reduce: mean}
EOF
    (ulimit -v 1000000 && sweep)
    [ "$(metrics p0001)" = "[('last', 1000000.5, 'stdout.log', 1000001), ('mean', 500001, 'stdout.log', 1000001)]" ]
}

@test "what is no file of the point is not read" {
    cat >battery.yaml <<'EOF'
name: outside
command: [sh, -c, 'cd "$INFER_OUTDIR/.." && mkfifo pipe && ln -s /dev/zero endless && mkdir folder']
metrics: [{name: a, regex: '(.)', file: '{file}'}]
matrix: {file: [pipe, endless, folder]}
EOF
    for file in pipe endless folder; do
        sed "s/'{file}'/$file/; s/^matrix.*//" battery.yaml >one.yaml
        run timeout 20 inferstep sweep -c one.yaml --where=local --results="$file"
        [ "$status" = 1 ]
        [[ $output == *"metric a: there is no file $file"* ]] || { echo "$output"; false; }
    done
    for file in ../x /etc/passwd a/../../x; do
        sed "s|'{file}'|$file|; s/^matrix.*//" battery.yaml >one.yaml
        run inferstep sweep -c one.yaml --where=local
        [ "$status" = 2 ]
    done
}

@test "the record of a point: shape, environment without secrets, versions, where it ran" {
    cat >battery.yaml <<'EOF'
name: record
command: [sh, -c, "exit 0", "it's {n}"]
matrix: {n: [1]}
step: {tasks_per_node: 2, options: [--mpi=none]}
environment: {OMP_NUM_THREADS: 3, MY_TOKEN: hush1, NOTE: "ü {n}"}
EOF
    INFER_DB_SECRET=hush2 UNRELATED=hush3 sweep
    [ "$(value p0001 'd["schema"], d["id"], d["battery"], d["parameters"], d["repeat"], d["warmup"], d["state"], d["attempt"]')" = "('inferstep-point/1', 'p0001', 'record', {'n': '1'}, 1, False, 'done', 1)" ]
    [ "$(value p0001 'd["step"]')" = "{'nodes': 1, 'tasks_per_node': 2, 'tasks': 2, 'cpus_per_task': 0, 'gpus_per_node': 0, 'options': ['--mpi=none']}" ]
    [ "$(value p0001 'd["command"], d["script"]')" = "(['sh', '-c', 'exit 0', \"it's 1\"], 'run.sh')" ]
    [ "$(value p0001 'd["environment"]["OMP_NUM_THREADS"], d["environment"]["MY_TOKEN"], d["environment"]["NOTE"]')" = "('3', '(not recorded)', 'ü 1')" ]
    [ "$(value p0001 '1e9 < d["begin"] <= d["end"] and abs(d["end"] - d["begin"] - d["seconds"]) < 1e-6')" = True ]
    [ "$(value p0001 'd["versions"]["inferstep"]')" = "$(inferstep --version | awk 'NR == 1 { print $2 }')" ]
    [ "$(value p0001 'd["slurm"]["job"], d["sacct"], d["sacct_why"]')" = "('', '', 'it did not run under Slurm')" ]
    no grep -qr hush2 results
    no grep -q hush1 "$(p p0001)/point.json"
    no grep -qr hush3 results
}

@test "point.json is whole and last, or not there" {
    printf 'name: x\ncommand: [echo, speed=1]\nmetrics: [{name: speed, regex: "speed=(.)"}]\n' >battery.yaml
    sweep
    here=$(p p0001)
    [ ! "$here/metrics.csv" -nt "$here/point.json" ]
    [ ! "$here/end" -nt "$here/metrics.csv" ]
    [ -z "$(find results -name '*.??????' -o -name '*.new')" ]
}
