#!/usr/bin/env bats
# inferstep model: networks as TorchScript files.

setup() {
    tmp=$(mktemp -d)
    cd "$tmp" || return 1
}
teardown() { cd / && rm -rf "$tmp"; }

@test "the same seed gives the same bytes, another seed others" {
    inferstep model resnet18 -o a.pt
    inferstep model resnet18 -o b.pt --seed 0
    inferstep model resnet18 -o c.pt --seed 1
    cmp a.pt b.pt
    ! cmp -s a.pt c.pt || return 1
}

@test "fewer classes make a smaller file" {
    inferstep model resnet18 -o a.pt
    inferstep model resnet18 -o b.pt --classes 10
    [ "$(stat -c %s b.pt)" -lt $(($(stat -c %s a.pt) - 990 * 512 * 4)) ]
}

@test "what makes no sense is refused by name, and nothing is written" {
    while IFS='|' read -r options words; do
        # shellcheck disable=SC2086
        run inferstep model $options
        [ "$status" = 2 ] || { echo "$options: exit $status: $output"; return 1; }
        [[ $output == *"$words"* ]] || { echo "$options: $output"; return 1; }
    done <<'TABLE'
resnet5 -o m.pt|resnet50
vgg16 -o m.pt|resnet18
resnet18 -o m.pt --classes 0|--classes
resnet18 -o m.pt --classes many|--classes
resnet18 -o m.pt --classes 99999999999999999999|--classes
resnet18 -o m.pt --seed -1|--seed
resnet18|--output
-o m.pt|architecture
TABLE
    [ ! -e m.pt ]
}

# The command fails and names the file.
cannot_write() { # FILE COMMAND…
    run "${@:2}"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"$1"* ]]
}

@test "a file in a folder that is not there is named" {
    cannot_write missing/m.pt inferstep model resnet18 -o missing/m.pt
}

@test "a file that does not fit is named, and no part of it stays" {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "only root can make a full file system"
    mkdir full
    cannot_write full/m.pt unshare --mount sh -c 'mount -t tmpfs -o size=1m none full && inferstep model resnet18 -o full/m.pt; code=$?; ls -A full; exit $code'
    [ "${#lines[@]}" = 1 ] || { echo "left: $output"; return 1; }
}
