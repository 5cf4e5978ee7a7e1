#!/usr/bin/env bats
# What is built, looked at as files: hardened, and offering nothing to others than it means to.

setup() { cd "${BUILD:-$INFERSTEP_TOP/build}" || exit 1; }
products() { echo bin/inferstep; ls lib/slurm/*.so lib/inferstep/*.so lib/libinferclient.so; }
mine() { echo obj/spank-*.o obj/runtime/core/*.o obj/runtime/db/*.o obj/runtime/inferdb/*.o obj/runtime/inferdb/backends/*.o; }

@test "S1: as root the plugin calls what is listed, and nothing else" {
    run "$INFERSTEP_TOP/tests/lib/plugin-calls" "$PWD"
    echo "$output"
    [ "$status" = 0 ]
}

@test "S11: every product is position-independent, with RELRO, bound at its start, and with no executable stack" {
    [ "$(products | wc -l)" -ge 7 ]
    for file in $(products); do
        text=$(readelf -hldW "$file")
        echo "== $file"
        grep -q 'Type: *DYN' <<<"$text"
        grep -q 'GNU_RELRO' <<<"$text"
        grep -q 'BIND_NOW' <<<"$text"
        grep -q 'GNU_STACK.* RW ' <<<"$text"
        [ "$(grep -cE 'TEXTREL|RPATH\)|LOAD.* RWE ' <<<"$text")" = 0 ]
        # libtorch's neighbours are found beside ours, never by a path that somebody else could make
        [ -z "$(sed -n 's/.*RUNPATH.*\[\(.*\)\]/\1/p' <<<"$text" | grep -vxF '$ORIGIN/torch')" ]
    done
    readelf -dW bin/inferstep | grep -q 'Flags:.*PIE'
}

@test "S11: stack protector, FORTIFY and control-flow protection in what was compiled" {
    for file in bin/inferstep lib/slurm/spank_infer.so lib/inferstep/inferdb.so lib/inferstep/libinferstep_torch.so lib/libinferclient.so; do
        nm -D -u "$file" | grep -q '__stack_chk_fail' || { echo "$file: no stack protector"; return 1; }
    done
    for file in bin/inferstep lib/slurm/spank_infer.so lib/inferstep/inferdb.so; do
        nm -D -u "$file" | grep -q '_chk@' || { echo "$file: not fortified"; return 1; }
    done
    # The C library's own start files have no such note, so the linker drops it: the objects tell.
    [ "$(uname -m)" = x86_64 ] || skip "control-flow protection is of x86"
    # shellcheck disable=SC2046
    without=$(for file in $(mine); do readelf -nW "$file" | grep -q 'IBT, SHSTK' || echo "$file"; done)
    [ -z "$without" ] || { echo "without: $without"; return 1; }
}

exports() { # of the libraries, C++ names without arguments; what libtorch's headers make must stay one with libtorch's
    local file
    for file in lib/slurm/spank_infer.so lib/inferstep/inferdb.so lib/inferstep/libinferstep_fortran.so lib/libinferclient.so; do
        nm -DC --defined-only "$file" | sed -E "s/^[0-9a-f]* . //; s/[([].*//; s,^,${file##*/} ,"
    done
    file=lib/inferstep/libinferstep_torch.so
    nm -D --defined-only "$file" | sed -E "s/^[0-9a-f]* . //; /^_Z.*(c10|2at|5torch|St)/d; s,^,${file##*/} ,"
}

@test "S11: every library exports what tests/security/exports.txt lists" {
    diff "$INFERSTEP_TOP/tests/security/exports.txt" <(exports | LC_ALL=C sort -u)
}

@test "S14: SECURITY.md has the threat model, says what is left open, which versions are supported and how to report" {
    page=$INFERSTEP_TOP/SECURITY.md
    [ "$(grep -cE '^\|.*\|.*\|.*\|.*\|' "$page")" -ge 8 ]
    for heading in 'Threat model' 'What is left' 'Supported versions' 'Reporting'; do
        grep -qE "^## .*$heading" "$page" || { echo "no section '$heading'"; return 1; }
    done
}

@test "S15: the plugin needs libc alone" {
    [ "$(readelf -d lib/slurm/spank_infer.so | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" = libc.so.6 ]
}
