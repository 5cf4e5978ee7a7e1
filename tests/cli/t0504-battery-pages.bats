#!/usr/bin/env bats
# The manual pages of batteries, and the example batteries: what they say is what the program takes and does.

setup() {
    tmp=$(mktemp -d)
    cp "$INFERSTEP_TOP"/etc/batteries/*.yaml "$tmp"
    cd "$tmp" || return 1
    unset "${!INFER_@}" "${!SLURM_@}"
}
teardown() { rm -rf "$tmp"; }

page() { echo "$INFERSTEP_TOP/man/$1"; }

@test "every option of sweep stands in its page, and no other" {
    for battery in '' inference-colocated inference-standard status; do inferstep sweep $battery --help; done |
        sed -nE 's/^ +(-[a-z],)?(--[a-z-]+)( .*)?$/\2/p' | grep -vx -- --help | sort -u >help
    # The flags of the ready-made batteries are in the table, too; the next test has them.
    sed -nE '/^\.It Fl /{s/^\.It Fl //;s/ , /\n/g;p}' "$(page inferstep-sweep.1)" | sed 's/^Fl //' |
        grep -oE '^-[a-z_-]+' | sed 's/^/-/' | grep -vxE -- "--($(sed -n 's/^\.It Li \([a-z_]*\) Ta .*/\1/p' "$(page inferstep-sweep.1)" | paste -sd '|'))" | sort -u >page
    [ "$(wc -l <help)" -gt 40 ]
    diff page help
}

@test "every flag of a ready-made battery stands in the page with its default" {
    for battery in inference-colocated inference-standard; do
        inferstep sweep $battery --help | sed -nE 's/^  --([a-z_]+)=([^ ]+).*/\1 \2/p' | sort >flags
        [ "$(wc -l <flags)" -ge 18 ]
        sed -n 's/ Ta / /g; s/^\.It Li //p' "$(page inferstep-sweep.1)" |
            awk -v column=$([ $battery = inference-standard ] && echo 3 || echo 2) 'NF == 3 && $column != "-" { print $1, $column }' | sort >page
        diff page flags
    done
}

@test "every key of a battery stands in its page and in its example, and no other" {
    keys() { # KEY: of the map at this setting
        inferstep sweep --dry-run -c <(echo 'name: b') --set "$1" 2>&1 | sed -n 's/^inferstep: hint: there are //p' | tr -d ',' | tr ' ' '\n'
    }
    { keys zzzzzzzzzz=1; keys step.zzzzzzzzzz=1; keys database.zzzzzzzzzz=1; keys report.zzzzzzzzzz=1; keys 'metrics=[{zzzzzzzzzz: 1}]'; } | sort -u >known
    [ "$(wc -l <known)" -gt 40 ]
    grep -oE '^\.It Ic .*|^\.Ic (metrics|report)$' "$(page inferstep-battery.5)" | sed -E 's/^.(It )?Ic //; s/ , /\n/g' | sort -u >page
    diff page known
    sed -n '/^Every key/,/^\.Ed/p' "$(page inferstep-battery.5)" >example
    while read -r key; do
        case $key in kind | script | hosts | batch_options | time | file) continue ;; esac
        grep -qE "(^|[ {,-])$key:" example || { echo "$key is not in the example"; return 1; }
    done <known
}

@test "the batteries in the page can be planned" {
    awk '/^\.Bd -literal/ { n++; next } /^\.Ed/ { inside = 0; next } { if (n && /^name: /) inside = 1 } inside { print >("page" n ".yaml") }' "$(page inferstep-battery.5)"
    inferstep sweep -c page1.yaml --dry-run --where=local | grep '^points      6: threads 3 x batch 2, 1 repeat'
    inferstep sweep -c page2.yaml --dry-run --where=batch | grep '^points      24: nodes 3 x lr 2, 1 excluded, 1 included, 3 repeats, 1 warm-up'
}

@test "the page's examples run" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh DIAG/s/^\.Dl \$ //p' "$(page inferstep-sweep.1)" >examples
    [ "$(wc -l <examples)" = 10 ]
    while read -r line; do
        case $line in
            *--where=batch*) line+=' --dry-run' ;;
            *--paper*) continue ;; # t0525 and t0650 write it
            *pipeline-strong*) line="${line#salloc -N4 } --dry-run --launcher=local" ;;
            *inference-colocated*) line="${line#salloc -N4 --exclusive } --dry-run --launcher=local --nodes=1" ;;
        esac
        echo "$line"
        eval "$line" >out 2>err </dev/null || { cat out err; return 1; }
    done <examples
    ls results/storage/run-*/points/p0001/point.json
    [ "$(inferstep sweep status --json | python3 -c 'import json, sys; print({p["state"] for p in json.load(sys.stdin)["points"]})')" = "{'done'}" ]
}

@test "the example batteries can be planned; the one for any machine runs, and its numbers are the command's" {
    for battery in storage threads compare; do
        inferstep sweep -c $battery.yaml --dry-run --where=local | grep -q '^points      [1-9]'
    done
    inferstep sweep -c storage.yaml --where=local --repeats=2 --warmups=0 2>err || { cat err; return 1; }
    python3 - <<'EOF'
import csv, glob, json
points = sorted(glob.glob("results/storage/run-*/points/*/point.json"))
assert len(points) == 12, points
for name in points:
    point = json.load(open(name))
    assert point["state"] == "done", point
    metrics = {row["metric"]: row for row in csv.DictReader(open(name.replace("point.json", "metrics.csv")))}
    assert float(metrics["size"]["value"]) == 16 * 1024 * int(point["parameters"]["kib"]), metrics
    source = metrics["write_time"]
    line = open(name.replace("point.json", source["file"])).read().split("\n")[int(source["line"]) - 1]
    assert f"copied, {source['value']} s" in line or abs(float(line.split("copied, ")[1].split()[0]) - float(source["value"])) < 1e-12, (line, source)
EOF
}

@test "a program of another kind stands beside our client in one table" {
    printf 'import sys\nprint("images/s", 10 * int(sys.argv[2]))\n' >ddp.py
    DDP_SCRIPT=ddp.py PYTHON=/usr/bin/python3 inferstep sweep -c compare.yaml --where=local --repeats=1 \
        --set 'matrix.batch=[1]' --set 'matrix.model=[resnet18]' 2>err || { cat err; return 1; }
    [ "$(cat results/compare/run-*/points/*/metrics.csv | grep -cE '^rate,[0-9.]+,1/s,stdout.log,[0-9]+$')" = 2 ]
    inferstep report results/compare >table
    grep -E '^ddp +1 .* 10\.00' table
    grep -E '^inferstep +1 ' table
}

@test "the pages are well-formed" {
    command -v mandoc || skip "mandoc is not installed"
    mandoc -Tlint -Wwarning "$(page inferstep-sweep.1)" "$(page inferstep-battery.5)"
}
