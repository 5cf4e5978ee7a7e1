#!/usr/bin/env bats
# The main job on a real cluster: srun --infer-colocate, what the tasks get, what is recorded, what is left.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    user_run inferstep model resnet18 -o model.pt --seed 1
}
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# Every task's view of the step: node, rank, CPUs, database, and whether the database answers.
probe='echo "$SLURMD_NODENAME $SLURM_PROCID $(taskset -cp $$ | sed "s/.*: //") $INFER_INSTANCE $(redis-cli -s "${SSDB#unix://}" ping)"'

for_each_shape() { # instances × nodes, as the columns of the issue: both 1 and 2 databases on 1, 2 and 4 nodes
    local n nodes
    for n in 1 2; do for nodes in 1 2 4; do "$1" $n $nodes || return 1; done; done
}

one_shape() { # N nodes: every task answered, N databases per node, the right number of lines
    local n=$1 nodes=$2 out
    out=$(user_run srun -N"$nodes" --ntasks-per-node=2 -c3 --infer-colocate="$n" --infer-db-cpus="$n" sh -c "$probe") || return 1
    [ "$(grep -c PONG <<<"$out")" = $((2 * nodes)) ] || { echo "N=$n nodes=$nodes: $out"; return 1; }
    [ "$(awk '{print $1, $(NF-1)}' <<<"$out" | sort -u | wc -l)" = $((n * nodes)) ] || { echo "N=$n nodes=$nodes: $out"; return 1; }
    assert_clean
}

@test "1 and 2 databases on 1, 2 and 4 nodes: every task reaches its own" {
    for_each_shape one_shape
}

@test "the tasks lose the reserved CPUs, the database runs on them" {
    run user_run srun -N1 -n2 -c4 --infer-colocate=1 --infer-db-cpus=2 sh -c \
        'taskset -cp $$ | sed "s/.*: //"; pid=$(redis-cli -s "${SSDB#unix://}" info server | sed -n "s/^process_id:\([0-9]*\).*/db /p"); [ "$SLURM_LOCALID" != 0 ] || taskset -cp $(redis-cli -s "${SSDB#unix://}" info server | tr -d "\r" | sed -n "s/^process_id://p") | sed "s/.*: /db /"'
    [ "$status" = 0 ]
    db=$(sed -n 's/^db //p' <<<"$output" | tail -n 1)
    [ -n "$db" ]
    # no CPU of the database in any task's list
    python3 - "$output" "$db" <<'PY'
import sys
def cpus(text):
    out = set()
    for part in text.split(","):
        a, _, b = part.partition("-")
        out |= set(range(int(a), int(b or a) + 1))
    return out
lines, db = sys.argv[1].splitlines(), cpus(sys.argv[2])
tasks = [cpus(l) for l in lines if l and l[0].isdigit()]
assert len(tasks) == 2 and len(db) == 2, (tasks, db)
assert all(not (t & db) and t for t in tasks), (tasks, db)
PY
}

@test "inferstep client: nothing wrong, all records, a summary" {
    run user_run srun -N2 --ntasks-per-node=2 -c2 --infer-colocate=1 --infer-db-cpus=2 --infer-model=resnet18:model.pt \
        --infer-outdir=outputs inferstep client --iterations 3 --model model.pt --model-name resnet18
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *p99* ]]
    dir=$(user_run sh -c 'ls -dt outputs/*/ | head -n 1')
    for r in 0 1 2 3; do
        user_run test -s "$dir/rank_$r.log"
        user_run test -s "$dir/rank_$r.csv"
    done
    user_run test -s "$dir/step.json"
    [ "$(user_run sh -c "ls $dir | grep -c '^db_.*_0.log'")" = 2 ]
    user_run sh -c "cat $dir/sacct_*.txt" | grep -q COMPLETED
    [ "$(user_run jq '.nodes | length' "$dir/step.json")" = 2 ]
}

@test "the outputs of another model are counted as wrong, and the step fails" {
    user_run inferstep model resnet18 -o other.pt --seed 2
    run user_run srun -N1 -n1 -c4 --infer-colocate=1 --infer-db-cpus=2 --infer-model=resnet18:model.pt \
        inferstep client --iterations 3 --model model.pt --model-name resnet18 --reference other.pt
    echo "$output"
    [ "$status" != 0 ]
    [[ $output == *wrong* ]]
}

