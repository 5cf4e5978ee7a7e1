#!/usr/bin/env bats
# inferstep report reads runs of inferstep sweep and records of inferstep client, whatever is missing in them, and says what.

# shellcheck disable=SC2154 # work, TREE, status and output are set by lib/report and bats
load ../lib/report

setup() { report_setup; }
teardown() { report_teardown; }

@test "a sweep: every point with its state, its warm-ups, its hints" {
    sample sweep
    report "$TREE"
    is 48 'len(d["executions"])'
    is "{'done': 45, 'failed': 1, 'timeout': 1, 'missing': 1}" '{s: [x["state"] for x in d["executions"]].count(s) for s in ("done", "failed", "timeout", "missing")}'
    is 12 'sum(x["warmup"] for x in d["executions"])'
    is "['db_cpus 2', 'db_cpus 4', 'db_cpus 8']" '[s["name"] for s in d["series"]]'
    is "('nodes', 'loop', 'inferences_per_second')" 'tuple(d["meaning"][k]["name"] for k in ("x", "time", "rate"))'
    is "{'db_cpus': '4', 'nodes': '2'}" 'e["p0023"]["parameters"]'
    is "('failed', 1, 'exit code 1: the database n001:0 did not become ready')" '(e["p0023"]["state"], e["p0023"]["exit_code"], e["p0023"]["why"])'
    is "('missing', 8)" '(e["p0048"]["state"], e["p0048"]["nodes"])'
    is "[3, 3, 3, 3, 3, 2, 3, 2, 3, 3, 3, 2]" '[len(r["executions"]) for r in d["rows"]]'
    # accounting: the step's own line of sacct's table, and the databases' share of step.json
    is "('1000', '1000.2', 3, 2)" '(e["p0002"]["accounting"]["job"], e["p0002"]["accounting"]["step"], e["p0002"]["accounting"]["sacct"]["line"], e["p0002"]["tasks"])'
    line=$(value 'e["p0002"]["accounting"]["sacct"]["file"]')
    sed -n 3p "$line" | grep -q '^1000.2|'
    is True '0 < e["p0002"]["accounting"]["database_cpu_s"] < e["p0002"]["accounting"]["cpu_s"] <= e["p0002"]["accounting"]["allocated_cpu_s"]'
}

@test "what is missing or cut off is said, with file and line, and the rest is used" {
    sample sweep
    report "$TREE"
    is 1 'len(notes("1 of 8 ranks left no times"))'
    is True 'notes("1 of 8 ranks left no times")[0]["text"].endswith(": 3")'
    is "['rank_5.csv']" '[n["source"]["file"].split("/")[-1] for n in notes("the file of rank 5 has no times")]'
    is "[43]" '[n["source"]["line"] for n in notes("p0032/records/1000.32/rank_7.csv") if "end of line" in n["text"]]'
    is True 'len(notes("1 of 48 points have not ended")) == 1'
    is "[83, 83, 83, 83, 83, 83, 83, 41]" '[f["rows"] for f in e["p0032"]["files"] if f["rank"] < 8]'
    is "[0, 1, 2, 4, 5, 6, 7]" '[f["rank"] for f in e["p0027"]["files"]]'
    is 8 'e["p0027"]["tasks"]'
    grep -q 'rank_7.csv' out
}

@test "every time is read: counts, sums and lines against the files themselves" {
    sample sweep
    report --samples "$TREE"
    python3 - "$TREE" <<'EOP'
import csv, glob, json, sys
d = json.load(open("r/report.json"))
by_key = {}
for index, e in enumerate(d["executions"]):
    if e["warmup"] or e["state"] != "done":
        continue
    for path in glob.glob(f"{sys.argv[1]}/points/{e['id']}/records/*/rank_*.csv"):
        lines = open(path).read().split("\n")
        for number, line in enumerate(lines[:-1], 1):
            if number > 1:
                _, function, seconds = line.split(",")
                by_key.setdefault((e["parameters"]["db_cpus"], e["nodes"], function), []).append((float(seconds), path, number))
checked = 0
for row in d["rows"]:
    series = d["series"][row["series"]]["parameters"]["db_cpus"]
    for f in row["functions"]:
        times = by_key[series, row["nodes"], f["function"]]
        assert f["count"] == len(times), (series, row["nodes"], f["function"], f["count"], len(times))
        seconds, path, line = max(times)
        assert abs(f["max"] - seconds) < 1e-12
        assert (f["slowest"]["file"], f["slowest"]["line"]) == (path, line), (f["slowest"], path, line)
        checked += 1
assert checked == 12 * 7, checked
EOP
}

@test "one node count, one repeat; a run that goes on" {
    sample sweep-one
    report "$TREE"
    is "(1, 1)" '(len(d["executions"]), len(d["rows"]))'
    is 1 'len(notes("one repeat"))'
    rm -rf r
    sample sweep-growing
    report "$TREE"
    is "['done', 'missing']" '[x["state"] for x in d["executions"]]'
    is 1 'len(notes("1 of 2 points have not ended: the run was cut off, and --resume goes on with it"))'
}

