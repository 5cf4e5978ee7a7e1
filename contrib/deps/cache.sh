# shellcheck shell=sh disable=SC2154
# Sourced by the scripts beside it: a cache outside the tree, whose folders appear whole or not at all. The script sets
# `here`, the directory of the requirements files.
cache=${INFERSTEP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/inferstep}

# once NAME COMMAND…: unless $cache/NAME is there, the command fills the folder $stage, which then becomes $cache/NAME. Only
# one download when two builds ask at once; one retry.
once() {
    name=$1
    shift
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    flock 9
    [ ! -e "$cache/$name/.complete" ] || return 0
    stage=$(mktemp -d "$cache/.stage.XXXXXX")
    trap 'rm -rf "$stage"' EXIT
    echo "fetching $name (once) into $cache" >&2
    "$@" || { sleep 5; "$@"; }
    rm -rf "${cache:?}/$name"
    touch "$stage/.complete"
    chmod 755 "$stage"
    mv "$stage" "$cache/$name"
}

# pip verifies the pinned SHA-256 of every file.
download() { # requirements file, directory, options of pip
    requirements=$1 into=$2
    shift 2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes "$@" -d "$into" \
        -r "$here/$requirements" </dev/null >&2
}

wheels() { # requirements file, patterns: what the patterns name out of these wheels, into $stage
    download "$1" "$stage/wheels" --only-binary=:all: --implementation cp --python-version 3.11 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux2014_x86_64 || return 1
    shift
    for wheel in "$stage"/wheels/*.whl; do
        code=0
        unzip -q -o "$wheel" "$@" -d "$stage" 2>/dev/null || code=$?
        [ $code -le 11 ] && [ $code != 9 ] || return $code      # 11: a pattern that matches nothing in this wheel
    done
    rm -rf "$stage/wheels"
}
