#!/usr/bin/env bats
# What a step leaves in its record directory, where that is, and what happens when it cannot be written.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# value FILE EXPRESSION: of the JSON in FILE, as d.
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }

@test "--outdir: plan, readiness, statistics and logs of the databases, and why there is no accounting" {
    run infer --colocate=2 --db-cpus=2 --pin-app=no --device=cpu --outdir=records sh -c 'redis-cli -s "${SSDB#unix://}" set a b'
    [ "$status" = 0 ]
    dir=$(echo records/local.*)
    [ "$(cd "$dir" && ls)" = "db_$(hostname)_0.log
db_$(hostname)_1.log
sacct_local.txt
step.json" ]
    grep -q 'did not run under Slurm' "$dir/sacct_local.txt"
    grep -q 'ready to exit' "$dir/db_$(hostname)_0.log"
    [ "$(value "$dir/step.json" 'd["schema"], len(d["nodes"])')" = "('inferstep-step/1', 1)" ]
    [ "$(value "$dir/step.json" '[db["ended"]["exit_code"] for n in d["nodes"] for db in n["databases"]]')" = "[0, 0]" ]
    [ "$(value "$dir/step.json" 'sum(db["statistics"]["commands"].get("set", {"calls": 0})["calls"] for db in d["nodes"][0]["databases"])')" = 1 ]
    [ "$(value "$dir/step.json" '0 < d["nodes"][0]["phases_s"]["planned"] < d["nodes"][0]["phases_s"]["ready"] < d["nodes"][0]["phases_s"]["stopped"]')" = True ]
    [ "$(value "$dir/step.json" 'all(db["ended"]["max_rss_bytes"] > 2**20 and db["ended"]["user_cpu_s"] + db["ended"]["system_cpu_s"] > 0 for db in d["nodes"][0]["databases"])')" = True ]
    [ "$(value "$dir/step.json" '[i["cpus"] for i in d["nodes"][0]["plan"]["instances"]] == [db["cpus"] for db in d["nodes"][0]["databases"]]')" = True ]
}

@test "a program of the step says where the records go" {
    run colocated sh -c 'mkdir -p mine && echo "$PWD/mine" >"$INFER_STATE_DIR/outdir"'
    [ "$status" = 0 ]
    [ -s "mine/step_$(hostname).json" ]
    [ -s "mine/db_$(hostname)_0.log" ]
    # a relative one is nobody's
    run colocated sh -c 'echo theirs >"$INFER_STATE_DIR/outdir"'
    [ "$status" = 0 ]
    [ ! -e theirs ]
}

@test "without a record directory nothing is written" {
    run colocated true
    [ "$status" = 0 ]
    [ -z "$(ls -A)" ]
}

@test "what happened to a database stands in the record" {
    run infer --colocate --db-cpus=1 --device=cpu --outdir=records sh -c 'kill -9 $(redis-cli -s "${SSDB#unix://}" info server | tr -d "\r" | sed -n "s/^process_id://p"); exec sleep 20'
    [ "$status" = 143 ]
    [ "$(value records/*/step.json 'd["nodes"][0]["databases"][0]["ended"]["signal"]')" = 9 ]
    [[ $(value records/*/step.json 'd["nodes"][0]["events"][0]') == *"ended early: signal 9"* ]]
}

@test "a step that never became ready leaves its record and the log" {
    run infer --colocate --db-cpus=1 --device=cpu --redis=/bin/cat --outdir=records true
    [ "$status" = 1 ]
    grep -q loadmodule records/*/db_*_0.log
    [ "$(value records/*/step_*.json 'd["state"], d["message"]')" = "('failed', 'db0 ended before it was ready (exit code 0)')" ]
}

@test "R8: an output directory that cannot be made or is full: one warning, and the step is as good as without" {
    touch file
    run infer --colocate --db-cpus=1 --device=cpu --outdir=file/below sh -c 'redis-cli -s "${SSDB#unix://}" ping'
    echo "$output"
    [ "$status" = 0 ]
    [ "${lines[0]}" = PONG ]
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[1]} == *"warning: "*"file/below"* ]]
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "a full disk needs root and a mount namespace"
    mkdir full
    run unshare --mount bash -c 'mount -t tmpfs -o size=8k none full && head -c 8k /dev/zero >full/filler; inferstep run --statedir="$1" --colocate --db-cpus=1 --device=cpu --outdir=full true; code=$?; find full -name "*.json"; exit $code' _ "$state"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"warning: "*"No space left"* ]]
    [[ $output != *.json ]]
    run unshare --mount bash -c 'mount -t tmpfs -o ro none full; inferstep run --statedir="$1" --colocate --db-cpus=1 --device=cpu --outdir=full true' _ "$state"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"warning: "*"ead-only file system"* ]]
}

