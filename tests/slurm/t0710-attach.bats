#!/usr/bin/env bats
# Using a standard database from another step: --infer-attach, and the three ways to place the database.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -n "${CLUSTER_MISSING-}" ] || {
        cp "$BATS_TEST_DIRNAME"/../lib/{resp,cluster_client}.py "$CLUSTER_WORK"
        python3 "$BATS_TEST_DIRNAME/../lib/torchscript.py" "$CLUSTER_WORK/double.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
        chmod a+r "$CLUSTER_WORK"/{double.pt,resp.py,cluster_client.py}
    }
}
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    rm -rf "$CLUSTER_WORK/attach"
    # Of another shared directory than the home, which the throwaway user has not.
    SHARED=INFER_ATTACH_DIR=$CLUSTER_WORK/attach
}
teardown() {
    cancel_all_jobs
    assert_clean 10
    [ -z "$(user_run ls -A attach 2>/dev/null)" ]
}

database() { # options of db submit…: a database in a job of its own, ready. Sets STEP
    STEP=$(user_run "$SHARED" inferstep db submit --ready=60 --net-ifname=lo "$@" -o database.log) || { cat "$CLUSTER_WORK/database.log"; return 1; }
}
show='echo "$SSDB $SR_DB_TYPE ${SR_SOCKET_TIMEOUT-} $(cat "${INFER_DB_SECRET_FILE:-/dev/null}" | wc -c)"'

@test "a batch job of its own: the tasks of another step find it" {
    database --model=double:double.pt -- -N3 -c2
    [[ $STEP =~ ^[0-9]+\.0$ ]]
    run user_run "$SHARED" srun -n2 --infer-attach="$STEP" sh -c "$show"
    echo "$output"
    [ "$status" = 0 ]
    for line in "${lines[@]}"; do [[ $line =~ ^127\.0\.0\.1:[0-9]+,127\.0\.0\.1:[0-9]+,127\.0\.0\.1:[0-9]+\ Clustered\ 600000\ 64$ ]]; done
    run user_run "$SHARED" srun -n1 --infer-attach="$STEP" python3 cluster_client.py
    [ "$output" = "3 shards, 16384 slots, 64 keys, 3 inferences" ]
    printf '#!/bin/sh\nsrun -n1 sh -c '"'%s'"'\n' "$show" >"$CLUSTER_WORK/uses.sh"
    user_run "$SHARED" sbatch -W --infer-attach="$STEP" -n1 -o uses.log uses.sh
    [[ $(user_run cat uses.log) == *" Clustered 600000 64" ]]
    # The environment works as well, and so does a step that Slurm knows nothing of.
    [[ $(user_run "$SHARED" INFER_ATTACH="$STEP" srun -n1 sh -c "$show") == *" Clustered 600000 64" ]]
    [[ $(user_run "$SHARED" inferstep run --attach="$STEP" sh -c "$show") == *" Clustered 600000 64" ]]
    user_run scancel "${STEP%.*}"
}

@test "the same allocation: the database and its clients are two steps of it" {
    cat >"$CLUSTER_WORK/both.sh" <<'SH'
#!/bin/sh
srun -N3 --ntasks-per-node=1 -c2 --exact --mem=1000 inferstep db standard --net-ifname=lo --model=double:double.pt >database.log 2>&1 &
inferstep db address "$SLURM_JOB_ID.0" --wait=60 >/dev/null || { cat database.log; exit 1; }
srun -N1 -n1 -c1 --exact --mem=500 --infer-attach="$SLURM_JOB_ID.0" python3 cluster_client.py
code=$?
scancel -s TERM "$SLURM_JOB_ID.0"
wait
exit $code
SH
    chmod 755 "$CLUSTER_WORK/both.sh"
    run user_run "$SHARED" salloc -N3 --ntasks-per-node=1 -c4 --mem=2000 ./both.sh
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"3 shards, 16384 slots, 64 keys, 3 inferences"* ]]
}

@test "our own client, over three shards: nothing is wrong" {
    user_run inferstep model resnet18 -o net.pt --seed 1
    database --model=net:net.pt -- -N3 -c2
    run user_run "$SHARED" srun -N1 -n2 -c2 --infer-attach="$STEP" inferstep client --iterations 3 --model net.pt --model-name net
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"#wrong        0 of 6"* ]]
    user_run rm -r outputs # its records, which another file of tests could take for its own
    user_run scancel "${STEP%.*}"
}

@test "given hosts: -w places the shards" {
    database -- -w "${CLUSTER_PREFIX}2,${CLUSTER_PREFIX}4" -N2 -c2
    [ "$(squeue --noheader -o %N)" = "${CLUSTER_PREFIX}[2,4]" ]
    user_run scancel "${STEP%.*}"
}

@test "addresses instead of a step; what the user says of their type stays" {
    database -- -N1 -c2
    address=$(user_run "$SHARED" inferstep db address "$STEP" | sed -n "s/^export SSDB='\(.*\)'/\1/p")
    [ "$(user_run srun -n1 --infer-attach="$address" sh -c "$show")" = "$address Standalone 600000 0" ]
    # INFER_OUTDIR is our client's as well: the step has no database to record.
    [ "$(user_run INFER_OUTDIR=records srun -n1 --infer-attach="$address" sh -c "$show")" = "$address Standalone 600000 0" ]
    [ "$(user_run SR_DB_TYPE=Clustered SR_SOCKET_TIMEOUT=5 srun -n1 --infer-attach="$address" sh -c "$show")" = "$address Clustered 5 0" ]
    user_run scancel "${STEP%.*}"
}

@test "no such step, one that has ended, a file that others can read: one sentence, and no task runs" {
    for word in 4711.0 local.1; do
        run user_run "$SHARED" srun -n2 --infer-attach="$word" touch ran
        echo "$output"
        [ "$status" = 1 ]
        [ "$(grep -c "infer: there is no database $word to attach to" <<<"$output")" = 1 ]
    done
    user_run mkdir -p attach/1.0
    user_run sh -c 'printf "SSDB=127.0.0.1:1\nSR_DB_TYPE=Standalone\n" >attach/1.0/address; chmod 644 attach/1.0/address'
    run user_run "$SHARED" srun -n1 --infer-attach=1.0 touch ran
    [ "$status" = 1 ]
    [[ $output == *"it must be a file of yours that nobody else can read"* ]]
    user_run chmod 600 attach/1.0/address
    run user_run "$SHARED" srun -n1 --infer-attach=1.0 touch ran
    [ "$status" = 1 ]
    [[ $output == *"the database at 127.0.0.1:1 does not answer: Connection refused"* ]]
    user_run rm -r attach/1.0
    [ ! -e "$CLUSTER_WORK/ran" ]
}

@test "what makes no sense is refused before anything is allocated" {
    before=$(next_job_id)
    for options in "--infer-attach=1.0 --infer-colocate" "--infer-attach=../../etc" "--infer-attach=nonsense" "--infer-attach=1.0 --infer-db-cpus=2"; do
        # shellcheck disable=SC2086
        run user_run "$SHARED" srun -n1 $options true
        echo "$output"
        [ "$status" != 0 ]
    done
    [ "$(next_job_id)" = "$before" ]
    run user_run inferstep run --attach=1.0 --colocate true
    [ "$status" = 2 ]
    [[ $output == *"give one of them"* ]]
}
