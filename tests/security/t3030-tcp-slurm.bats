#!/usr/bin/env bats
# TCP of co-located databases in a real step of several nodes. The throwaway nodes share one address, so that their
# databases cannot have the same port.

# shellcheck disable=SC2016 # the tasks' shells expand what is quoted
load ../lib/cluster

setup_file() { cluster_start --nodes 4; }
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    rm -rf "$CLUSTER_WORK/attach"
    ATTACH=INFER_ATTACH_DIR=$CLUSTER_WORK/attach
}
teardown() {
    [ -z "${BACKGROUND_PID-}" ] || { touch "$CLUSTER_WORK/over"; wait "$BACKGROUND_PID"; } || true
    rm -f "$CLUSTER_WORK"/{over,ready.*}
    assert_clean 10
}

@test "S6: srun --infer-db-port: a secret of the step that srun, its arguments and its environment do not know" {
    user_background srun -N1 -n1 -c4 --infer-colocate --infer-db-port=0 --infer-outdir=records sh -c '
        [ "$(stat -c %a "$INFER_DB_SECRET_FILE")" = 600 ] || exit
        cp "$INFER_DB_SECRET_FILE" copy; echo "$INFER_DB_TCP $SSDB" >ready.0; until [ -e over ]; do sleep 0.05; done'
    wait_for_ready 1
    read -r tcp ssdb <"$CLUSTER_WORK/ready.0"
    [[ $tcp == 127.0.0.1:* && $ssdb == unix://* ]]
    secret=$(cat "$CLUSTER_WORK/copy")
    [[ $secret =~ ^[0-9a-f]{64}$ ]]
    [[ $(redis-cli -p "${tcp##*:}" ping) == NOAUTH* ]]
    [ "$(REDISCLI_AUTH=$secret redis-cli -p "${tcp##*:}" ping)" = PONG ]
    # Root looks everywhere: at every process of the machine, and at what Slurm remembers. The secret stands in a file for
    # grep, whose own arguments are among those that are looked at.
    ! cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -vx "REDISCLI_AUTH=.*" |
        grep -qFf "$CLUSTER_WORK/copy" || false
    ! scontrol show step | grep -qFf "$CLUSTER_WORK/copy" || false
    touch "$CLUSTER_WORK/over"
    wait "$BACKGROUND_PID"
    BACKGROUND_PID=''
    ! grep -rqF "$secret" "$CLUSTER_WORK/records" "$BACKGROUND_LOG" "$CLUSTER_DIR/log" || false
    user_run rm -r records copy
}
wait_for_ready() { # so many tasks have told what they found
    local deadline=$((SECONDS + 60))
    until [ "$(ls "$CLUSTER_WORK"/ready.* 2>/dev/null | wc -l)" = "$1" ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$BACKGROUND_PID"; then cat "$BACKGROUND_LOG"; return 1; fi
        sleep 0.1
    done
}

@test "on an interface all nodes have one secret, not that of the next step, and other steps attach by node" {
    name=$(ip -o -4 addr | awk '$2 != "lo" { print $2; exit }')
    [ -n "$name" ] || skip "this machine has only the loopback"
    user_background "$ATTACH" srun -N2 -n2 -c4 --infer-colocate --infer-db-port=0 --infer-net-ifname="$name" sh -c '
        redis-cli -s ${SSDB#unix://} set node $SLURMD_NODENAME >/dev/null
        echo "$INFER_DB_TCP $(cat "$INFER_DB_SECRET_FILE")" >part.$SLURM_PROCID; mv part.$SLURM_PROCID ready.$SLURM_PROCID
        until [ -e over ]; do sleep 0.05; done'
    wait_for_ready 2
    read -r first secret <"$CLUSTER_WORK/ready.0"
    read -r second other <"$CLUSTER_WORK/ready.1"
    [ "$first" != "$second" ]
    [ "$secret" = "$other" ]
    step=$(squeue --noheader --steps -o %i | grep -vE 'batch|extern' | head -n 1)
    # A task of the first node at the database of the second, and a step that knows only the number.
    [ "$(REDISCLI_AUTH=$secret redis-cli -h "${second%:*}" -p "${second##*:}" get node)" = "${CLUSTER_PREFIX}2" ]
    run user_run "$ATTACH" srun -N1 -n1 -c1 --infer-attach="$step.${CLUSTER_PREFIX}2.db0" sh -c '
        echo "$SSDB $SR_DB_TYPE"; REDISCLI_AUTH=$(cat $INFER_DB_SECRET_FILE) redis-cli -h ${SSDB%:*} -p ${SSDB##*:} get node'
    echo "$output"
    [ "$output" = "$second Standalone
${CLUSTER_PREFIX}2" ]
    touch "$CLUSTER_WORK/over"
    wait "$BACKGROUND_PID"
    BACKGROUND_PID=''
    # What stays is the user's key, for all steps to come; the next step's secret is another one.
    [ "$(user_run ls -A attach)" = key ]
    [ "$(stat -c %a "$CLUSTER_WORK/attach/key")" = 600 ]
    ! grep -q "$secret" "$CLUSTER_WORK/attach/key" || false
    rm "$CLUSTER_WORK/over"
    run user_run "$ATTACH" srun -N2 -n2 -c4 --infer-colocate --infer-db-port=0 --infer-net-ifname="$name" sh -c 'cat "$INFER_DB_SECRET_FILE"; echo'
    [ "${lines[0]}" = "${lines[1]}" ]
    [ "${lines[0]}" != "$secret" ]
    user_run rm -r attach
}

@test "R12: databases beside the tasks of one component of a heterogeneous job serve a component that has none" {
    name=$(ip -o -4 addr | awk '$2 != "lo" { print $2; exit }')
    [ -n "$name" ] || skip "this machine has only the loopback"
    cat >"$CLUSTER_WORK/het.sh" <<SH
#!/bin/sh
srun --het-group=0 -n1 -c2 --infer-colocate --infer-db-cpus=1 --infer-db-port=0 --infer-net-ifname=$name sh -c '
    redis-cli -s \${SSDB#unix://} set who "the databases of \$SLURMD_NODENAME" >part
    echo "\$SLURM_JOB_ID.\$SLURM_STEP_ID.\$SLURMD_NODENAME.db0" >part; mv part where; until [ -e over ]; do sleep 0.05; done' &
for i in \$(seq 600); do [ -e where ] && break; sleep 0.1; done
srun --het-group=1 -n1 --infer-attach="\$(cat where)" sh -c '
    REDISCLI_AUTH=\$(cat \$INFER_DB_SECRET_FILE) redis-cli -h \${SSDB%:*} -p \${SSDB##*:} get who; echo "for \$SLURMD_NODENAME"'
touch over
wait
SH
    chmod 755 "$CLUSTER_WORK/het.sh"
    rm -f "$CLUSTER_WORK"/{where,over}
    run user_run "$ATTACH" salloc -Q -N1 -n1 -c2 : -N1 -n1 -c2 ./het.sh
    rm -f "$CLUSTER_WORK"/{where,over}
    echo "$output"
    [ "$status" = 0 ]
    server=$(sed -n 's/^the databases of //p' <<<"$output")
    client=$(sed -n 's/^for //p' <<<"$output")
    [ -n "$server" ] && [ -n "$client" ] && [ "$server" != "$client" ]
}

@test "two nodes that are one machine cannot share a port: one sentence names it and its holder" {
    run user_run srun -N2 -n2 -c4 --infer-colocate --infer-db-port=27871 sleep 2 # with -K srun may end before it has said all
    echo "$output"
    [ "$status" != 0 ]
    [[ $output == *"port 27871 of 127.0.0.1 is taken by "* ]]
}

@test "R13: what cannot work is refused in srun, before anything is allocated" {
    before=$(next_job_id)
    while IFS='|' read -r words options; do
        # shellcheck disable=SC2086
        run user_run srun -n1 $options true
        echo "$output"
        [ "$status" != 0 ]
        [[ $output == *"$words"* ]]
    done <<'TABLE'
leaves too few ports for --infer-colocate=2|--infer-colocate=2 --infer-db-port=65535
wants the name of an interface|--infer-colocate --infer-net-ifname=../x
wants one of secret|--infer-colocate --infer-tcp-auth=no
TABLE
    [ "$(next_job_id)" = "$before" ]
}
