#!/usr/bin/env bats
# The figures of inferstep report: each printed digit against pandas, golden tables, and each number back to its line.

setup() {
    work=$BATS_TEST_TMPDIR
    lib=$INFERSTEP_TOP/tests/lib
}

# sample KIND [NAME=VALUE]: a sample tree; its directory is in $tree. A report of it is in $work/out, its tables in
# $work/text.
sample() {
    rm -rf "$work/tree" "$work/out"
    tree=$(python3 "$lib/sample_trees.py" "$1" "$work/tree" "${@:2}")
}
report() { inferstep report --no-plots -o "$work/out" "$@" >"$work/text"; }
# verify KIND: compare with the independent calculation. Debian's python has the pandas that the tests install.
verify() { /usr/bin/python3 "$lib/check_report.py" "$1" "$tree" "$work/out" "$work/text"; }
# value EXPRESSION: of report.json, as r.
value() { python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/out/report.json" "$1"; }

@test "each digit of a battery's report is that of pandas: distributions, intervals, scaling, breakdown, accounting" {
    for seed in 1 2; do
        sample sweep seed=$seed
        report "$tree"
        run verify sweep
        echo "# seed $seed: $output" >&3
        [ "$status" = 0 ]
    done
}

@test "each digit of a report on step records, SmartSim-Scaling's sessions and itwinai's CSVs is that of pandas" {
    for kind in sweep-one steps smartsim itwinai itwinai-flat itwinai-old; do
        [ $kind = sweep-one ] && seed=() || seed=(seed=5)
        sample $kind "${seed[@]}"
        report "$tree"
        run verify $kind
        echo "# $kind: $output" >&3
        [ "$status" = 0 ]
    done
}

# changed FILE PROGRAM: FILE with one thing changed by the Python program, which has its text as t; the comparison has
# to fail then, and FILE is as it was.
changed() {
    cp "$1" "$work/kept"
    python3 -c 'import re, sys
t = open(sys.argv[1]).read()
new = eval(sys.argv[2])
assert new != t
open(sys.argv[1], "w").write(new)' "$1" "$2"
    run verify smartsim
    cp "$work/kept" "$1"
    [ "$status" = 1 ]
}

@test "the comparison notices one digit in a table, in a CSV and in report.json, and a line that is not the one" {
    sample smartsim
    report "$tree"
    verify smartsim
    other='lambda m: m.group(1) + str((int(m.group(2)) + 1) % 10)'
    changed "$work/text" "re.sub(r'(\nrun_model.*\n.*\ncpp .*)(\d)(?=\n)', $other, t, 1)"
    [[ $output == *"table ('cpp', 1) run_model max"* ]]
    changed "$work/text" "re.sub(r'(\nScaling\n.*\ncpp .*)(\d)(?=\n)', $other, t, 1)"
    [[ $output == *"table ('cpp', 1)  weak"* ]]
    changed "$work/out/functions.csv" "re.sub(r'(,put_tensor,wall,\d+,[\d.]+)(\d)(?=,)', $other, t, 1)"
    [[ $output == *"put_tensor mean_s"* ]]
    changed "$work/out/report.json" "re.sub(r'(\"quantiles\":\t\[[\d., ]*\d\.\d+)(\d)(?=,)', $other, t, 1)"
    [[ $output == *"quantile of"* ]]
    changed "$work/out/report.json" "re.sub(r'(\"slowest\":[^}]*\"line\":\t\d*)(\d)(?=\n)', $other, t)"
    [[ $output == *"AssertionError: {'file': "* ]]
}

@test "the tables are those that they have been" {
    for kind in sweep-one itwinai-flat; do
        sample $kind
        report "$tree"
        echo "=== $kind"
        sed -n '2,/^Slowest times$/p' "$work/text"
    done >"$work/tables"
    diff -u "$INFERSTEP_TOP/tests/cli/report-tables.txt" "$work/tables"
    [ "$(LC_ALL=C.UTF-8 wc -L <"$work/tables")" -le 100 ]
}

@test "one node count and one repeat: figures without intervals, said, and nothing that is no number" {
    sample sweep-one
    report "$tree"
    ! grep -n '±' <(sed 1,3d "$work/text") || false
    grep -q 'there is one repeat of everything: no confidence intervals' "$work/text"
    grep -q 'there is one value of nodes: nothing scales' "$work/text"
    ! grep -niwE 'nan|inf|-nan' "$work/text" "$work"/out/*.csv "$work/out/report.json" || false
    [ "$(value '{(v["low"], v["high"]) for row in r["rows"] for v in row.values() if isinstance(v, dict) and "low" in v}')" = "{(None, None)}" ]
}

@test "failures, missing points and an outlier are named with their numbers; warm-ups are in no figure" {
    sample sweep
    report "$tree"
    [ "$(cut -d, -f2,3 "$work/out/failures.csv" | tr '\n' ' ')" = "id,state p0023,failed p0031,timeout p0048,missing " ]
    tr -s ' \n' ' ' <"$work/text" | grep -q 'rank 1 on node n000: run_model takes [0-9.]* ms, [0-9.]* times the [0-9.]* ms that is the median of 8 ranks'
    [ "$(value '[r["executions"][o["execution"]]["id"] for o in r["outliers"] if "rank 1" in o["text"]]')" = "['p0026']" ]
    [ "$(value 'any(r["executions"][i]["warmup"] or r["executions"][i]["state"] != "done" for row in r["rows"] for i in row["executions"])')" = False ]
    [ "$(value 'sum(e["warmup"] for e in r["executions"])')" = 12 ]
}

@test "what was not measured is a dash, an empty field or null, and a note says why" {
    sample sweep-one
    find "$tree" -name 'sacct_*' -exec sh -c 'echo "# no accounting: this cluster keeps none" >"$1"' - {} \;
    report "$tree"
    [ "$(value '[row[m]["value"] for row in r["rows"] for m in ("cpu_utilization", "memory_bytes", "database_share")]')" = "[None, None, None]" ]
    grep -q 'no accounting of 1 of 1 executions: no accounting: this cluster keeps none' "$work/text"
    ! grep -q 'CPUs used' "$work/text" || false
    [ "$(python3 -c 'import csv, sys; print([r["cpu_utilization"] for r in csv.DictReader(open(sys.argv[1]))])' "$work/out/scaling.csv")" = "['']" ]
}

@test "the common baseline is found and named, or the user's; another is each series' own" {
    sample sweep
    report "$tree"
    grep -q 'baseline  *db_cpus 8, nodes 1 (.*), the best at the smallest nodes' "$work/text"
    grep -q 'own  *each series against its own smallest nodes' "$work/text"
    [ "$(value '[row["speedup_own"]["value"] for row in r["rows"] if row["x"] == 1]')" = "[1, 1, 1]" ]
    report --baseline db_cpus=2,nodes=4 "$tree"
    grep -q 'baseline  *db_cpus 2, nodes 4 (.*), as given' "$work/text"
    [ "$(value '[(r["series"][row["series"]]["name"], row["x"]) for row in r["rows"] if row["speedup_common"]["value"] == 1]')" = "[('db_cpus 2', 4)]" ]
    report --baseline db_cpus=3 "$tree"
    grep -q 'no result fits the baseline db_cpus 3: another takes its place' "$work/text"
}

@test "another axis, other series, another time" {
    sample sweep
    report --x db_cpus --series nodes --time run_model "$tree"
    [ "$(value 'r["meaning"]["x"]["name"], r["meaning"]["time"]["name"], [s["name"] for s in r["series"]]')" = "('db_cpus', 'run_model', ['nodes 1', 'nodes 2', 'nodes 4', 'nodes 8'])" ]
    # hints of a battery may name what is not there: that is a note
    python3 - "$tree/sweep.json" <<'E'
import json, sys
sweep = json.load(open(sys.argv[1]))
sweep["report"] = {"x": "colour", "time": "blue", "rate": "green", "series": ["smell"], "baseline": {"taste": "sweet"}}
json.dump(sweep, open(sys.argv[1], "w"))
E
    report "$tree"
    grep -q 'colour cannot be the horizontal axis: no execution has a parameter of that name' "$work/text"
    grep -q 'no execution has a parameter smell to make series of' "$work/text"
    grep -q 'no result fits the baseline taste sweet: another takes its place' "$work/text"
    [ "$(grep -c 'there is no metric .*named .*: another .* takes its place' "$work/text")" = 2 ]
}

@test "trees side by side are series of one table with one common baseline" {
    sample smartsim
    other=$(python3 "$lib/sample_trees.py" steps "$work/other")
    report --compare "$tree" "$other"
    [ "$(value 'len(r["trees"]), len(r["series"]), sum(row["speedup_common"]["value"] == 1 for row in r["rows"])')" = "(2, 4, 1)" ]
    grep -q '^results, fortran' "$work/text"
}

@test "samples on request, all of them; JSON and CSV on standard output" {
    sample smartsim
    report --samples "$tree"
    /usr/bin/python3 - "$work/out" <<'E'
import sys
import pandas as pd
samples, functions = (pd.read_csv(f"{sys.argv[1]}/{name}.csv") for name in ("samples", "functions"))
assert len(samples) == functions["count"].sum() > 0
ours = samples.groupby(["series", "x", "function"]).seconds.max()
for _, row in functions.iterrows():
    assert ours[row.series, row.x, row.function] == row.max_s
E
    rm -r "$work/out"
    report "$tree"
    [ ! -e "$work/out/samples.csv" ]
    inferstep report --format csv "$tree" | cmp - "$work/out/scaling.csv"
    inferstep report --format json "$tree" | python3 -c '
import json, sys
a, b = json.load(sys.stdin), json.load(open(sys.argv[1]))
assert a.pop("command") != b.pop("command") and a == b' "$work/out/report.json"
}
