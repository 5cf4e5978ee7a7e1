# shellcheck shell=bash disable=SC2034,SC2154
# Helpers of the tests of inferstep report. In a .bats file:
#
#   load ../lib/report
#   setup() { report_setup; }
#   teardown() { report_teardown; }

report_setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" SSDB
}
report_teardown() {
    cd / && rm -rf "$work"
}

# A sample tree of this kind, in a folder of its name. Sets TREE.
sample() { # kind, NAME=VALUE…
    TREE=$(python3 -B "$INFERSTEP_TOP/tests/lib/sample_trees.py" "$1" "$work/$1" "${@:2}")
}

# Report without plots into the folder r; what it prints is in `out`.
report() { inferstep report --no-plots -o r "$@" >out; }

# The value of a Python expression on r/report.json, which is d; e is the execution of an id, notes(word) are those with it.
value() { # expression
    python3 - "$1" <<'EOP'
import json, sys
d = json.load(open("r/report.json"))
e = {one["id"]: one for one in d["executions"]}
notes = lambda word: [n for n in d["notes"] if word in n["text"] or word in n["source"]["file"]]
functions = lambda series, x: {f["function"]: f for r in d["rows"] if d["series"][r["series"]]["name"] == series and r["x"] == x for f in r["functions"]}
print(eval(sys.argv[1]))
EOP
}
is() { # value, expression
    local found
    found=$(value "$2") && [ "$found" = "$1" ] || { echo "$2 is '$found', not '$1'"; return 1; }
}

# refuses CODE WORDS ARGUMENT…: one sentence with these words, and this exit code.
refuses() {
    local code=$1 words=$2
    shift 2
    run inferstep report --no-plots -o - "$@"
    [ "$status" = "$code" ] && [[ $output == *"error: "*"$words"* ]] && [ "$(grep -c 'error: ' <<<"$output")" = 1 ] && return
    echo "$*: exit code $status, output: $output"
    return 1
}
