# shellcheck shell=bash disable=SC2034,SC2154
# Helpers of the tests that run a step without Slurm. Each test has a state directory of its own, so that what it leaves
# behind can be told from what others do at the same time. In a .bats file:
#
#   load ../lib/step
#   setup() { step_setup; }
#   teardown() { step_teardown; }

step_setup() {
    state=$(mktemp -d /dev/shm/i.XXXXXX)
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" SSDB SR_SOCKET_TIMEOUT
}
step_teardown() {
    local code=0
    [ -z "${RUN-}" ] || { kill "$RUN" && end_of_run; } || code=1
    assert_nothing_left || code=1
    cd / && rm -rf "$work" "$state"
    return "$code"
}

# A step on this machine; one database on one CPU unless said otherwise.
infer() { inferstep run --statedir="$state" "$@"; }
colocated() { infer --colocate --db-cpus=1 --device=cpu "$@"; }

# Start it in the background and wait until its task has written `started`. Sets RUN, its pid. SIGINT, which a shell makes
# its background commands ignore, works as in a terminal.
background() {
    rm -f started out err
    env --default-signal=INT inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu "$@" >out 2>err 3>&- &
    RUN=$!
    wait_until test -e started
}

# A command that must fail; bats does not notice the failure of `! command`.
no() { ! "$@" || { echo "unexpected: $*"; return 1; }; }

wait_until() {
    local deadline=$((SECONDS + 20))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not within 20 s: $*"; cat out err 2>/dev/null; return 1; }
        sleep 0.05
    done
}

# The processes of this test's steps, found by the state directory in their command lines; who looks for it has it there, too.
redis_pids() { pgrep -f "^[^ ]*redis-server .*$state" || true; }
supervisor_pid() { pgrep -f "^[^ ]*inferstep db serve .*$state" || true; }

# Wait for the background step, which must end soon. Sets CODE, its exit code.
end_of_run() {
    CODE=0
    timeout 20 tail -s 0.05 --pid="$RUN" -f /dev/null || { echo "still running after 20 s"; kill -9 "$RUN"; return 1; }
    wait "$RUN" || CODE=$?
    RUN=''
}

nothing_left() { [ -z "$(ls -A "$state")" ] && [ -z "$(redis_pids)$(supervisor_pid)" ]; }
assert_nothing_left() {
    wait_until nothing_left && return
    ls -lA "$state"
    pgrep -af "$state"
    return 1
}
