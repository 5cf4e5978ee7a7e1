#!/usr/bin/env bats
# Where tasks and databases really run, whatever Slurm was asked for. Every task looks for itself: see lib/placed.py.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 2
    [ -n "${CLUSTER_MISSING-}" ] || install -m 644 "$BATS_TEST_DIRNAME"/../lib/{placed,pmi2}.py "$CLUSTER_WORK"
}
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# placed WHERE srun-options…: the tasks and the database (of one CPU) of one node are where they are expected
placed() {
    local want=$1 got
    shift
    got=$(user_run srun -N1 --infer-colocate --infer-db-cpus=1 "$@" python3 placed.py | sort) || { echo "$*: $got"; return 1; }
    got=$(sed 's/^0 [0-9]*: //;s/ \[.*//' <<<"$got" | paste -sd' ' | sed 's/ | \([0-9,-]*\) / \/ /g')
    [ "$got" = "$want" ] || { echo "$*: $got, not $want"; return 1; }
}

@test "R4: every kind of --cpu-bind: databases on CPUs that the step has, idle ones first" {
    placed '0-2 / 0-2 | 3' -n2 -c2 --cpu-bind=none
    placed '0-1 / 2 | 3' -n2 -c2 --cpu-bind=cores
    placed '0-1 / 2 | 3' -n2 -c2 --cpu-bind=threads
    placed '0-2 / 0-2 | 3' -n2 -c2 --cpu-bind=sockets
    placed '0-2,4-7 / 0-2,4-7 | 3' -n2 -c2 --cpu-bind=ldoms # the masks reach beyond the step, its database does not
    placed '0 / 1 | 3' -n2 -c4 --cpu-bind=rank
    placed '1 / 3 | 2' -n2 -c4 --cpu-bind=map_cpu:1,3
    placed '0-1 / 2-3 | 7' -n2 -c4 --cpu-bind=mask_cpu:0x3,0xc
    run user_run srun -N1 -n2 -c2 --cpu-bind=rank --infer-colocate true # a part of the node
    [ "$status" != 0 ]
    [[ $output == *"Unable to satisfy cpu bind request"* ]]
}

@test "R4: distribution, hints, exclusive, exact, more tasks than CPUs" {
    placed '0-1 / 4-5 / 2 / 6-7 | 3' -n4 -c2 --distribution=block:cyclic
    placed '0,4 / 1,5 / 2,6 / 7 | 3' -n4 -c2 --distribution=block:fcyclic
    placed '0-2,4-7 | 3' -n1 -c8 --hint=compute_bound
    placed '0-2,4-7 | 3' -n1 -c8 --hint=nomultithread
    placed '0 / 1-2 | 3' -n2 -c2 --exact --hint=nomultithread --cpu-bind=mask_cpu:0x1,0x6
    run user_run srun -Q -N2 -n3 -c2 --infer-colocate --infer-db-cpus=1 python3 placed.py # unequal parts of the nodes
    [ "$(sort <<<"$output" | paste -sd'/')" = '0 0: 0-1 | 3/0 1: 2 | 3/1 0: 0 | 1' ]
    printf '#!/bin/sh\nexec srun -n20 -O --infer-colocate=2 python3 placed.py\n' >"$CLUSTER_WORK/many.sh"
    chmod 755 "$CLUSTER_WORK/many.sh"
    run user_run salloc -Q -N1 --exclusive ./many.sh
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c ': 0-2,4-6 | 3 | 7' <<<"$output")" = 20 ]
}

@test "R4: a request larger than the step is refused in one sentence that says what would be right" {
    run user_run srun -N1 -n2 -c2 --infer-colocate --infer-db-cpus=4 true
    [ "$status" = 1 ]
    [[ $output == *"--infer-db-cpus=4 leaves no CPU for the tasks: the step has 4 CPUs on this node; ask for at most 3"* ]]
    run user_run srun -N1 -n1 -c2 --infer-colocate --infer-num-devices=1 true
    [ "$status" = 1 ]
    [[ $output == *"--infer-num-devices=1: the step has no GPU on this node"* ]]
}

