#!/bin/sh
# Build llama.cpp's library for this machine's CPU in the cache outside the tree, once (some minutes): the benchmarks
# measure against it.
# Usage: llamacpp.sh            print the folder with include/ and lib/
#        llamacpp.sh --print    likewise if it is there; build nothing
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"
name=llamacpp-0.3.36

library() { # into $stage
    wheels requirements-llamacpp-build.txt '*' || return 1
    PYTHONPATH=$stage download requirements-llamacpp.txt "$stage/source" --no-binary=:all: --no-build-isolation || return 1
    find "$stage" -mindepth 1 -maxdepth 1 ! -name source -exec rm -rf {} +
    tar -xzf "$stage"/source/llama_cpp_python-0.3.36.tar.gz -C "$stage/source" --strip-components=1 || return 1
    tree=$stage/source/vendor/llama.cpp
    cmake -S "$tree" -B "$stage/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=ON \
        -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_OPENSSL=OFF >"$stage/log" 2>&1 &&
        cmake --build "$stage/build" --target llama -j "${LLAMACPP_JOBS:-$(nproc)}" >>"$stage/log" 2>&1 ||
        { tail -n 20 "$stage/log" >&2; return 1; }
    mkdir "$stage/include" "$stage/lib"
    cp "$tree"/include/*.h "$tree"/ggml/include/*.h "$stage/include/"
    find "$stage/build" -name 'lib*.so*' -exec cp -P {} "$stage/lib/" \;
    rm -rf "$stage/build" "$stage/source"
}
case ${1:-} in
    '') once $name library; echo "$cache/$name" ;;
    --print) if [ -e "$cache/$name/.complete" ]; then echo "$cache/$name"; fi ;;
    *) echo "llamacpp.sh: unknown argument '$1'" >&2; exit 2 ;;
esac