@test "records of inferstep client: one step, and a folder of steps" {
    sample step
    report "$TREE"
    is "('72.0', 2, 4, 80, 'inferences')" 'next((x["id"], x["nodes"], x["tasks"], x["work"], x["work_unit"]) for x in d["executions"])'
    is "['inferences_per_second']" '[m["name"] for m in d["executions"][0]["metrics"]]'
    source=$(value 'd["executions"][0]["metrics"][0]["source"]["file"]')
    sed -n "$(value 'd["executions"][0]["metrics"][0]["source"]["line"]')p" "$source" | grep -q inferences_per_second
    rm -r r
    sample steps
    report "$TREE"
    is "(6, ['cpp', 'fortran'])" '(len(d["executions"]), [s["name"] for s in d["series"]])'
}

@test "a step that ran here, from the client to the tables" {
    inferstep run --colocate=1 --db-cpus=1 --pin-app=no --device=cpu --outdir=outputs -n 2 -- \
        inferstep client --model=resnet18 --iterations=3 >client 2>&1 || { cat client; false; }
    report outputs
    is "(2, 6, 'local', 2)" '(d["executions"][0]["tasks"], d["executions"][0]["work"], d["executions"][0]["accounting"]["job"], len(d["executions"][0]["files"]))'
    is 6 '[f["count"] for f in d["rows"][0]["functions"] if f["function"] == "run_model"][0]'
    is True 'd["executions"][0]["accounting"]["queue_s"] > 0 and d["executions"][0]["accounting"]["inference_s"] > 0'
    is 1 'len([n for n in d["notes"] if "did not run under Slurm" in n["text"]])'
    awk '/^run_model/ { print $4 }' client >median
    is True 'abs([f["p50"]["value"] for f in d["rows"][0]["functions"] if f["function"] == "run_model"][0] * 1e3 - float(open("median").read())) < 0.001'
}

@test "several trees: one of all, or side by side; runs by name; warm-ups on demand" {
    sample sweep-one
    cp -r "$TREE" "${TREE%/*}/run-20261122-201502"
    report "${TREE%/*}"
    is "(2, [1, 2], 1)" '(len(d["executions"]), [x["repeat"] for x in d["executions"]], len(d["rows"]))'
    report --compare "$TREE" "${TREE%/*}/run-20261122-201502"
    is "(2, [1, 1], ['run-20261121-201502', 'run-20261122-201502'])" '(len(d["rows"]), [x["repeat"] for x in d["executions"]], [t["label"] for t in d["trees"]])'
    report --run-ids=run-20261122-201502 "${TREE%/*}"
    is "['run-20261122-201502']" '[t["label"] for t in d["trees"]]'
    refuses 1 "there are run-20261121-201502, run-20261122-201502" --run-ids=run-2 "${TREE%/*}"
    refuses 1 "--compare needs at least two trees" --compare "$TREE"
    sample sweep
    report --include-warmups "$TREE"
    is "(0, [4, 4, 4, 4])" '(sum(x["warmup"] for x in d["executions"]), [len(r["executions"]) for r in d["rows"]][:4])'
}

@test "times that nobody has measured, rows of another rank, a file twice: left out aloud" {
    sample step
    sed -i -e '3s/[^,]*$/nan/' -e '4s/[^,]*$/-0.5/' -e '5s/[^,]*$/1e300/' -e '6s/[^,]*$/6.9e-310/' -e '7s/[^,]*$/0.1x/' -e '8s/^0/1/' -e '9s/.*/garbage/' "$TREE/rank_0.csv"
    cp "$TREE/rank_1.csv" "$TREE/rank_01.csv"
    report "$TREE"
    is "[3, 4, 5, 6, 7, 8, 9]" 'sorted(n["source"]["line"] for n in notes("rank_0.csv"))'
    is 76 'd["executions"][0]["files"][0]["rows"]'
    is 1 'len(notes("rank 1 has a file already"))'
    is 4 'len(d["executions"][0]["files"])'
}

@test "ten thousand notes of one kind are a few, and a count" {
    sample step
    awk 'BEGIN { print "rank,function,time"; for (i = 0; i < 10000; ++i) print "0,f,x" }' >"$TREE/rank_0.csv"
    report "$TREE"
    is True 'len(notes("rank_0.csv")) < 12 and len(notes("and 9992 more")) == 1'
}

