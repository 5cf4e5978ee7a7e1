#!/usr/bin/env bats
# inferstep db standard: one database over the nodes of a step of its own. The throwaway nodes share one address, so that
# the search for free ports is part of every test.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -n "${CLUSTER_MISSING-}" ] || {
        python3 "$BATS_TEST_DIRNAME/../lib/torchscript.py" "$CLUSTER_WORK/double.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
        cp "$BATS_TEST_DIRNAME"/../lib/{resp,cluster_client}.py "$CLUSTER_WORK"
        printf 'def triple(x):\n    return x * 3\n' >"$CLUSTER_WORK/triple.py"
        chmod a+r "$CLUSTER_WORK"/{double.pt,resp.py,cluster_client.py,triple.py}
    }
}
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    rm -rf "$CLUSTER_WORK/attach"
}
teardown() {
    [ -z "${BACKGROUND_PID-}" ] || { kill "$BACKGROUND_PID" 2>/dev/null && expect_end; } || true
    assert_clean
    [ -z "$(user_run ls -A attach 2>/dev/null)" ] # neither address nor meeting
}

standard() { # nodes, options of db standard…: returns when it is ready. Sets STEP
    local nodes=$1
    shift
    user_background INFER_ATTACH_DIR="$CLUSTER_WORK/attach" srun -N"$nodes" -c2 inferstep db standard --net-ifname=lo "$@"
    wait_for_log '^ready '
    STEP=$(awk '/^ready / { print $2 }' "$BACKGROUND_LOG")
}
wait_for_log() {
    for _ in $(seq 300); do
        ! grep -qE "$1" "$BACKGROUND_LOG" || return 0
        kill -0 "$BACKGROUND_PID" 2>/dev/null || break
        sleep 0.1
    done
    grep -E "$1" "$BACKGROUND_LOG" || { cat "$BACKGROUND_LOG"; return 1; }
}
expect_end() { # its srun ends within 20 s
    for _ in $(seq 200); do kill -0 "$BACKGROUND_PID" 2>/dev/null || return 0; sleep 0.1; done
    cat "$BACKGROUND_LOG"
    return 1
}
exit_code() { expect_end && { wait "$BACKGROUND_PID"; echo $?; } }
# A command that finds the database in its environment.
attached() { user_run INFER_ATTACH_DIR="$CLUSTER_WORK/attach" sh -c 'variables=$(inferstep db address '"$STEP"') || exit; eval "$variables"; exec "$@"' - "$@"; }
redis_pids() { pgrep -u "$CLUSTER_USER" -x redis-server --runstates RSDT; }

@test "three shards on three nodes: all slots, model and script on every shard, every key found" {
    standard 3 --model=double:double.pt --script=more:triple.py
    grep -qE '^ready [0-9]+\.0 Clustered 127\.0\.0\.1:[0-9]+,127\.0\.0\.1:[0-9]+,127\.0\.0\.1:[0-9]+$' "$BACKGROUND_LOG"
    [ "$(redis_pids | wc -l)" = 3 ]
    run attached python3 cluster_client.py more
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "3 shards, 16384 slots, 64 keys, 3 inferences" ]
    kill -TERM "$BACKGROUND_PID"
    expect_end
}

@test "one node is a plain server, two are a cluster" {
    standard 1
    [[ $(attached sh -c 'echo $SR_DB_TYPE') == Standalone ]]
    [ "$(attached sh -c 'REDISCLI_AUTH=$(cat "$INFER_DB_SECRET_FILE") redis-cli -p ${SSDB##*:} set a b')" = OK ]
    kill -TERM "$BACKGROUND_PID"
    expect_end
    standard 2 --shards=2
    [[ $(attached sh -c 'echo $SR_DB_TYPE') == Clustered ]]
    [ "$(redis_pids | wc -l)" = 4 ]
    [ "$(attached sh -c 'port=${SSDB%%,*}; REDISCLI_AUTH=$(cat "$INFER_DB_SECRET_FILE") redis-cli -c -p ${port##*:} set a b')" = OK ]
}