@test "R4: two jobs on one node have nothing in common" {
    local job
    # shellcheck disable=SC2016  # the tasks' shell expands it
    for job in 1 2; do
        user_background srun -Q -N1 -n2 -c2 -w "${CLUSTER_PREFIX}1" --mem=500 --cpu-bind=none --infer-colocate sh -c \
            'python3 placed.py; touch '"here$job"'; for i in $(seq 200); do [ -e here1 ] && [ -e here2 ] && exit; sleep 0.1; done; exit 1'
        eval "pid$job=$BACKGROUND_PID log$job=$BACKGROUND_LOG"
    done
    # shellcheck disable=SC2154  # set by eval
    wait "$pid1" && wait "$pid2"
    # shellcheck disable=SC2154
    python3 - "$log1" "$log2" <<'PY'
import sys
sys.path.insert(0, "tests/lib")
def cpus(log):
    all = set()
    for line in open(log):
        for text in line.split(": ")[1].split(" [")[0].split(" | "):
            for part in text.strip().split(","):
                a, _, b = part.partition("-")
                all |= set(range(int(a), int(b or a) + 1))
    return all
a, b = cpus(sys.argv[1]), cpus(sys.argv[2])
assert len(a) == len(b) == 4 and not a & b, (a, b)
PY
    rm -f "$CLUSTER_WORK"/here?
}

@test "R12: steps that overlap reserve different CPUs while there are any, and say so" {
    cat >"$CLUSTER_WORK/overlap.sh" <<'SH'
#!/bin/bash
for i in 1 2 3; do
    srun --overlap -n1 -c2 --mem=500 --infer-colocate --infer-db-cpus=1 sh -c "python3 placed.py && touch step$i && for i in \$(seq 200); do [ -e step3 ] && exit; sleep 0.1; done; exit 1" &
    for j in $(seq 200); do [ -e step$i ] && break; sleep 0.1; done
done
wait
rm -f step[123]
SH
    chmod 755 "$CLUSTER_WORK/overlap.sh"
    run user_run salloc -Q -N1 -n1 -c2 ./overlap.sh
    echo "$output"
    [ "${lines[0]}" = "0 0: 0 | 1" ]
    [[ ${lines[1]} == "0 0: 1 | 0 [databases of another step on this node run on CPUs 1: tasks of this step do so as well]" ]]
    [[ ${lines[2]} == "0 0: 0 | 1 [databases of another step on this node have reserved CPUs 1, too: this step has no others] "* ]]
}

@test "R12: job arrays: each has its own" {
    cat >"$CLUSTER_WORK/array.sh" <<'SH'
#!/bin/bash
#SBATCH --array=0-2 -n1 -c2 --mem=500 --infer-colocate --infer-db-cpus=1 -o array_%a.out
srun sh -c 'python3 placed.py; redis-cli -s ${SSDB#unix://} set k $SLURM_ARRAY_TASK_ID; redis-cli -s ${SSDB#unix://} get k; touch here$SLURM_ARRAY_TASK_ID; for i in $(seq 200); do [ -e here0 ] && [ -e here1 ] && [ -e here2 ] && exit; sleep 0.1; done'
SH
    user_run sbatch -W array.sh
    for i in 0 1 2; do [ "$(tail -n 1 "$CLUSTER_WORK/array_$i.out")" = "$i" ]; done
    [ "$(cat "$CLUSTER_WORK"/array_?.out | grep -c '^0 0:.*|')" = 3 ]
    rm -f "$CLUSTER_WORK"/here?
}

@test "R12: a requeued job's steps have directories and records of their own" {
    local job deadline=$((SECONDS + 60))
    rm -rf "$CLUSTER_WORK"/{first,requeue.out,requeued}
    cat >"$CLUSTER_WORK/requeue.sh" <<'SH'
#!/bin/bash
#SBATCH -n1 -c2 --requeue --infer-colocate --infer-db-cpus=1 --infer-outdir=requeued --open-mode=append -o requeue.out
srun sh -c 'echo "$INFER_STATE_DIR" | sed "s/.*-\([0-9.r]*\)-[^-]*\$/\1/"; [ -n "$SLURM_RESTART_COUNT" ] || { touch first; sleep 100; }'
SH
    job=$(user_run sbatch --parsable requeue.sh)
    until user_run test -e first || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.1; done
    user_run scontrol requeue "$job"
    # Slurm holds a requeued job back for two minutes.
    until grep -q "^$job.0.r1$" "$CLUSTER_WORK/requeue.out" || [ "$SECONDS" -ge "$deadline" ]; do
        scontrol update JobId="$job" StartTime=now 2>/dev/null || true
        sleep 0.2
    done
    wait_idle
    cat "$CLUSTER_WORK/requeue.out"
    grep -qx "$job.0" "$CLUSTER_WORK/requeue.out"
    [ "$(jq '.restart' "$CLUSTER_WORK/requeued/$job.0.r1/step.json")" = 1 ]
    [ -d "$CLUSTER_WORK/requeued/$job.0" ]
}