@test "nothing to read, other versions, broken JSON: one sentence each" {
    mkdir empty
    refuses 1 "empty holds nothing that a report can be made of" empty
    refuses 1 "absent does not exist" absent
    touch file
    refuses 1 "file holds nothing" file
    sample sweep-one
    sed -i 's,inferstep-sweep/1,inferstep-sweep/9,' "$TREE/sweep.json"
    refuses 1 "sweep.json is of schema 'inferstep-sweep/9'; this inferstep, 0.1.0, knows inferstep-sweep/1" "$TREE"
    sed -i '5s/.*/{/' "$TREE/sweep.json"
    refuses 1 "sweep.json is not valid JSON: line " "$TREE"
    sample step
    sed -i 's,inferstep-client/1,inferstep-client/7,' "$TREE/summary.json"
    refuses 1 "summary.json is of schema 'inferstep-client/7'" "$TREE"
    sample steps
    refuses 2 "--baseline=nodes: 'nodes' is no NAME=VALUE" --baseline=nodes "$TREE"
    refuses 2 "--format: 'jsn' is not one of" --format=jsn "$TREE"
    sample sweep
    refuses 2 "did you mean nodes?" --x=node "$TREE"
    refuses 2 "--series: 'tasks' is not one of " --series=db_cpus,tasks "$TREE"
    refuses 2 "--rate: 'run_model' is not one of " --rate=run_model "$TREE"
    refuses 2 "did you mean run_model?" --time=run_modle "$TREE"
    refuses 2 "--baseline: 'db_cpu' is not one of " --baseline=nodes=1,db_cpu=2 "$TREE"
    [ ! -e "$TREE/report" ]
}

@test "a point that cannot be read is missing, and the others are there" {
    sample sweep
    echo '{' >"$TREE/points/p0002/point.json"
    report "$TREE"
    is "('missing', 1)" '(e["p0002"]["state"], len(notes("p0002/point.json is not valid JSON")))'
    sed -i 's,"records/1000.3","../../../../../etc",' "$TREE/points/p0003/point.json"
    report "$TREE"
    is 1 'len(notes("the records ../../../../../etc of p0003 are not there"))'
}

@test "files: an earlier report is replaced, anything else stays; tree/report unless told otherwise" {
    sample steps
    inferstep report --no-plots "$TREE" >out
    [ -s "$TREE/report/report.json" ]
    grep -q "^report  $TREE/report" out
    touch "$TREE/report/old"
    inferstep report --no-plots "$TREE" >out
    [ ! -e "$TREE/report/old" ]
    [ "$(echo "$TREE"/*report*)" = "$TREE/report" ]
    mkdir mine && touch mine/work
    run inferstep report -o mine "$TREE"
    [ "$status" = 1 ]
    [[ $output == *"mine is there already and is no earlier report"* ]]
    [ "$(ls mine)" = work ]
    : >file
    run inferstep report -o file "$TREE"
    [ "$status" = 1 ]
    [[ $output == *"file is there already and is no earlier report"* ]]
    # A folder counts once, whichever way it is named.
    [ "$(inferstep report --format=json "$TREE" "$TREE/../outputs/." | jq '.executions | length')" = 6 ]
    inferstep report --format=json "$TREE" | python3 -c 'import json, sys; assert len(json.load(sys.stdin)["executions"]) == 6'
    inferstep report --format=csv "$TREE" | head -n 1 | grep -q '^series,'
    sample smartsim
    inferstep report --no-plots "$TREE" >out
    [ -s report/report.json ]
    [ ! -e "$TREE/report" ]
}

@test "the page: every option of --help and no other; its examples run" {
    diff <(sed -n 's/^\.It Fl \(o , \)*-\([a-z-]*\).*/--\2/p' "$INFERSTEP_TOP/man/inferstep-report.1" | sort) \
        <(inferstep report --help | grep -oE '^ +(-[a-z],)?--[a-z-]+' | grep -oE '\-\-[a-z-]+' | grep -vx -- --help | sort)
    for kind in sweep steps smartsim itwinai; do sample "$kind"; done
    mkdir scaling
    mv sweep/results steps/outputs itwinai/scalability-metrics .
    mv smartsim/results scaling
    python3 -B "$INFERSTEP_TOP/tests/lib/sample_stages.py" stages >/dev/null
    mkdir outputs/local.4711
    cp stages/pipeline-strong/run-*/reference/completions_rank_0.jsonl outputs/local.4711/
    cp -r stages/pipeline-strong/run-*/points/p0003/records/1000.3 outputs/4712.0
    sed -n '/^\.Sh EXAMPLES/,$s/^\.Dl \$ //p' "$INFERSTEP_TOP/man/inferstep-report.1" >examples
    [ "$(wc -l <examples)" -ge 6 ]
    while read -r example; do
        bash -ec "set -o pipefail; $example" >out 2>err </dev/null || { echo "$example"; cat err; return 1; }
        [ -s out ] || { echo "nothing from $example"; return 1; }
    done <examples
    [ -s results/demo/run-20261121-201502/report/report.json ]
    [ -s both/report.json ]
    [ -s scalability/report.json ]
    [ -d sessions ]
}
