#!/usr/bin/env bats
# What the manual pages of db, run and record say is what the programs accept.

# options of `inferstep … --help`, one a line, without the long names of srun
of_help() { inferstep "$@" --help | grep -oE '^ +(-[a-z],)?--[a-z-]+' | grep -oE '\-\-[a-z-]+' | grep -vx -- --help | sort -u; }
# options in the SYNOPSIS of a page
of_page() { sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$INFERSTEP_TOP/man/$1" | grep -oE 'Fl -[a-z-]+' | sed 's/Fl /-/' | sort -u; }

same() { # page, command…
    local page=$1
    shift
    diff <(of_page "$page") <(of_help "$@")
}

of_all_help() { for sub in "$@"; do of_help db "$sub"; done | sort -u; }

@test "every option of db, run and record stands in its page, and no other" {
    diff <(of_page inferstep-db.1) <(of_all_help serve standard address submit status sweep)
    same inferstep-record.1 record
    diff <(of_page inferstep-run.1; echo --tasks) <(of_help run | sort | sed '/^--tasks$/d'; echo --tasks)
}

@test "every key of a model stands in the page, and the program's help" {
    page=$INFERSTEP_TOP/man/inferstep-db.1
    run inferstep run --colocate --model=m:p,nothing=1 true
    keys=$(sed -n 's/.* the keys are \(.*\)/\1/p' <<<"${lines[0]}" | tr -d ',')
    [ "$(wc -w <<<"$keys")" = 9 ]
    for key in $keys; do
        grep -q "^\.It Cm $key= " "$page" || { echo "$key is not in the page"; return 1; }
        inferstep run --help | tr '\n' ' ' | grep -q "[ ,]${key}[ ,]" || { echo "$key is not in --help"; return 1; }
    done
}

@test "the environment twins in the page are those of --help" {
    diff <(inferstep run --help | grep -oE 'Env:INFER_[A-Z_]+' | sed 's/Env://' | sort) \
        <(sed -n '/^\.Sh ENVIRONMENT/,/^\.Pp/p' "$INFERSTEP_TOP/man/inferstep-run.1" | grep -oE 'INFER_[A-Z_]+' | sort)
}

@test "the pages are well-formed" {
    command -v mandoc || skip "mandoc is not installed"
    for page in db run record; do
        mandoc -Tlint -Wwarning "$INFERSTEP_TOP/man/inferstep-$page.1"
    done
}