@test "R12: several programs in one step, MPI start-up by PMI2" {
    # shellcheck disable=SC2016  # the task's shell expands it
    printf 'redis-cli -s "${SSDB#unix://}" ping\n' >"$CLUSTER_WORK/ping.sh"
    printf '0 python3 placed.py\n1 sh ping.sh\n' >"$CLUSTER_WORK/multi.conf"
    run user_run srun -N1 -n2 -c2 --infer-colocate --infer-db-cpus=1 --multi-prog multi.conf
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *PONG* && $output == *"0 0: 0-1 | 3"* ]]
    run user_run srun -N2 -n4 -c2 --mpi=pmi2 --infer-colocate --infer-db-cpus=1 python3 pmi2.py
    echo "$output"
    [ "$status" = 0 ]
    [ "$(sort <<<"$output" | paste -sd' ')" = '0 word1 1 word2 2 word3 3 word0' ]
}

@test "R12: salloc, then srun --pty at a terminal" {
    # shellcheck disable=SC2154  # set by lib/cluster
    run timeout 60 script -qec "'$cluster' run --dir '$CLUSTER_DIR' --stdin -- salloc -Q -N1 -n1 -c2 srun --pty --infer-colocate --infer-db-cpus=1 sh -c 'tty; python3 placed.py'" /dev/null </dev/null
    echo "$output"
    [[ $output == *"/dev/pts/"*"0 0: 0 | 1"* ]]
}

@test "R12: components of one srun share the options; of a heterogeneous job each srun has its own" {
    run user_run srun -Q -N1 -n1 -c2 --infer-colocate --infer-db-cpus=1 python3 placed.py : -N1 -n1 -c4 python3 placed.py
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"0 0: 0 | 1"* && $output == *": 0-2 | 3"* ]]
    run user_run srun -N1 -n1 -c2 --infer-colocate --infer-db-cpus=1 true : -N1 -n1 -c4 --infer-db-cpus=2 true
    [ "$status" != 0 ]
    [[ ${lines[0]} == "infer: --infer-db-cpus is given twice, as '1' and as '2'" ]]
    cat >"$CLUSTER_WORK/het.sh" <<'SH'
#!/bin/sh
export INFER_ATTACH_DIR=$PWD/attach
srun --het-group=0 -n1 -c2 inferstep db standard --net-ifname=lo >database.log 2>&1 &
inferstep db address "$SLURM_JOB_ID.0" --wait=60 >/dev/null || { cat database.log; exit 1; }
srun --het-group=1 -n1 --infer-attach="$SLURM_JOB_ID.0" sh -c 'echo "attached to $SSDB on $SLURM_NODEID"'
code=$?
scancel -s TERM "$SLURM_JOB_ID.0"
wait
exit $code
SH
    chmod 755 "$CLUSTER_WORK/het.sh"
    run user_run salloc -Q -N1 -n1 -c2 : -N1 -n1 -c2 ./het.sh
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"attached to 127.0.0.1:"* ]]
}

@test "R12: 128 tasks on one node, the first of them later than the others would wait for databases" {
    # Slurm starts hundreds of tasks in any order and takes its time for them.
    cc -xc -shared -fPIC -o "$CLUSTER_DIR/lib/late.so" - <<'C'
#include <slurm/spank.h>
#include <unistd.h>
SPANK_PLUGIN(late, 1)
int slurm_spank_task_init(spank_t spank, int count, char** words) {
    int id = -1;
    (void)count, (void)words;
    return spank_get_item(spank, S_TASK_ID, &id) == ESPANK_SUCCESS && id == 0 ? (int)sleep(9) : 0;
}
C
    sed -i "1i required $CLUSTER_DIR/lib/late.so" "$CLUSTER_DIR/etc/plugstack.conf"
    # shellcheck disable=SC2016  # the tasks' shell expands it
    run user_run salloc -Q -N1 --exclusive \
        srun -n128 -O --infer-colocate --infer-db-cpus=1 --infer-timeout=1 sh -c 'echo "$INFER_INSTANCE"'
    plugstack_restore
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -cx 0 <<<"$output")" = 128 ]
}

@test "R12: 512 tasks on one node, and one" {
    placed '0 | 1' -n1 -c2
    # Slurm itself needs a minute for 512 tasks on a small machine, with databases or without: the page, the masks and
    # the waiting are the same here.
    # shellcheck disable=SC2016  # the task's shell expands it
    run user_run inferstep run --tasks=512 --colocate --db-cpus=1 --device=cpu sh -c 'echo "$INFER_INSTANCE"'
    [ "$status" = 0 ]
    [ "$(grep -cx 0 <<<"$output")" = 512 ]
}
