#!/usr/bin/env bats
# Who the processes of a step are, what they were given and what they know: supervisor, database, and the sweep that
# slurmstepd starts. One step with a hostile environment is looked at while it runs and killed as a whole; the admin's
# program is a script that writes down what it was given and becomes the real one.

load ../lib/cluster

setup_file() {
    cluster_start
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    export SEEN=$CLUSTER_WORK/seen CLEANED=no
    user_run mkdir -p seen evil
    stand_in
    plugstack_with "inferstep=$CLUSTER_STAGE/stand-in"
    hostile_step
    plugstack_restore
}
teardown_file() {
    [ -n "${CLUSTER_MISSING-}" ] || plugstack_restore # the setup may have failed
    [ -n "${CLUSTER_MISSING-}" ] || rm -rf "$CLUSTER_WORK/seen" "$CLUSTER_WORK/evil" "$CLUSTER_STAGE/stand-in"
    cluster_stop
}
setup() { cluster_require; }

# It forks nothing, because the sweep cannot.
stand_in() {
    cat >"$CLUSTER_STAGE/stand-in" <<SH
#!/bin/bash
seen=$SEEN/\$2
note() { mapfile -t lines <"/proc/\$\$/\$1"; printf '%s\n' "\${lines[@]}" >"\$seen.\$1"; }
for file in status limits oom_score_adj; do note "\$file"; done
mapfile -d '' words <"/proc/\$\$/environ"; printf '%s\n' "\${words[@]}" >"\$seen.environ"
mapfile -d '' words <"/proc/\$\$/cmdline"; printf '%s\n' "\${words[@]}" >"\$seen.cmdline"
for fd in /proc/\$\$/fd/*; do [ ! -e "\$fd" ] || fds+=" \${fd##*/}"; done; printf '%s\n' "\${fds# }" >"\$seen.fds"
printf '%s\n' "\$PWD" >"\$seen.cwd"; umask >"\$seen.umask"
exec "$CLUSTER_STAGE/bin/inferstep" "\$@"
SH
    chmod 755 "$CLUSTER_STAGE/stand-in"
}

hostile_step() {
    local name job pid deadline=$((SECONDS + 60))
    for name in inferstep redis-server sacct scancel sh; do
        printf '#!/bin/bash\n: >%s/evil.%s\nexec /usr/bin/%s "$@"\n' "$SEEN" "$name" "$name" >"$CLUSTER_WORK/evil/$name"
        chmod 755 "$CLUSTER_WORK/evil/$name"
    done
    cp "$CLUSTER_WORK/evil/inferstep" "$CLUSTER_WORK/inferstep"
    user_background LD_PRELOAD=/evil/preload.so LD_AUDIT=/evil/audit.so PYTHONPATH=/evil BASH_ENV=/evil/rc GCONV_PATH=/evil \
        MALLOC_ARENA_MAX=1 OMP_NUM_THREADS=99 REDISCLI_AUTH=evil CUDA_INJECTION64_PATH=/evil.so HOME="$CLUSTER_WORK" \
        INFER_REDIS=/evil/redis INFER_STATEDIR=/evil SLURM_INFER_STATEDIR=/evil INFER_INFERSTEP=/evil \
        PATH="$CLUSTER_WORK/evil:/usr/bin:/bin" \
        srun -N1 -n1 -c3 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir="$CLUSTER_WORK/seen/records" \
        /bin/sh -c 'echo "$SLURM_JOB_ID" >seen/job; echo "$INFER_STATE_DIR" >seen/statedir; /usr/bin/env >seen/task.environ; echo >seen/started; exec sleep 100'
    until [ -e "$SEEN/started" ]; do
        [ "$SECONDS" -lt "$deadline" ] || { cat "$BACKGROUND_LOG"; return 1; }
        sleep 0.1
    done
    job=$(cat "$SEEN/job")
    for name in inferstep inferstep-guard redis-server; do
        pid=$(pgrep -u "$CLUSTER_USER" --runstates RSDT -x "$name")
        for file in status limits oom_score_adj; do cat "/proc/$pid/$file" >"$SEEN/live.$name.$file"; done
        stat -c %U "/proc/$pid/environ" >"$SEEN/live.$name.owner"
        user_run python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(0x4206, int(sys.argv[1]), 0, 0), os.strerror(ctypes.get_errno()))' "$pid" >"$SEEN/live.$name.ptrace"
    done
    everything_known "$(cat "$SEEN/statedir")"
    user_run scancel -s KILL "$job.0"
    timeout 20 tail -s 0.05 --pid="$BACKGROUND_PID" -f /dev/null
    cp "$BACKGROUND_LOG" "$SEEN/srun.log"
    assert_clean
}

