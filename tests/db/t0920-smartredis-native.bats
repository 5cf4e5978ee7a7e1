#!/usr/bin/env bats
# SmartRedis' C and Fortran clients, unmodified: the library inside its Python wheel exports them, its source distribution has
# the Fortran modules. Its C++ interface needs the headers of redis-plus-plus too, which no package registry has: with
# SMARTREDIS_HOME, an installation of SmartRedis (include/, lib/libsmartredis.so), a C++ program is built and run too.
load ../lib/smartredis

setup_file() {
    smartredis_serve
    [ -z "${SR_MISSING-}" ] || return 0
    export SR_SOURCE SR_PYLIB
    SR_SOURCE=$("$INFERSTEP_TOP/contrib/deps/smartredis.sh" --source 2>"$SR_WORK/fetch") || SR_MISSING="no sources: $(tail -n 1 "$SR_WORK/fetch")"
    # The wheel's library is a Python module: a program that uses the rest of it needs libpython all the same.
    SR_PYLIB=$(ldconfig -p | sed -n 's/.*libpython3\.11\.so\.1\.0.* => //p' | head -n 1)
    [ -n "$SR_PYLIB" ] || SR_MISSING="libpython3.11.so is not installed"
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" "$SR_WORK/double.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
}
teardown_file() { smartredis_stop; }
setup() { smartredis_require; cd "$SR_WORK" || return 1; }

library() { echo "$SR_PYTHON"/smartredis/smartredisPy*.so; }
try() { # program: it prints `ok`, and nothing goes wrong
    SR_LOG_FILE=$SR_WORK/log SR_LOG_LEVEL=QUIET timeout 60 "./$1" "$SR_WORK/double.pt" >answer 2>&1 || true
    [ "$(tail -n 1 answer)" = ok ] || { cat answer; return 1; }
}

@test "C" {
    gcc -Wall -Wextra "$INFERSTEP_TOP/tests/smartredis/client.c" "$(library)" "$SR_PYLIB" -lstdc++ -lm -o c -Wl,-rpath,"$SR_PYTHON/smartredis"
    try c
}

@test "Fortran" {
    sources=$SR_SOURCE/src/fortran
    gfortran -cpp -w -I"$SR_SOURCE/include" -I"$sources" "$sources"/{fortran_c_interop,errors,configoptions,dataset,logcontext,client,logger}.F90 \
        "$INFERSTEP_TOP/tests/smartredis/client.f90" "$(library)" "$SR_PYLIB" -lstdc++ -o fortran -Wl,-rpath,"$SR_PYTHON/smartredis"
    try fortran
}

@test "C++" {
    [ -n "${SMARTREDIS_HOME-}" ] || skip "SMARTREDIS_HOME names no installation of SmartRedis"
    g++ -std=c++17 -w -I"$SMARTREDIS_HOME/include" "$INFERSTEP_TOP/tests/smartredis/client.cpp" -L"$SMARTREDIS_HOME/lib" -lsmartredis -o cpp \
        -Wl,-rpath,"$SMARTREDIS_HOME/lib"
    try cpp
}