# A record directory with the parts of two nodes.
two_parts() {
    mkdir -p parts
    echo '{"schema": "inferstep-step/1", "node": "b", "node_index": 1, "memory": {"cgroup": "/slurm/step_0/task_0"}}' >parts/step_b.json
    echo '{"schema": "inferstep-step/1", "node": "a", "node_index": 0, "memory": {"cgroup": "/slurm/step_0/task_0"}, "later": 7}' >parts/step_a.json
}

@test "inferstep record merges the nodes in their order, twice as well as once" {
    two_parts
    inferstep record --job local --step 5 parts
    [ "$(value parts/step.json '[n["node"] for n in d["nodes"]]')" = "['a', 'b']" ]
    [ "$(value parts/step.json 'd["nodes"][0]["later"]')" = 7 ]
    [ "$(ls parts)" = "sacct_local.txt
step.json" ]
    inferstep record --job local --step 5 parts
    [ "$(value parts/step.json '[n["node"] for n in d["nodes"]]')" = "['a', 'b']" ]
    # a node that comes late joins those that are there
    echo '{"schema": "inferstep-step/1", "node": "c", "node_index": 2, "memory": {}}' >parts/step_c.json
    inferstep record --job local --step 5 parts
    [ "$(value parts/step.json '[n["node"] for n in d["nodes"]]')" = "['a', 'b', 'c']" ]
}

@test "a damaged part is kept and named" {
    two_parts
    echo '{"node": ' >parts/step_c.json
    run inferstep record --job local --step 5 parts
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"warning: "*step_c.json* ]]
    [ -e parts/step_c.json ]
    [ "$(value parts/step.json 'len(d["nodes"])')" = 2 ]
}

@test "R14: a part of another version is kept and named, with both versions; unknown fields are no other version" {
    two_parts
    echo '{"schema": "inferstep-step/2", "node": "c"}' >parts/step_c.json
    echo '{"node": "d"}' >parts/step_d.json
    run inferstep record --job local --step 5 parts
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"warning: parts/step_c.json is left out"*"schema 'inferstep-step/2'"*"knows inferstep-step/1"* ]]
    [[ $output == *"step_d.json is left out"*"of schema (none)"* ]]
    [ -e parts/step_c.json ]
    [ -e parts/step_d.json ]
    [ "$(value parts/step.json '[n["node"] for n in d["nodes"]], d["nodes"][0]["later"]')" = "(['a', 'b'], 7)" ]
}

@test "R14: a step.json of another version, or a damaged one, is not overwritten" {
    for other in '{"schema": "inferstep-step/9", "nodes": []}' '{"schema": '; do
        rm -rf parts && two_parts
        echo "$other" >parts/step.json
        run inferstep record --job local --step 5 parts
        echo "$output"
        [ "$status" = 1 ]
        [[ $output == *"parts/step.json"* ]]
        [ "$(cat parts/step.json)" = "$other" ]
        [ -e parts/step_a.json ]
        [ -e parts/step_b.json ]
    done
}