# Of a zombie, which stays until it is reaped, there is nothing to read.
has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }

# All that can be read of the step: arguments and environments of the user's and the node's processes, files, messages.
everything_known() {
    local pid node
    node=$(stepd_pids "$(cat "$SEEN/job").0")
    for pid in $(pgrep -u "$CLUSTER_USER" --runstates RSDTt .) $node; do
        { tr '\0' '\n' <"/proc/$pid/cmdline" && tr '\0' '\n' <"/proc/$pid/environ"; } || has_ended "$pid"
    done >"$SEEN/known" 2>/dev/null
    nsenter --target "$node" --mount sh -c 'ls -la "$1"; cat "$1"/*.log "$1"/*.json' _ "$1" >>"$SEEN/known"
    scontrol show job "$(cat "$SEEN/job")" >>"$SEEN/known"
    grep -ahF "[$(cat "$SEEN/job").0]" "$CLUSTER_DIR/log/"*slurmd*.log >>"$SEEN/known" # other steps had models with checksums
}

field() { awk -v name="$2:" '$1 == name { $1 = ""; sub(/^ /, ""); print }' "$SEEN/$1"; }
is_users() { # a status: all ids and groups the user's, no capability
    local gid
    gid=$(id -g "$CLUSTER_USER")
    echo "$1: $(field "$1" Uid), $(field "$1" Gid), groups $(field "$1" Groups), effective capabilities $(field "$1" CapEff)"
    [ "$(field "$1" Uid)" = "$CLUSTER_UID $CLUSTER_UID $CLUSTER_UID $CLUSTER_UID" ]
    [ "$(field "$1" Gid)" = "$gid $gid $gid $gid" ]
    [ "$(field "$1" Groups)" = "$gid" ]
    for set in CapInh CapPrm CapEff CapAmb; do [ "$(field "$1" $set)" = 0000000000000000 ]; done
}

@test "S2: supervisor and database are the job's user, with no capability and no way to get one" {
    is_users serve.status
    for name in inferstep inferstep-guard redis-server; do
        is_users live.$name.status
        [ "$(field live.$name.status NoNewPrivs)" = 1 ]
        [ "$(cat "$SEEN/live.$name.oom_score_adj")" = 0 ]
    done
}

@test "S2: nobody can trace supervisor and guard or read their memory, not even their user; they leave no core" {
    cat "$SEEN"/live.*.ptrace
    for name in inferstep inferstep-guard; do
        [ "$(cat "$SEEN/live.$name.ptrace")" = "-1 Operation not permitted" ]
        [ "$(cat "$SEEN/live.$name.owner")" = root ] # of a process that cannot be dumped
    done
    [ "$(cat "$SEEN/live.redis-server.owner")" = "$CLUSTER_USER" ]
}

@test "S2: the sweep that slurmstepd starts is the user for good, can start nothing, and is not spared when memory is short" {
    is_users sweep.status
    [ "$(field sweep.status NoNewPrivs)" = 1 ]
    [ "$(cat "$SEEN/sweep.oom_score_adj")" = 0 ]
    grep -qE '^Max processes +0 +0 ' "$SEEN/sweep.limits"
    grep -qE '^Max core file size +0 +0 ' "$SEEN/sweep.limits"
    [ "$(grep -v '^SLURMD_NODENAME=' "$SEEN/sweep.environ")" = "" ]
    [ "$(cat "$SEEN/sweep.fds")" = "0 1 2 255" ] # 255 is the script itself
}

