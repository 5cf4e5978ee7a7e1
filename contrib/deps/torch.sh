#!/bin/sh
# Fetch the pinned libtorch into a cache outside the tree, once, and print where it lies.
# Usage: torch.sh             fetch what is missing; print the directory with include/ and lib/ (the value of TORCH_HOME)
#        torch.sh --cudart    likewise for libcudart and libcupti; prints nothing where a CUDA toolkit gives them
#        torch.sh --python    likewise the whole wheel with what its import needs, for contrib/export; print the folder for
#                             PYTHONPATH
#        torch.sh --print     print where TORCH_HOME is or would be; fetch nothing
# INFERSTEP_CACHE overrides the cache; NO_CUDA_TOOLKIT=1 pretends that there is no CUDA toolkit; TORCH_GPU=0|1 leaves
# out or takes the CUDA half of libtorch (default: taken where a GPU driver is loaded).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"
gpu=${TORCH_GPU:-$([ -e /dev/nvidiactl ] && echo 1 || echo 0)}

# The whole wheel asks for CUDA libraries of which nothing is called; those that are nowhere get empty stand-ins.
python_wheels() { # requirements file
    wheels "$1" "*" || return 1
    lib=$stage/torch/lib
    readelf -d "$lib"/*.so | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | sort -u | while read -r needed; do
        [ -e "$lib/$needed" ] || ldconfig -p | grep -qF "$needed " ||
            ${CC:-gcc} -shared -nostdlib -x c /dev/null -Wl,-soname,"$needed" -o "$lib/$needed"
    done
}
case ${1:-} in
    --python)
        python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
            { echo "torch.sh: the pinned wheel is for Python 3.11, and python3 is another" >&2; exit 1; }
        once python-torch-2.11.0 python_wheels requirements-export.txt
        echo "$cache/python-torch-2.11.0"
        ;;
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
