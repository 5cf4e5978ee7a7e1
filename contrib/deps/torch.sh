#!/bin/sh
# Fetch the pinned libtorch into a cache outside the tree, once, and print where it lies.
# Usage: torch.sh             fetch what is missing; print the directory with include/ and lib/ (the value of TORCH_HOME)
#        torch.sh --cudart    likewise for libcudart and libcupti; prints nothing where a CUDA toolkit gives them
#        torch.sh --print     print where TORCH_HOME is or would be; fetch nothing
# INFERSTEP_CACHE overrides the cache; NO_CUDA_TOOLKIT=1 pretends that there is no CUDA toolkit; TORCH_GPU=0|1 leaves
# out or takes the CUDA half of libtorch (default: taken where a GPU driver is loaded).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"
gpu=${TORCH_GPU:-$([ -e /dev/nvidiactl ] && echo 1 || echo 0)}

case ${1:-} in
    --cudart)
        if [ "${NO_CUDA_TOOLKIT:-0}" != 1 ] && ldconfig -p | grep -q 'libcudart\.so\.13 '; then exit 0; fi
        once cudart-13.0.96 wheels requirements-cuda.txt '*/libcudart.so.13' '*/libcupti.so.13'
        echo "$cache/cudart-13.0.96/nvidia/cu13/lib"
        ;;
    ''|--print)
        name=torch-2.11.0
        libs='torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp*'
        [ "$gpu" = 0 ] || { name=torch-2.11.0-gpu; libs='torch/lib/*'; }
        if [ -z "${1:-}" ]; then
            set -f
            # shellcheck disable=SC2086  # patterns for unzip, split on purpose
            once $name wheels requirements.txt 'torch/include/*' $libs
        fi
        echo "$cache/$name/torch"
        ;;
    *) echo "torch.sh: unknown argument '$1'" >&2; exit 2 ;;
esac
