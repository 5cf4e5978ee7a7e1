#!/usr/bin/env bats
# A step that asks for nothing gets nothing: no process, no file, no call more than without the plugin.

load ../lib/cluster

setup_file() { cluster_start --nodes 1 --real-cpus; }
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    command -v strace >/dev/null || skip "strace is not installed"
}

# Of a trace, calls that strace shows in two halves as one.
whole_calls() {
    awk '/<unfinished \.\.\.>$/ { half[$1] = substr($0, 1, index($0, "<unfinished") - 1); next }
         / resumed>/ { pid = $1; sub(/^.* resumed>/, ""); print half[pid] $0; next } { print }' "$1"
}
# The files that were opened, without the numbers in their names, sorted.
opened() { sed -n 's/.*openat([^"]*"\([^"]*\)".*= [0-9].*/\1/p' | sed 's/[0-9][0-9]*/N/g' | sort -u; }

is_traced() { ! grep -q '^TracerPid:.0$' "/proc/$(slurmd_pid 1)/status"; }
steps_ended() { # each slurmstepd of a trace, of which there is one at least
    awk '/execve\(.*slurmstepd/ { runs[$1] = 1; any = 1 } / exited with / || / killed by / { delete runs[$1] }
         END { for (pid in runs) exit 1; exit !any }' "$1"
}
poll() {
    local deadline=$((SECONDS + 20))
    until "$@"; do [ "$SECONDS" -lt "$deadline" ] || { echo "not in time: $*" >&2; return 1; }; sleep 0.05; done
}

# Trace slurmd and all that it starts while one step runs. Prints "<forks>" and the files that slurmstepd opened, sorted.
traced_step() {
    local log tracer
    log=$(mktemp)
    strace -f -q -e trace=execve,openat,memfd_create,clone,clone3,fork,vfork,pipe2 -o "$log" -p "$(slurmd_pid 1)" 3>&- &
    tracer=$!
    poll is_traced
    user_run srun -N1 -n1 true
    poll steps_ended "$log"
    kill -INT "$tracer"
    wait "$tracer" || true
    # only processes that belong to slurmstepd's tree: from its exec on
    whole_calls "$log" | awk '/execve\(.*slurmstepd/ {on[$1] = 1} on[$1] {print} /clone|fork/ && on[$1] {child = $NF; on[child] = 1}' >"$log.step"
    # threads are slurmstepd's own business, and come as its timing wants
    grep -E 'clone|fork' "$log.step" | grep -vc CLONE_THREAD
    grep -cE 'memfd_create' "$log.step" || true
    opened <"$log.step"
    rm -f "$log" "$log.step"
}

# Of several steps the one with the fewest forks counts: slurmstepd may serve a request beside the step.
quietest_step() {
    local best='' now
    for _ in 1 2 3 4 5; do
        now=$(traced_step)
        if [ -z "$best" ] || [ "$(head -n 1 <<<"$now")" -lt "$(head -n 1 <<<"$best")" ]; then best=$now; fi
    done
    printf '%s\n' "$best"
}

@test "R11: slurmstepd forks as often and opens the same files as without the plugin" {
    traced_step >/dev/null                  # the first step of a slurmd does more than the later ones
    with=$(quietest_step)
    plugstack_empty
    without=$(quietest_step)
    plugstack_restore
    echo "forks and shared pages, with: $(head -n 2 <<<"$with" | xargs), without: $(head -n 2 <<<"$without" | xargs)"
    [ "$(head -n 2 <<<"$with")" = "$(head -n 2 <<<"$without")" ]
    more=$(comm -23 <(tail -n +3 <<<"$with") <(tail -n +3 <<<"$without") | grep -v -e spank_infer.so || true)
    echo "opened only with the plugin: $more"
    [ -z "$more" ]
}

@test "R11: srun forks as often and opens the same files as without the plugin" {
    user_run sh -c 'strace -f -q -e trace=openat,clone,clone3,fork,vfork -o with.trace srun -N1 -n1 true'
    plugstack_empty
    user_run sh -c 'strace -f -q -e trace=openat,clone,clone3,fork,vfork -o without.trace srun -N1 -n1 true'
    plugstack_restore
    [ "$(whole_calls "$CLUSTER_WORK/with.trace" | grep -cE 'clone|fork')" = "$(whole_calls "$CLUSTER_WORK/without.trace" | grep -cE 'clone|fork')" ]
    more=$(comm -23 <(whole_calls "$CLUSTER_WORK/with.trace" | opened) <(whole_calls "$CLUSTER_WORK/without.trace" | opened) | grep -v -e spank_infer.so || true)
    echo "opened only with the plugin: $more"
    [ -z "$more" ]
}

@test "S15: the plugin links libc alone and exports exactly what Slurm calls" {
    so=${BUILD:-$INFERSTEP_TOP/build}/lib/slurm/spank_infer.so
    [ "$(readelf -d "$so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" = libc.so.6 ]
    run sh -c "nm -D --defined-only $so | awk '{print \$3}' | grep -vE '^(plugin_(name|type|version)|spank_plugin_version|slurm_spank_[a-z_]+)\$'"
    [ -z "$output" ]
    for s in plugin_name plugin_type plugin_version spank_plugin_version slurm_spank_init slurm_spank_task_init slurm_spank_task_exit; do
        nm -D --defined-only "$so" | grep -qw $s
    done
    readelf -lW "$so" | grep -q 'GNU_RELRO'
    readelf -dW "$so" | grep -q 'BIND_NOW'
}
