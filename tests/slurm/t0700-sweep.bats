#!/usr/bin/env bats
# Batteries under Slurm: inside an allocation, side by side on nodes of their own, and as one batch job for each point.

# shellcheck disable=SC2016,SC2154 # the points' shell expands it; CLUSTER_… come from lib/cluster
bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() { cluster_start --nodes 4; }
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    name=s$BATS_TEST_NUMBER
    rm -rf "$CLUSTER_WORK/results/$name" "$CLUSTER_WORK/go.$name" "$CLUSTER_WORK/at.$name"
}
teardown() { assert_clean 20; }

# battery.yaml in the user's directory: COMMAND for a shell, further lines
battery() {
    local command=$1
    shift
    printf '%s\n' "name: $name" "command: [sh, -c, '$command']" "$@" >"$CLUSTER_WORK/$name.yaml"
}
sweep() { user_run inferstep sweep -c "$name.yaml" "$@"; }
run_folder() { echo "$CLUSTER_WORK"/results/"$name"/run-*; }
journal() {
    python3 -c 'import json, sys
events = [json.loads(line) for line in open(sys.argv[2])]
ends = {e["point"]: e for e in events if e["event"] == "end"}
begins = {e["point"]: e for e in events if e["event"] == "begin"}
print(eval(sys.argv[1]))' "$1" "$(run_folder)/journal.jsonl"
}
wait_until() {
    local deadline=$((SECONDS + 30))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not within 30 s: $*"; cat "$BACKGROUND_LOG"; return 1; }
        sleep 0.1
    done
}
noted() { grep -q "$1" "$(run_folder)"/journal.jsonl 2>/dev/null; }
end_of_background() {
    CODE=0
    timeout 60 tail --pid="$BACKGROUND_PID" -f /dev/null || return 1
    wait "$BACKGROUND_PID" || CODE=$?
}

@test "points run side by side in an allocation, each on nodes of its own" {
    # Each of the first two ends only when it has seen the other: one after the other they would wait for ever.
    printf '%s\n' "name: $name" "command: [bash, -c, 'touch here.{n}; for i in {{1..200}}; do [ -e here.1 ] && [ -e here.2 ] && exit; sleep 0.1; done; exit 1']" \
        'matrix: {n: [1, 2, 3], nodes: [2, 1]}' 'exclude: [{n: 1, nodes: 1}]' 'step: {nodes: "{nodes}"}' >"$CLUSTER_WORK/$name.yaml"
    rm -f "$CLUSTER_WORK"/here.*
    run user_run salloc -Q -N4 inferstep sweep -c "$name.yaml"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal 'len(ends)')" = 5 ]
    # By Slurm's own record: steps that overlap in time share no node, and some do overlap.
    job=$(journal 'events[0]["job"]')
    sacct_field "$job" State >/dev/null
    python3 - "$(run_folder)" "$job" <<'E'
import glob, json, subprocess, sys
run, job = sys.argv[1:]
hosts = lambda text: set(subprocess.run(["scontrol", "show", "hostnames", text], capture_output=True, text=True).stdout.split())
rows = [r.split("|") for r in subprocess.run(["sacct", "-nP", "-j", job, "-o", "JobID,JobName,NodeList,State"], capture_output=True, text=True).stdout.splitlines()]
nodes = {r[1]: hosts(r[2]) for r in rows if r[1].startswith("p0")}
points = {p["id"]: p for p in (json.load(open(f)) for f in glob.glob(f"{run}/points/*/point.json"))}
assert len(nodes) == len(points) == 5 and all(r[3] == "COMPLETED" for r in rows if r[1] in nodes), rows
together = 0
for a in points.values():
    assert len(nodes[a["id"]]) == int(a["parameters"]["nodes"]) and a["slurm"]["job"] == job, a
    for b in points.values():
        if a["id"] < b["id"] and a["begin"] < b["end"] and b["begin"] < a["end"]:
            together += 1
            assert not nodes[a["id"]] & nodes[b["id"]], (a["id"], b["id"], nodes)
assert together, points
E
    grep -q "^$job\.[0-9]*|p0001|COMPLETED|" "$(run_folder)/points/p0001/sacct_$job.txt"
}

@test "what the allocation has not is refused before the first point" {
    battery true 'matrix: {n: [1, 5]}' 'step: {nodes: "{n}"}'
    run user_run salloc -Q -N2 inferstep sweep -c "$name.yaml"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"point p0002 needs 5 nodes, and the allocation "*" has 2"* ]]
    battery true 'step: {options: ["--nodelist=nowhere7"]}'
    run user_run salloc -Q -N1 inferstep sweep -c "$name.yaml"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"point p0001 wants nowhere7, which the allocation "* ]]
    [ ! -e "$CLUSTER_WORK/results/$name" ]
    run sweep --where=allocation
    [ "$status" = 1 ]
    [[ $output == *"there is no allocation here"* ]]
}

@test "each point is a batch job; one that dies without a word is named" {
    battery 'echo on $SLURM_JOB_ID; case {n} in 2) exit 3 ;; 3) scancel $SLURM_JOB_ID; sleep 60 ;; esac' 'matrix: {n: [1, 2, 3, 4]}' 'metrics: [{name: jobid, regex: "on (.*)"}]'
    run sweep --parallel=2
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"2 of 4 points failed"* ]]
    [ "$(journal '[ends[p]["state"] for p in sorted(ends)]')" = "['done', 'failed', 'cancelled', 'done']" ]
    [[ $(journal 'ends["p0003"]["why"]') == "job $(journal 'ends["p0003"]["job"]') ended: CANCELLED"* ]]
    [ "$(journal 'len({e["job"] for e in ends.values()})')" = 4 ]
    python3 -c 'import glob, json, sys
