#!/usr/bin/env bats
# The state directory against others who were there before, who race, and against what a step's own programs leave in it.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() {
    step_setup
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    node=$(hostname)
    chmod 1777 "$state" # as /dev/shm has it
    mkdir -m 777 victim && touch victim/precious
}
teardown() {
    [ -z "${racer-}" ] || kill "$racer"
    find "$state" -mindepth 1 -maxdepth 1 -uid 65534 -exec rm -rf {} +
    step_teardown
}
other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
end_race() {
    kill "$racer"
    wait "$racer" || true
    racer=''
}

# A step whose name, which has the pid of `run` in it, the other user has taken: taken_by COMMAND… ("$name" is the path)
taken_by() {
    run bash -c 'export name=$1/inferstep-0-local.$$-$2 victim=$3; shift 3
        setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "$*" || exit 99
        exec inferstep run --statedir="${name%/*}" --colocate --db-cpus=1 --device=cpu sh -c "
            redis-cli -s \${SSDB#unix://} ping; stat -c %a:%u \$INFER_STATE_DIR; echo \$INFER_STATE_DIR"' _ "$state" "$node" "$work/victim" "$@"
    echo "$*: $status: $output"
    [ "$status" = 0 ] && [[ $output == PONG*700:0*"$state/inferstep-0-local."*-"$node"-???????? ]] && [ "$(ls "$work/victim")" = precious ]
}

@test "S4: another user has taken the name: a directory, file, link, dangling link, pipe or socket there is neither used nor harmed" {
    chmod 755 "$work"
    taken_by 'mkdir -m 777 $name'
    taken_by 'echo theirs >$name'
    taken_by 'ln -s $victim $name'
    taken_by 'ln -s nowhere $name'
    taken_by 'mkfifo -m 666 $name'
    taken_by 'exec /usr/bin/python3 -c "import os, socket; socket.socket(socket.AF_UNIX).bind(os.environ[\"name\"])"'
    [ "$(find "$state" -mindepth 1 -maxdepth 1 -uid 65534 | wc -l)" = 6 ]
    inferstep db sweep --statedir="$state"
    [ "$(find "$state" -mindepth 1 -maxdepth 1 -uid 65534 | wc -l)" = 6 ]
}

@test "S4: another user makes and removes links of that name while steps start: nothing is followed" {
    chmod 755 "$work"
    "${other[@]}" /usr/bin/python3 - "$state" "$node" "$work/victim" 3>&- <<'PY' &
import os, sys
state, node, victim = sys.argv[1:]
while True:                              # whoever runs steps: each pid that is near
    last = int(open("/proc/loadavg").read().split()[-1])
    for pid in range(last, last + 8):
        name = f"{state}/inferstep-0-local.{pid}-{node}"
        try:
            os.symlink(victim, name)
            os.unlink(name)
        except OSError:
            pass
PY
    racer=$!
    for _ in 1 2 3 4; do
        run colocated sh -c 'redis-cli -s "${SSDB#unix://}" ping; test ! -L "$INFER_STATE_DIR"'
        echo "$output"
        [ "$status" = 0 ] && [ "$output" = PONG ]
    done
    end_race
    [ "$(ls victim)" = precious ]
}

@test "S4: what is swept becomes a link and a directory in turns: nothing beyond is removed" {
    for i in 1 2 3 4 5 6; do
        mkdir -m 700 "$state/inferstep-0-9.$i-$node"
        mkdir -p "$state/inferstep-0-9.$i-$node/"{1,2,3}/inner/deep
        touch "$state/inferstep-0-9.$i-$node/"{1,2,3}/inner/deep/{a,b,c}
    done
    python3 - "$state" "$work/victim" 3>&- <<'PY' &
import ctypes, glob, os, sys
libc = ctypes.CDLL(None, use_errno=True)
state, victim = sys.argv[1:]
link = state + "/link"
os.symlink(victim, link)
while True:
    for path in glob.glob(state + "/inferstep-0-9.*/*/inner"):
        for _ in range(2):               # RENAME_EXCHANGE: the name is never missing
            libc.renameat2(-100, path.encode(), -100, link.encode(), 2)
PY
    racer=$!
    wait_until test -L "$state/link" -o -d "$state/link"
    for _ in 1 2 3; do inferstep db sweep --statedir="$state"; done
    end_race
    [ "$(ls victim)" = precious ]
    inferstep db sweep --statedir="$state"
    rm -rf "${state:?}"/link
    [ -z "$(ls -A "$state")" ]
}

@test "S4: pipes in place of files, closed directories, hard links: a dead step's directory is removed, at once and alone" {
    dead=$state/inferstep-0-9.0-$node
    mkdir -m 700 "$dead"
    mkfifo "$dead/outside" "$dead/outdir"
    mkdir -p "$dead/closed/inner" && touch "$dead/closed/inner/file" && chmod 000 "$dead/closed/inner" "$dead/closed"
    echo content >victim/precious && ln victim/precious "$dead/hard" 2>/dev/null || cp victim/precious "$dead/hard"
    chmod 600 victim/precious
    chown -R 65534 "$dead" && mv "$dead" "$state/inferstep-65534-9.0-$node"
    "${other[@]}" timeout 20 "$BUILD/bin/inferstep" db sweep --statedir="$state"
    [ -z "$(ls -A "$state")" ]
    [ "$(cat victim/precious)" = content ]
}

@test "S4: a task that puts pipes in the place of its databases' files does not delay the end of its step" {
    run timeout 20 inferstep run --statedir="$state" --outdir=records --colocate --db-cpus=1 --device=cpu sh -c '
        cd "$INFER_STATE_DIR" && rm -f db0.log step.json && mkfifo db0.log step.json outdir && ln -s /dev/zero db1.log'
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"db0.log: it is no plain file"* ]]
}