@test "a task that comes late meets the same database" {
    rm -f "$CLUSTER_WORK"/{set,got}
    run user_run srun -N1 -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c \
        'redis() { redis-cli -s "${SSDB#unix://}" "$@"; }; if [ "$SLURM_PROCID" = 0 ]; then redis set k early; touch set; until [ -e got ]; do sleep 0.05; done
         else until [ -e set ]; do sleep 0.05; done; redis get k; touch got; fi'
    [ "$status" = 0 ]
    [[ $output == *early* ]]
}

@test "task 0 ends long before the others: their database lives on" {
    rm -f "$CLUSTER_WORK/first"
    run user_run srun -N1 -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c \
        'if [ "$SLURM_PROCID" = 0 ]; then echo $$ >first.new; mv first.new first; exit; fi
         until [ -e first ] && [ ! -e "/proc/$(cat first)" ]; do sleep 0.05; done; sleep 1; redis-cli -s "${SSDB#unix://}" ping'
    [ "$status" = 0 ]
    [[ $output == *PONG* ]]
}

@test "a client that waits for all its children sees none of ours" {
    run user_run srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 python3 -c '
import os
try:
    os.waitpid(-1, 0)
    print("a child that was not mine")
except ChildProcessError:
    print("no child")'
    [ "$status" = 0 ]
    [ "$output" = "no child" ]
}

@test "two co-located steps on one node at once have each their own database" {
    cat >"$CLUSTER_WORK/two.sh" <<'SH'
#!/bin/bash
for i in 1 2; do
    srun --exact -n1 -c3 --mem=500 --infer-colocate=1 --infer-db-cpus=1 sh -c "redis-cli -s \${SSDB#unix://} set k $i; touch set$i; until [ -e set1 ] && [ -e set2 ]; do sleep 0.05; done; redis-cli -s \${SSDB#unix://} get k" &
done
wait
SH
    chmod 755 "$CLUSTER_WORK/two.sh"
    rm -f "$CLUSTER_WORK"/set[12]
    run user_run salloc -N1 -n2 -c3 --mem=2000 ./two.sh
    echo "$output"
    [ "$(grep -cx 1 <<<"$output")" = 1 ]
    [ "$(grep -cx 2 <<<"$output")" = 1 ]
}

@test "#SBATCH, environment twin and command line: the last word wins" {
    cat >"$CLUSTER_WORK/job.sh" <<'SH'
#!/bin/bash
#SBATCH -N1 -n1 -c4 --infer-colocate=2 --infer-db-cpus=2
srun -n1 -c4 sh -c 'ls $INFER_STATE_DIR/db*.sock | wc -l'
srun -n1 -c4 --infer-colocate=1 sh -c 'ls $INFER_STATE_DIR/db*.sock | wc -l'
SH
    chmod 755 "$CLUSTER_WORK/job.sh"
    user_run sbatch -W -o job.out job.sh
    run user_run cat job.out
    [ "${lines[0]}" = 2 ]
    [ "${lines[1]}" = 1 ]
    run user_run env INFER_COLOCATE=2 INFER_DB_CPUS=2 srun -n1 -c4 sh -c 'ls $INFER_STATE_DIR/db*.sock | wc -l'
    [ "$output" = 2 ]
}

@test "the memory of the database stands in the step's accounting" {
    run user_run srun -N1 -n1 -c2 --mem=1500 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=acct sh -c \
        'head -c 300000000 /dev/zero | redis-cli -s "${SSDB#unix://}" -x set k; sleep 3; echo "$SLURM_JOB_ID"'
    echo "$output"
    [ "$status" = 0 ]
    job=$(tail -n 1 <<<"$output")
    rss=$(sacct_field "$job.0" MaxRSS)
    [ "${rss%K}" -gt 300000 ]
    [ "$(user_run jq '.accounting.databases_counted' acct/"$job".0/step.json)" = true ]
}

@test "without the option: no variable, no process, nothing printed" {
    run user_run srun -N1 -n1 sh -c 'env | grep -E "^(SSDB|INFER_|SR_)"; ls -d /dev/shm/inferstep-* 2>/dev/null; ps -u $(id -u) -o pid=,ppid=,args= | grep -E "[r]edis-server|[i]nferstep "; true'
    echo "$output"
    [ "$status" = 0 ]
    [ -z "$output" ]
}