for f in glob.glob(sys.argv[1] + "/points/*/point.json"):
    p = json.load(open(f))
    assert p["slurm"]["job"] and p["sacct"] == "sacct_%s.txt" % p["slurm"]["job"], p
    assert p["state"] != "done" or p["metrics"][0]["value"] == int(p["slurm"]["job"]), p' "$(run_folder)"
    # never more than two in the queue: each further one was submitted after an end
    python3 -c 'import glob, json, sys
ends = sorted(float(open(f).read().split()[2]) for f in glob.glob(sys.argv[1] + "/points/*/end"))
submits = [e["time"] for e in map(json.loads, open(sys.argv[1] + "/journal.jsonl")) if e["event"] == "submit"]
assert len(submits) == 4 and submits[2] > ends[0] - 0.001 and submits[3] > ends[1] - 0.001, (submits, ends)' "$(run_folder)"
    rm -r "$(run_folder)"
    run sweep --where=batch --partition=nowhere
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"sbatch did not take the job: "*"4 of 4 points left"* ]]
}

@test "a job that waits in vain is named with Slurm's reason" {
    battery true
    user_background inferstep sweep -c "$name.yaml" --sbatch-option=--hold
    wait_until grep -q 'p0001: job [0-9]* does not begin (JobHeldUser) until it, or its partition, is changed' "$BACKGROUND_LOG"
    "$cluster" run --dir "$CLUSTER_DIR" -- scontrol release "$(journal 'events[-1]["job"]')"
    end_of_background
    cat "$BACKGROUND_LOG"
    [ "$CODE" = 0 ]
    [ "$(grep -c 'does not begin' "$BACKGROUND_LOG")" = 1 ]
}

@test "a driver that is gone finds its jobs again: queued, running and ended" {
    battery 'test {n} = 1 || while ! [ -e go.'"$name"' ]; do sleep 0.1; done' 'matrix: {n: [1, 2, 3, 4, 5, 6]}'
    user_background inferstep sweep -c "$name.yaml" --exclusive
    wait_until noted '"submit","point":"p0006"'
    wait_until noted '"end","point":"p0001"'
    kill -9 "$BACKGROUND_PID"
    wait "$BACKGROUND_PID" || true
    run user_run inferstep sweep status
    echo "$output"
    [[ $output == *"1 of 6 points done, 0 failed, "*" gone"* ]]
    jobs=$(squeue -h -o %A | sort)
    touch "$CLUSTER_WORK/go.$name"
    run user_run inferstep sweep --resume
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal 'len(ends), len([e for e in events if e["event"] == "submit"]), {e["attempt"] for e in ends.values()}')" = "(6, 6, {1})" ]
    [ "$(wc -l <<<"$jobs")" = 5 ]
}

@test "a lost allocation: the points that are left run in the next one" {
    battery 'test {n} = 1 || [ -e go.'"$name"' ] || sleep 1000' 'matrix: {n: [1, 2, 3]}'
    user_background salloc -N1 inferstep sweep -c "$name.yaml"
    wait_until noted '"begin","point":"p0002"'
    job=$(journal 'events[0]["job"]')
    "$cluster" run --dir "$CLUSTER_DIR" -- scancel "$job"
    end_of_background
    cat "$BACKGROUND_LOG"
    [ "$CODE" != 0 ]
    [ "$(journal 'sorted(ends)')" = "['p0001']" ]
    touch "$CLUSTER_WORK/go.$name"
    run user_run salloc -Q -N2 inferstep sweep -c "$name.yaml" --resume
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal '[(p, ends[p]["state"], ends[p]["attempt"]) for p in sorted(ends)]')" = "[('p0001', 'done', 1), ('p0002', 'done', 2), ('p0003', 'done', 1)]" ]
    [ "$(journal 'ends["p0002"]["job"] != "'"$job"'"')" = True ]
}

@test "a node that fails takes its point with it, which runs again elsewhere" {
    battery 'test -e go.'"$name"' || (touch at.'"$name"'; sleep 1000)'
    user_background inferstep sweep -c "$name.yaml"
    wait_until test -e "$CLUSTER_WORK/at.$name"
    node=$(squeue -h -o %N -j "$(cat "$(run_folder)/points/p0001/job")")
    touch "$CLUSTER_WORK/go.$name"
    scontrol update NodeName="$node" State=DOWN Reason=test
    end_of_background
    scontrol update NodeName="$node" State=RESUME 2>/dev/null || true # it may have come back by itself
    wait_until eval '[ "$(sinfo -h -n "$node" -o %T)" = idle ]'
    cat "$BACKGROUND_LOG"
    [ "$CODE" = 0 ]
    grep -q 'p0001 will run again: job .* ended: NODE_FAIL' "$BACKGROUND_LOG"
    [ "$(journal 'ends["p0001"]["state"], ends["p0001"]["attempt"]')" = "('done', 2)" ]
    [ -e "$(run_folder)/points/p0001.try1" ]
}
