#!/usr/bin/env bats
# The scripts of points, submitted by hand: what sbatch makes of their lines, how they end, and what accounting says of
# the steps that they start.

load ../lib/cluster

setup_file() { cluster_start --nodes 4; }
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    rm -rf "${CLUSTER_WORK:?}"/{results,battery.yaml,inner.sh}
}
teardown() { assert_clean; }

battery() { # text on standard input
    cat >"$CLUSTER_WORK/battery.yaml"
    chmod a+r "$CLUSTER_WORK/battery.yaml"
}
# Makes the scripts of the battery as batch jobs. Sets RUN, the run's folder.
made() { RUN=$(user_run inferstep sweep -c battery.yaml --no-submit-job "$@"); }
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$RUN/points/$1/point.json" "$2"; }

@test "scripts submitted by hand run; --resume collects them, with what accounting says of their steps" {
    battery <<'EOF'
name: by-hand
command: [sh, -c, 'echo "$SLURM_NNODES nodes, task $SLURM_PROCID of $SLURM_NTASKS, $NOTE rate={n}"']
matrix: {n: [1, 2]}
step: {nodes: "{n}", tasks_per_node: 2, cpus_per_task: 2}
environment: {NOTE: "it's \"here\""}
metrics: [{name: rate, regex: 'rate=(\d+)'}]
EOF
    made --sbatch-option='--comment=a "quoted" \ comment # it'"'"'s' --time=2
    for i in 1 2; do
        user_run sbatch --wait "$RUN/points/p000$i/run.sh"
        grep -q '^0 ' "$RUN/points/p000$i/end"
        [ "$(grep -c "^$i nodes, task . of $((2 * i)), it's \"here\" rate=$i" "$RUN/points/p000$i/stdout.log")" = $((2 * i)) ]
    done
    job=$(cat "$RUN/points/p0002/job")
    user_run scontrol show job "$job" >"$BATS_TEST_TMPDIR/job"
    grep -qF 'Comment=a "quoted" \ comment # it'"'s" "$BATS_TEST_TMPDIR/job"
    grep -q 'JobName=by-hand-p0002' "$BATS_TEST_TMPDIR/job"
    grep -q 'TimeLimit=00:02:00' "$BATS_TEST_TMPDIR/job"
    grep -q 'NumNodes=2 NumCPUs=8' "$BATS_TEST_TMPDIR/job"
    user_run inferstep sweep -c battery.yaml --where=batch --resume="$RUN"
    [ "$(value p0002 'd["state"], d["metrics"][0]["value"], d["slurm"]["job"], d["slurm"]["steps"]')" = "('done', 2, '$job', ['$job.0'])" ]
    [ "$(value p0002 'd["sacct"], d["sacct_why"]')" = "('sacct_$job.txt', '')" ]
    grep -q "^$job.0|p0002|COMPLETED|0:0|" "$RUN/points/p0002/sacct_$job.txt"
    [ "$(value p0002 'd["environment"]["SLURM_JOB_NUM_NODES"]')" = 2 ]
}

@test "points of one allocation: each has the accounting of its own steps" {
    battery <<'EOF'
name: inside
command: [sleep, "0.{n}"]
matrix: {n: [1, 2, 3]}
EOF
    RUN=$(user_run salloc -N2 inferstep sweep -c battery.yaml --where=allocation 2>"$BATS_TEST_TMPDIR/progress")
    job=$(value p0001 'd["slurm"]["job"]')
    steps=$(for i in 1 2 3; do value p000$i 'd["slurm"]["steps"]'; done | sort)
    [ "$steps" = "['$job.0']
['$job.1']
['$job.2']" ]
    for i in 1 2 3; do
        # the header, the job, the step that has the point's name
        [ "$(cut -d'|' -f2 "$RUN/points/p000$i/sacct_$job.txt" | grep -c '^p')" = 1 ]
        grep -q "|p000$i|COMPLETED|" "$RUN/points/p000$i/sacct_$job.txt"
    done
}

leaves_its_end_when_cancelled() { # the only point, once its step has begun
    local job
    job=$(user_run sbatch --parsable "$RUN/points/p0001/run.sh")
    for _ in $(seq 200); do [ -z "$(user_run squeue -h -s -j "$job" -o %i | grep '\.0$')" ] || break; sleep 0.1; done
    user_run scancel "$job"
    for _ in $(seq 200); do [ ! -s "$RUN/points/p0001/end" ] || break; sleep 0.1; done
    grep -q '^143 ' "$RUN/points/p0001/end"
}
@test "a job that is cancelled, and one whose time is over, leave their end" {
    battery <<'EOF'
name: ends
command: [sleep, "300"]
EOF
    made
    leaves_its_end_when_cancelled
    # The same text as a script of a battery, which starts its step itself.
    battery <<'EOF'
name: ends
script: |
  srun --job-name="$INFER_POINT" sleep 300
EOF
    made
    leaves_its_end_when_cancelled
}

@test "a job holds the CPUs of its databases as well" {
    battery <<'EOF'
name: beside
command: [sh, -c, 'taskset -cp $$; echo "$SSDB"']
step: {tasks_per_node: 2, options: [--infer-colocate=1, --infer-db-cpus=3, --infer-device=cpu]}
EOF
    made
    USER_TIMEOUT=120 user_run sbatch --wait "$RUN/points/p0001/run.sh"
    grep -q '^0 ' "$RUN/points/p0001/end"
    [ "$(grep -c '^unix:' "$RUN/points/p0001/stdout.log")" = 2 ]
    grep -q '#SBATCH --ntasks-per-node=5' "$RUN/points/p0001/run.sh" # 2 tasks and 3 CPUs beside them
    user_run inferstep sweep -c battery.yaml --where=batch --resume="$RUN"
    job=$(cat "$RUN/points/p0001/job")
    [ "$(value p0001 'd["records"], len(d["placement"]["plans"])')" = "(['records/$job.0'], 1)" ]
    [ "$(value p0001 '[m["source"]["file"] for m in d["metrics"] if m["name"] == "db_cpu"]')" = "['records/$job.0/step.json']" ]
}

@test "a sweep of batch jobs keeps the accounting of each job, ended; where accounting is off the file says so" {
    battery <<'EOF'
name: batch
command: [echo, "rate={n}"]
matrix: {n: [1, 2]}
metrics: [{name: rate, regex: 'rate=(\d+)'}]
EOF
    RUN=$(user_run inferstep sweep -c battery.yaml --where=batch --no-save-script --std-out='logs/{point}.log' 2>"$BATS_TEST_TMPDIR/progress")
    for i in 1 2; do
        job=$(value p000$i 'd["slurm"]["job"]')
        # without names: accounting hears of a short job's own only after its steps'
        [ "$(cut -d'|' -f1,3 "$RUN/points/p000$i/sacct_$job.txt")" = "JobID|State
$job|COMPLETED
$job.batch|COMPLETED
$job.0|COMPLETED" ]
        [ ! -e "$RUN/points/p000$i/run.sh" ]
        [ -e "$CLUSTER_WORK/logs/p000$i.log" ]
    done
    made
    user_run sbatch --wait "$RUN/points/p0001/run.sh"
    user_run sbatch --wait "$RUN/points/p0002/run.sh"
    sed 's/^AccountingStorageType=.*/AccountingStorageType=accounting_storage\/none/' "$SLURM_CONF" >"$CLUSTER_WORK/off.conf"
    chmod a+r "$CLUSTER_WORK/off.conf"
    user_run SLURM_CONF="$CLUSTER_WORK/off.conf" inferstep sweep -c battery.yaml --where=batch --resume="$RUN"
    job=$(value p0001 'd["slurm"]["job"]')
    [[ $(cat "$RUN/points/p0001/sacct_$job.txt") == "# no accounting: sacct ended with exit code 1: "* ]]
    [[ $(value p0001 'd["sacct_why"]') == "no accounting: sacct ended with exit code 1: "* ]]
}
