#!/bin/sh
# Fetch the pinned libtorch into a cache outside the tree, once, and print where it lies.
# Usage: torch.sh             fetch what is missing; print the directory with include/ and lib/ (the value of TORCH_HOME)
#        torch.sh --cudart    likewise for libcudart and libcupti; prints nothing where a CUDA toolkit gives them
#        torch.sh --print     print where TORCH_HOME is or would be; fetch nothing
# INFERSTEP_CACHE overrides the cache; NO_CUDA_TOOLKIT=1 pretends that there is no CUDA toolkit; TORCH_GPU=0|1 leaves
# out or takes the CUDA half of libtorch (default: taken where a GPU driver is loaded).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INFERSTEP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/inferstep}
gpu=${TORCH_GPU:-$([ -e /dev/nvidiactl ] && echo 1 || echo 0)}

fetch() { # requirements file, directory: pip verifies the pinned SHA-256 of every file
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "$2" -r "$here/$1" </dev/null >&2
}
unpack() { # requirements file, name in the cache, patterns: atomic, and only one download when two builds ask at once
    requirements=$1 name=$2
    shift 2
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    flock 9
    [ ! -e "$cache/$name/.complete" ] || return 0
    stage=$(mktemp -d "$cache/.stage.XXXXXX")
    trap 'rm -rf "$stage"' EXIT
    echo "fetching $name (once) into $cache" >&2
    fetch "$requirements" "$stage/wheels" || { sleep 5; fetch "$requirements" "$stage/wheels"; }
    for wheel in "$stage"/wheels/*.whl; do
        code=0
        unzip -q "$wheel" "$@" -d "$stage" 2>/dev/null || code=$?
        [ $code -le 11 ] && [ $code != 9 ] || exit $code        # 11: a pattern that matches nothing in this wheel
    done
    rm -rf "$stage/wheels" "${cache:?}/$name"
    touch "$stage/.complete"
    chmod 755 "$stage"
    mv "$stage" "$cache/$name"
}
case ${1:-} in
    --cudart)
        if [ "${NO_CUDA_TOOLKIT:-0}" != 1 ] && ldconfig -p | grep -q 'libcudart\.so\.13 '; then exit 0; fi
        unpack requirements-cuda.txt cudart-13.0.96 '*/libcudart.so.13' '*/libcupti.so.13'
        echo "$cache/cudart-13.0.96/nvidia/cu13/lib"
        ;;
    ''|--print)
        name=torch-2.11.0
        libs='torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp*'
        [ "$gpu" = 0 ] || { name=torch-2.11.0-gpu; libs='torch/lib/*'; }
        if [ -z "${1:-}" ]; then
            set -f
            # shellcheck disable=SC2086  # patterns for unzip, split on purpose
            unpack requirements.txt $name 'torch/include/*' $libs
        fi
        echo "$cache/$name/torch"
        ;;
    *) echo "torch.sh: unknown argument '$1'" >&2; exit 2 ;;
esac
