#!/usr/bin/env bats
# The state directory under attack and under pressure: links, foreign owners, wrong modes, squatters, leftovers, long names,
# full disks.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

at() { # a step with its state below DIR
    local dir=$1
    shift
    inferstep run --statedir="$dir" --colocate --db-cpus=1 --device=cpu "$@"
}
refused() { # DIR, words
    run at "$1" true
    [ "$status" = 1 ] && [[ $output == *"--statedir: "*"$2"* ]] && return
    echo "$1: $status: $output"
    return 1
}
as_root() { [ "$(id -u)" = 0 ] || skip "only root can $1"; }
node=$(hostname)

@test "S4: a link, a file, nothing at all, a directory that others may write: refused" {
    ln -s "$state" link
    refused "$work/link" "is a symbolic link"
    touch file
    refused "$work/file" "cannot open"
    refused "$work/none" "cannot open"
    mkdir open && chmod 777 open
    refused "$work/open" "no sticky bit"
    chmod 1777 open
    run at "$work/open" true
    [ "$status" = 0 ]
    [ -z "$(ls -A open)" ]
}

@test "S4: a directory of somebody else is refused" {
    as_root "give a directory away"
    mkdir theirs && chown 65534 theirs
    refused "$work/theirs" "belongs to user 65534"
}

@test "S5: a path too long for a socket is refused up front, with its length" {
    long=$state/$(printf 'x%.0s' {1..70})
    mkdir "$long"
    refused "$long" "is too long"
    [[ $output == *"may have 107 characters"* ]]
    rmdir "$long"
}

@test "S4: the directory and all in it are the user's alone" {
    run colocated sh -c 'stat -c "%a %U" "$INFER_STATE_DIR" "$INFER_STATE_DIR"/*'
    [ "$status" = 0 ]
    me=$(id -un)
    for line in "${lines[@]}"; do
        [ "$line" = "700 $me" ] || [ "$line" = "600 $me" ] || { echo "$line"; return 1; }
    done
}

@test "S12: another user cannot enter the directory, nor reach the database" {
    as_root "become another user"
    chmod 755 "$state"
    run colocated sh -c 'setpriv --reuid=65534 --regid=65534 --clear-groups redis-cli -s "${SSDB#unix://}" ping; setpriv --reuid=65534 --regid=65534 --clear-groups ls "$INFER_STATE_DIR"'
    echo "$output"
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == *"Permission denied" && ${lines[1]} == *"Permission denied" ]]
}

@test "S4: leftovers of dead steps are swept; links in them are not followed; what is in use or not ours stays" {
    uid=$(id -u)
    mkdir -m 700 victim && touch victim/precious
    mkdir -m 700 "$state/inferstep-$uid-7.0-$node"
    mkdir -p "$state/inferstep-$uid-7.0-$node/deep/er"
    ln -s "$work/victim" "$state/inferstep-$uid-7.0-$node/link"
    ln -s "$work/victim" "$state/inferstep-$uid-7.1-$node"               # no directory of ours
    mkdir -m 755 "$state/inferstep-$uid-7.2-$node"                       # not private
    mkdir -m 700 "$state/inferstep-$uid-7.3-another-node"                # of another node
    mkdir -m 700 "$state/inferstep-$uid-7.4-$node"                       # in use
    exec 8<"$state/inferstep-$uid-7.4-$node"
    flock 8
    run colocated true 8>&-
    echo "$output"
    [ "$status" = 0 ]
    [ ! -e "$state/inferstep-$uid-7.0-$node" ]
    [ -e victim/precious ]
    for left in "7.1-$node" "7.2-$node" "7.3-another-node" "7.4-$node"; do
        [ -e "$state/inferstep-$uid-$left" ]
    done
    exec 8>&-
    rm "$state/inferstep-$uid-7.1-$node"
    rmdir "$state/inferstep-$uid-7".*
}

@test "S4: what a task leaves in the directory goes with it, and nothing beyond" {
    mkdir victim && touch victim/precious
    run colocated sh -c 'cd "$INFER_STATE_DIR" && mkdir -p a/b/c && touch a/b/file .hidden && ln -s "$1" a/link && mkfifo pipe && ln -s / root' _ "$work/victim"
    [ "$status" = 0 ]
    [ -e victim/precious ]
}

@test "S4: a name that somebody else has taken is no obstacle" {
    # The name has the pid of run in it: the step runs as the process that has squatted it.
    run bash -c 'mkdir -m 755 "$1/inferstep-$(id -u)-local.$$-$2"; exec inferstep run --statedir="$1" --colocate --db-cpus=1 --device=cpu sh -c "echo \$INFER_STATE_DIR; redis-cli -s \${SSDB#unix://} ping"' _ "$state" "$node"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *-"$node"-????????* && $output == *PONG* ]]
    rmdir "$state"/inferstep-*
}

@test "a file system with no inode left for the state directory: the step fails in one sentence, not half" {
    as_root "mount a small file system"
    unshare --mount true 2>/dev/null || skip "no mount namespaces here"
    mkdir full
    run unshare --mount bash -c 'mount -t tmpfs -o size=16k,nr_inodes=1,mode=0700 none full; inferstep run --statedir="$PWD/full" --colocate --db-cpus=1 --device=cpu touch ran; code=$?; echo "left: $(ls -A full)"; exit $code'
    echo "$output"
    [ "$status" = 1 ]
    [ ! -e ran ]
    [[ $output == *"No space left"* ]]
    [ "${lines[-1]}" = "left: " ]
}