@test "the address file is the user's alone; without its secret nobody gets in" {
    standard 2 --outdir=records
    [ "$(user_run stat -c %a attach/"$STEP"/address attach/"$STEP" records/"$STEP"/address)" = "600
700
600" ]
    [[ $(attached sh -c 'redis-cli -p ${SSDB##*:} get a') == NOAUTH* ]]
    [[ $(attached sh -c 'REDISCLI_AUTH=wrong redis-cli -p ${SSDB##*:} get a' 2>&1) == *WRONGPASS* ]]
    ! pgrep -u "$CLUSTER_USER" -a . | grep -F "$(attached sh -c 'cat "$INFER_DB_SECRET_FILE"')" || false
    for word in 'module list' 'eval x 0' 'cluster meet 127.0.0.1 1' 'cluster failover' 'acl list' 'shutdown' 'replicaof no one'; do
        [[ $(attached sh -c "REDISCLI_AUTH=\$(cat \$INFER_DB_SECRET_FILE) redis-cli -p \${SSDB##*:} $word") == NOPERM* ]]
    done
    user_run scancel "${STEP%.*}"
    expect_end
    [ ! -e "$CLUSTER_WORK/records/$STEP/address" ]
    [ "$(user_run jq -r '.state' "records/$STEP/step_${CLUSTER_PREFIX}1.json" "records/$STEP/step_${CLUSTER_PREFIX}2.json")" = "ended
ended" ]
}

@test "--tcp-auth=none lets everybody in, and says what that means" {
    standard 1 --tcp-auth=none
    wait_for_log 'tcp-auth=none: whoever can connect'
    [ "$(attached sh -c 'redis-cli -p ${SSDB##*:} set a b')" = OK ]
}

@test "an admin can forbid --tcp-auth=none" {
    conf=$CLUSTER_STAGE/etc/inferstep/db.conf
    cp "$conf" "$BATS_TEST_TMPDIR/db.conf"
    echo tcp_auth=required >>"$conf"
    run user_run "INFER_ATTACH_DIR=$CLUSTER_WORK/attach" srun -N1 inferstep db standard --net-ifname=lo --tcp-auth=none
    cp "$BATS_TEST_TMPDIR/db.conf" "$conf"
    echo "$output"
    [ "$status" = 2 ]
    [[ $output == *"error: --tcp-auth=none: this site's $conf says tcp_auth=required"* ]]
}

@test "a shard that dies ends the step, with its name and node" {
    standard 3
    redis_pids | tail -n 1 | xargs kill -9
    [ "$(exit_code)" != 0 ]
    grep -qE 'error: shard [012] \(127\.0\.0\.1:[0-9]+\) of node '"$CLUSTER_PREFIX"'[123] ended early: signal 9' "$BACKGROUND_LOG"
}

@test "a step that is killed as a whole leaves nothing" {
    standard 2
    user_run scancel -s KILL "$STEP"
    expect_end
}

@test "a shard that hangs is missed by the others, who name it" {
    standard 2
    hung=$(redis_pids | tail -n 1)
    kill -STOP "$hung"
    [ "$(exit_code)" != 0 ]
    grep -qE 'error: the database has lost shard [01] \(127\.0\.0\.1:[0-9]+\) of node '"$CLUSTER_PREFIX"'[12]$' "$BACKGROUND_LOG"
}

@test "scancel of the job ends it in good order" {
    standard 3 --outdir=records
    user_run scancel "${STEP%.*}"
    expect_end
    [ "$(user_run jq -r '.state' "records/$STEP/step_${CLUSTER_PREFIX}3.json")" = ended ]
}

@test "a model that cannot be loaded on one node ends all of them at once" {
    echo no model >"$CLUSTER_WORK/bad.pt"
    chmod a+r "$CLUSTER_WORK/bad.pt"
    user_background INFER_ATTACH_DIR="$CLUSTER_WORK/attach" srun -N3 -c2 sh -c \
        'model=double.pt; [ "$SLURM_PROCID" != 2 ] || model=bad.pt; exec inferstep db standard --net-ifname=lo --timeout=600 --model=double:$model'
    [ "$(exit_code)" != 0 ]
    grep -q 'bad.pt was not loaded' "$BACKGROUND_LOG"
}

@test "two tasks on a node are refused, and so is an interface that there is not" {
    run user_run INFER_ATTACH_DIR="$CLUSTER_WORK/attach" srun -N1 -n2 inferstep db standard --net-ifname=lo
    [ "$status" != 0 ]
    [[ $output == *"--shards=N"* ]]
    run user_run INFER_ATTACH_DIR="$CLUSTER_WORK/attach" srun -N1 inferstep db standard --net-ifname=nope0
    [ "$status" != 0 ]
    [[ $output == *"there is no interface 'nope0' with an IPv4 address; there is: "*"lo (127.0.0.1)"* ]]
}
