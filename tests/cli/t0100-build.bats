#!/usr/bin/env bats
# The build as an admin and a packager meet it: nothing is built twice, DESTDIR is honoured, no CUDA toolkit is needed.

setup() {
    cd "$INFERSTEP_TOP" || exit 1
    tmp=$(mktemp -d)
}
teardown() { rm -rf "$tmp"; }
remake() { make --no-print-directory BUILD="$BUILD" "$@"; }

@test "make help lists every target" {
    run remake help
    [ "$status" = 0 ]
    for target in deps all install uninstall enable disable dist deb rpm check demo bench lint format clean; do
        grep -qE "^  $target " <<<"$output" || { echo "missing: $target"; return 1; }
    done
}

@test "a second make rebuilds nothing" {
    remake all >/dev/null
    run remake all
    [ "$status" = 0 ]
    [[ -z $output || $output == *"Nothing to be done"* ]]
}

@test "install honours DESTDIR and the GNU directories; what it installs runs; uninstall leaves nothing" {
    remake install DESTDIR="$tmp" prefix=/opt/i slurm_plugindir=/opt/i/lib/slurm >/dev/null
    "$tmp/opt/i/bin/inferstep" --version
    "$tmp/opt/i/bin/inferstep" model resnet18 -o "$tmp/m.pt"
    [ -s "$tmp/m.pt" ]
    [ -e "$tmp/opt/i/lib/slurm/spank_infer.so" ]
    [ -e "$tmp/opt/i/share/man/man8/spank_infer.8" ]
    [ -e "$tmp/opt/i/include/inferclient.h" ]
    ! grep -rlI "$tmp" "$tmp/opt" || { echo "DESTDIR stands in an installed file"; return 1; }
    # Uninstalled while it is enabled, it takes its line along.
    mkdir -p "$tmp/etc/slurm"
    touch "$tmp/etc/slurm/slurm.conf"
    remake enable DESTDIR="$tmp" SLURM_CONF=/etc/slurm/slurm.conf prefix=/opt/i SETTINGS="db-cpus=3"
    grep -x "required /opt/i/lib/slurm/spank_infer.so inferstep=/opt/i/bin/inferstep db-cpus=3" "$tmp/etc/slurm/plugstack.conf"
    remake uninstall DESTDIR="$tmp" prefix=/opt/i slurm_plugindir=/opt/i/lib/slurm >/dev/null
    [ ! -s "$tmp/etc/slurm/plugstack.conf" ]
    run find "$tmp/opt" -type f -o -type l
    [ -z "$output" ] || { echo "left: $output"; return 1; }
}

@test "a TORCH_HOME without libtorch is refused by name" {
    run make --no-print-directory BUILD="$tmp/b" TORCH_HOME="$tmp" "$tmp/b/torch.stamp"
    [ "$status" != 0 ]
    [[ $output == *TORCH_HOME* ]]
}

@test "without a CUDA toolkit libcudart and libcupti come from their wheels" {
    [ "$(id -u)" = 0 ] || skip "only root can hide the toolkit in a mount namespace"
    unshare --mount true 2>/dev/null || skip "no mount namespaces here"
    mkdir -p "$tmp/b/lib/inferstep" "$tmp/empty"
    cp -a "$BUILD/obj" "$BUILD/torch.stamp" "$tmp/b/"
    # The linker cache still names the toolkit; with its folder hidden those names lead nowhere, as on a machine without it.
    unshare --mount bash -c '
        set -e
        for d in $(ls -d /usr/local/cuda-* 2>/dev/null); do mount --bind "$1/empty" "$d"; done
        export NO_CUDA_TOOLKIT=1
        make --no-print-directory -o "$1/b/torch.stamp" BUILD="$1/b" "$1/b/bin/inferstep" "$1/b/lib/inferstep/libinferstep_torch.so"
        ls "$1"/b/lib/inferstep/torch/libcudart.so.13 "$1"/b/lib/inferstep/torch/libcupti.so.13
        "$1/b/bin/inferstep" model resnet18 -o "$1/m.pt"' _ "$tmp"
    [ -s "$tmp/m.pt" ]
}