@test "R14: a plugin with another version of the shared page is told so, with both versions" {
    run python3 - <<'PY'
import os, struct
page = os.memfd_create("page", 0)
os.ftruncate(page, 4096)
os.pwrite(page, struct.pack("<II", 0x1F57E903, 4711), 0)
life, _ = os.pipe()
os.dup2(page, 13), os.dup2(life, 14)
os.execvp("inferstep", ["inferstep", "db", "serve", "--page-fd=13", "--life-fd=14"])
PY
    echo "$output"
    [ "$status" = 2 ]
    [[ $output == *"has version 4711 of the shared page, this inferstep, 0.1.0, has "* ]]
    [[ $output == *"hint: install the plugin and the program from the same build"* ]]
}

# A pretended Slurm: sacct prints what the test wants, scontrol the accounting that the test wants.
pretend() { # accounting, shell lines of sacct
    mkdir -p fake
    printf '#!/bin/sh\necho "JobAcctGatherType       = %s"\necho "ProctrackType           = proctrack/cgroup"\n' "$1" >fake/scontrol
    printf '#!/bin/sh\n%s\n' "$2" >fake/sacct
    chmod +x fake/*
    PATH=$work/fake:$PATH
}
done_step='echo "JobID|JobName|State|TotalCPU|MaxRSS"; echo "12|client|RUNNING||"; echo "12.3|client|COMPLETED|00:09.500|700000000"'

# Two nodes with a database each: 3 s of CPU time and 300 MB, 1 s and 100 MB; their supervisors 0.25 s and 10 MB each.
two_used_parts() {
    local used='"user_cpu_s": %s, "system_cpu_s": 0.5, "max_rss_bytes": %s'
    mkdir -p parts
    # shellcheck disable=SC2059 # the format is ours
    printf '{"schema": "inferstep-step/1", "node": "%s", "memory": {"cgroup": "/slurm/step_3/task_0"},
        "supervisor": {"user_cpu_s": 0.25, "max_rss_bytes": 1e7}, "databases": [{"ended": {'"$used"'}}]}' a 2.5 3e8 >parts/step_a.json
    # shellcheck disable=SC2059
    printf '{"schema": "inferstep-step/1", "node": "%s", "memory": {"cgroup": "/slurm/step_3/task_0"},
        "supervisor": {"user_cpu_s": 0.25, "max_rss_bytes": 1e7}, "databases": [{"ended": {'"$used"'}}]}' b 0.5 1e8 >parts/step_b.json
}

@test "accounting: how much was the databases', and whether Slurm has counted it" {
    two_used_parts
    pretend jobacct_gather/cgroup "$done_step"
    inferstep record --job 12 --step 3 parts
    [[ $(tail -n 1 parts/sacct_12.txt) == "12.3|client|COMPLETED|"* ]]
    databases="{'count': 2, 'without_figures': 0, 'cpu_s': 4, 'max_rss_bytes': 400000000}"
    [ "$(value parts/step.json 'd["accounting"]["databases"]')" = "$databases" ]
    [ "$(value parts/step.json 'd["accounting"]["supervisors"]["cpu_s"]')" = 0.5 ]
    [ "$(value parts/step.json 'd["accounting"]["gather"], d["accounting"]["proctrack"]')" = "('jobacct_gather/cgroup', 'proctrack/cgroup')" ]
    # Slurm's 9.5 s have the databases' in them: 5 s are the tasks'. Their memory cannot be told apart.
    [ "$(value parts/step.json 'd["accounting"]["databases_counted"], d["accounting"]["sacct"], d["accounting"]["tasks"]')" = "(True, {'cpu_s': 9.5, 'max_rss_bytes': 700000000}, {'cpu_s': 5})" ]
    rm -r parts && two_used_parts
    pretend jobacct_gather/linux "$done_step"
    inferstep record --job 12 --step 3 --restart 1 parts
    [ "$(value parts/step.json 'd["accounting"]["databases"]')" = "$databases" ]
    [ "$(value parts/step.json 'd["accounting"]["databases_counted"], d["accounting"]["tasks"], d["restart"]')" = "(False, {'cpu_s': 9.5, 'max_rss_bytes': 700000000}, 1)" ]
    # A database that was started again has used both lives' CPU time, and the larger one's memory.
    rm -r parts && two_used_parts
    sed -i 's/"databases": \[{/&"ended_before": [{"user_cpu_s": 10, "max_rss_bytes": 2e8}], /' parts/step_b.json
    inferstep record --job 12 --step 3 parts
    [ "$(value parts/step.json 'd["accounting"]["databases"]')" = "{'count': 2, 'without_figures': 0, 'cpu_s': 14, 'max_rss_bytes': 500000000}" ]
    [[ $(value parts/step.json 'd["accounting"]["note"]') == *"their children, which the databases are not"* ]]
}

@test "accounting: a database that left no figures is counted as such, and nothing is guessed" {
    two_used_parts
    sed -i 's/"ended": {[^}]*}/"pid": 7/' parts/step_b.json
    pretend jobacct_gather/cgroup "$done_step"
    inferstep record --job 12 --step 3 parts
    [ "$(value parts/step.json 'd["accounting"]["databases"]')" = "{'count': 2, 'without_figures': 1, 'cpu_s': 3, 'max_rss_bytes': 300000000}" ]
    [ "$(value parts/step.json 'd["accounting"]["tasks"]')" = "{}" ]
}

@test "accounting: a job that ends before its step's figures arrive is asked about again" {
    two_used_parts
    pretend jobacct_gather/cgroup 'echo x >>'"$work"'/calls; [ "$(wc -l <'"$work"'/calls)" -gt 2 ] && f="00:02.000|5|cpu=2"; echo "JobID|State|TotalCPU|MaxRSS|TRESUsageInTot"; echo "12.3|COMPLETED|${f:-00:00:00||}"'
    inferstep record --job 12 --step 3 parts
    [ "$(wc -l <calls)" = 3 ]
    [ "$(value parts/step.json 'd["accounting"]["sacct"]')" = "{'cpu_s': 2, 'max_rss_bytes': 5}" ]
}

@test "accounting: a step that is not final is waited for" {
    two_parts
    pretend jobacct_gather/cgroup 'echo x >>'"$work"'/calls; [ "$(wc -l <'"$work"'/calls)" -gt 2 ] && s=COMPLETED || s=RUNNING; echo "JobID|JobName|State"; echo "12.3|client|$s"'
    inferstep record --job 12 --step 3 parts
    grep -q '12.3|client|COMPLETED' parts/sacct_12.txt
    [ "$(wc -l <calls)" = 3 ]
}

@test "accounting: none, or none that answers, is a line in the file and no error" {
    two_parts
    pretend none 'echo "Slurm accounting storage is disabled" >&2; exit 1'
    inferstep record --job 12 --step 3 parts
    [ "$(cat parts/sacct_12.txt)" = "# no accounting: sacct ended with exit code 1: Slurm accounting storage is disabled" ]
    pretend none 'exec sleep 60'
    inferstep record --job 12 --step 3 parts
    grep -q '^# no accounting: .*sacct gave no answer within' parts/sacct_12.txt
}

@test "wrong words, a missing or read-only directory" {
    run inferstep record --job abc --step 1 .
    [ "$status" = 2 ]
    [[ $output == *"--job: 'abc'"* ]]
    run inferstep record --job 1 --step -2 .
    [ "$status" = 2 ]
    run inferstep record --job 1 --step 1
    [ "$status" = 2 ]
    run inferstep record --job local --step 1 nowhere
    [ "$status" = 1 ]
    [[ $output == *nowhere* ]]
}