@test "S3: the supervisor's environment is the admin's list, whatever the job has" {
    allowed='PATH|HOME|INFER_ATTACH_DIR|USER|LOGNAME|LANG|LC_ALL|TZ|TMPDIR|CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|NVIDIA_VISIBLE_DEVICES|SLURMD_NODENAME'
    allowed+='|SLURM_(CLUSTER_NAME|CONF|JOB_ID|STEP_ID|RESTART_COUNT|JOB_CPUS_PER_NODE|JOB_GPUS|STEP_GPUS|NODEID|PROCID|LOCALID|NTASKS|NNODES|STEP_NUM_TASKS|STEP_NUM_NODES|STEP_TASKS_PER_NODE|SRUN_COMM_PORT)'
    pretended='LD_PRELOAD|FAKECPU_CPUS|FAKECPU_TABLE|HWLOC_XMLFILE' # plugstack.conf's setenv= of this cluster
    more=$(grep -vE "^($allowed|$pretended)=" "$SEEN/serve.environ" || true)
    [ -z "$more" ] || { echo "too much: $more"; return 1; }
    [ "$(sed -n 's/^PATH=//p' "$SEEN/serve.environ")" = /usr/local/bin:/usr/bin:/bin ]
    [ "$(grep -c evil "$SEEN/serve.environ")" = 0 ]
    grep -q '^LD_AUDIT=/evil/audit.so' "$SEEN/task.environ" # the task itself has all of it
}

@test "S3: descriptors, umask, directory, signals and session of the supervisor" {
    [ "$(cat "$SEEN/serve.fds")" = "0 1 2 255 3 4" ] # in the order of the glob
    [ "$(cat "$SEEN/serve.umask")" = 0077 ]
    [ "$(cat "$SEEN/serve.cwd")" = / ]
    [ "$(cat "$SEEN/serve.oom_score_adj")" = 0 ]
    [ "$(field serve.status SigBlk)" = 0000000000000000 ]
    [ "$(field live.inferstep-guard.status NSsid)" = "$(field live.inferstep-guard.status NSpid)" ]
    grep -q '^db$' "$SEEN/serve.cmdline" && ! grep -q evil "$SEEN/serve.cmdline"
}

@test "S3: no program of the user's PATH or working directory runs in the place of ours" {
    for name in inferstep redis-server scancel; do
        [ ! -e "$SEEN/evil.$name" ] || { echo "evil $name ran"; return 1; }
    done
    rm -f "$CLUSTER_WORK/inferstep"
}

@test "S6: no secret in an argument, an environment, a file, a message or a log" {
    [ "$(wc -l <"$SEEN/known")" -gt 100 ]
    grep -q redis-server "$SEEN/known"
    found=$(grep -aoE '(^|[^0-9a-f])[0-9a-f]{64}([^0-9a-f]|$)' "$SEEN/known" "$SEEN/srun.log" || true)
    [ -z "$found" ] || { echo "this may be a secret: $found"; return 1; }
}

@test "S3: a program that others than root can change is not started; the message says what is wrong" {
    mkdir -m 777 "$CLUSTER_STAGE/open"
    cp "$CLUSTER_STAGE/bin/inferstep" "$CLUSTER_STAGE/open/inferstep"
    for setting in "inferstep=$CLUSTER_STAGE/open/inferstep" "redis=$CLUSTER_WORK/redis-server"; do
        plugstack_with "$setting"
        run user_run srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 true
        echo "$output"
        [ "$status" != 0 ]
        [[ $output == *"infer: plugstack.conf: $setting cannot be trusted: "*" (node "* ]]
    done
    plugstack_restore
    rm -r "${CLUSTER_STAGE:?}/open"
    assert_clean
}
