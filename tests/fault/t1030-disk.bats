#!/usr/bin/env bats
# Disks that are full, read-only or gone: the job runs all the same, with one warning and no half file.

# shellcheck disable=SC2034,SC2154 # state, work, RUN and CODE are of lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# shellcheck disable=SC2016
store='for i in 1 2 3; do redis-cli -s "${SSDB#unix://}" set "k$i" "$i" >/dev/null || exit 1; done; redis-cli -s "${SSDB#unix://}" get k3'

@test "R8: the state directory is full: the databases serve, and what cannot be written is one warning" {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "a full disk needs root and a mount namespace"
    mkdir full
    # shellcheck disable=SC2016
    run unshare --mount bash -c 'mount -t tmpfs -o size=64k none full && head -c 64k /dev/zero >full/filler 2>/dev/null; inferstep run --statedir="$PWD/full" --colocate --db-cpus=1 --device=cpu sh -c "$1"; code=$?; ls -A full; exit $code' _ "$store"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"step.json: No space left on device"* ]]
    [ "$(grep -c 'warning: ' <<<"$output")" = 1 ]
    [ "${lines[-2]}" = 3 ]
    [ "${lines[-1]}" = filler ]
}

@test "R8: the record directory is removed in mid-run, or becomes full: the step is as good as without" {
    # shellcheck disable=SC2016
    run infer --colocate --db-cpus=1 --device=cpu --outdir=records sh -c 'mkdir -p records && rm -r records; redis-cli -s "${SSDB#unix://}" ping'
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = PONG ]
    python3 -c 'import glob, json; json.load(open(glob.glob("records/*/step.json")[0]))'
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "a full disk needs root and a mount namespace"
    mkdir full
    # 64 kB that the task fills: the log has room, the record has not
    # shellcheck disable=SC2016
    run unshare --mount bash -c 'mount -t tmpfs -o size=64k none full && inferstep run --statedir="$1" --colocate --db-cpus=1 --device=cpu --outdir=full sh -c "cat /dev/zero >full/filler 2>/dev/null; $2"; code=$?; find full -name "*.json*" -o -name "*.??????"; exit $code' _ "$state" "$store"
    echo "$output"
    [ "$status" = 0 ]
    [ "${lines[0]}" = 3 ]
    [[ ${lines[1]} == *"warning: the records of node "*"No space left on device"* ]]
    [ "$(grep -c 'warning: .*No space left on device' <<<"$output")" = $((${#lines[@]} - 1)) ]    # whoever writes says so
}
