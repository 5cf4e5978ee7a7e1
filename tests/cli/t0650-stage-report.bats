#!/usr/bin/env bats
# inferstep report of runs of inferstep stage: the experiments' figures against pandas, texts beside a reference, the short report,
# and the page with all of it in a browser.

load ../lib/report

setup_file() {
    export TREES=$BATS_FILE_TMPDIR
    python3 -B "$INFERSTEP_TOP/tests/lib/sample_stages.py" "$TREES" >/dev/null
}
setup() { report_setup; }
teardown() { report_teardown; }

run_of() { echo "$TREES/pipeline-$1"/run-*; }

@test "every experiment's figures are those that pandas finds in the bundles" {
    for kind in strong weak batch optimization partitions; do
        report "$(run_of $kind)"
        /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/check_stages.py" r/report.json r/stages.csv "$(run_of $kind)"
        is "pipeline-$kind" 'd["meaning"]["experiment"]'
    done
}

@test "where the time went is that of the stages' runs, and adds up" {
    report "$(run_of strong)"
    is True 'all(abs(sum(r[p]["value"] for p in ("communication", "compute", "io", "preprocess", "bubble", "other")) - 1) < 1e-9 for r in d["rows"])'
    is "[1, 2, 4]" '[len(r["stages"]) for r in d["rows"]]'
    is True 'd["rows"][2]["bubble"]["value"] > d["rows"][0]["bubble"]["value"] == 0'
    is True 'd["meaning"]["scaling"]["kind"] == "strong"'
    report "$(run_of optimization)" # in the order of the battery, whichever the points ran in
    is "['baseline', 'KV cache', 'groups in flight', 'int8 weights', 'int4 weights']" '[s["name"] for s in d["series"]]'
    is True 'all(abs(r["experiment"]["against_previous"]["value"] - r["rate"]["value"] / p["rate"]["value"]) < 1e-9 for p, r in zip(d["rows"], d["rows"][1:]))'
    report "$(run_of weak)"
    is True 'd["meaning"]["scaling"]["kind"] == "weak"'
}

@test "a reference: identical, first divergence by tokens, texts on the page" {
    reference=$(run_of strong)/reference/completions_rank_0.jsonl
    report --reference "$reference" "$(run_of optimization)"
    grep -qE '^groups in flight +2 +20/20 identical$' out
    grep -qE '^int8 weights +2 +16/20 identical; first in prompt 1, at token 9$' out
    is "[20, 20, 20, 16, 10]" '[next(x["identical"] for x in d["reference"]["runs"] if x["execution"] == r["executions"][0]) for r in d["rows"]]'
    is 9 '[p["divergence"] for x in d["reference"]["runs"] if x["identical"] == 16 for p in x["prompts"] if p["prompt_index"] == 1][0]'
    grep -q '<mark>' r/index.html
    grep -q 'what happens &lt;here&gt; &amp; why?' r/index.html
    # distributed-inference's files have no tokens: then bytes are compared
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    c = json.loads(line)
    del c["tokens"]
    print(json.dumps(c))' "$reference" >theirs.jsonl
    report --reference theirs.jsonl "$(run_of optimization)"
    grep -qE 'int8 weights +2 +16/20 identical; first in prompt 1, at byte [0-9]+$' out
}

@test "a reference that is none, and trees without completions, are one sentence" {
    echo '{"prompt_index": "x"}' >bad.jsonl
    refuses 1 "bad.jsonl" --reference bad.jsonl "$(run_of weak)"
    refuses 1 "there.jsonl" --reference there.jsonl "$(run_of weak)"
    sample sweep-one
    refuses 1 "has completions to compare with it" --reference "$(run_of strong)"/reference/completions_rank_0.jsonl "$TREE"
}

@test "the paper: all experiments, their limits, what failed and what is missing, numbers of the JSON beside it" {
    inferstep report --paper p.md "$TREES"/pipeline-{strong,weak,batch,optimization}
    for title in "Strong scaling" "Weak scaling" "Sensitivity to the batch size" Optimization Correctness "What was not measured"; do
        grep -qx "## $title" p.md
    done
    grep -q '^- Partitions: not run' p.md
    grep -q '^- Strong scaling: p0012 .*failed' p.md
    grep -q '^- KV cache, stages 2: bounded by the bubble' p.md
    grep -q "^- groups in flight, stages 2: bounded by the memory's bandwidth" p.md
    for plot in $(sed -n 's/^!\[.*\](\(.*\))$/\1/p' p.md); do test -s "$plot"; done
    [ "$(grep -c '^!\[' p.md)" -ge 12 ]
    python3 - <<'PY'
import json, re
text = open("p.md", encoding="utf-8").read()
part = text.split("## Weak scaling\n")[1].split("\n## ")[0]
rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in part.splitlines() if re.match(r"\| \d", line)]
report = json.load(open("p_files/pipeline-weak/report.json", encoding="utf-8"))
assert len(rows) == len(report["rows"]) == 3
for cells, row in zip(rows, report["rows"]):
    shown = [float(cell.split("±")[0]) for cell in cells[2:7]]
    e = row["experiment"]
    exact = [row["time_s"]["value"], row["rate"]["value"], e["weak_speedup"]["value"], 100 * e["weak_efficiency"]["value"], 100 * e["weak_classical"]["value"]]
    assert all(abs(a - b) <= 1e-3 * abs(b) for a, b in zip(shown, exact)), (shown, exact)
PY
    refuses 2 "a name that ends in .md" --paper p.txt "$(run_of weak)"
    run inferstep report --paper q.md outputs
    [ "$status" = 1 ]
}

@test "an efficiency above 100 % of a single run is marked as such, and one with repeats is not" {
    cp -r "$(run_of strong)" twice
    cp -r "$(run_of strong)" once
    python3 - <<'PY'
import json, pathlib, shutil
for tree in map(pathlib.Path, ("once", "twice")):
    sweep = json.loads((tree / "sweep.json").read_text())
    if tree.name == "once":
        sweep["points"] = [p for p in sweep["points"] if p["repeat"] == 1]
        (tree / "sweep.json").write_text(json.dumps(sweep))
    kept = {p["id"]: p for p in sweep["points"]}
    for folder in (tree / "points").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)
        elif kept[folder.name]["parameters"]["stages"] == "2":
            point = json.loads((folder / "point.json").read_text())
            for metric in point["metrics"]:
                metric["value"] *= 0.4 if metric["name"] == "run" else 1
            (folder / "point.json").write_text(json.dumps(point))
PY
    words='parallel efficiency above 100 % (stages 2) is of single runs, and may be noise'
    report once
    is True 'd["rows"][1]["experiment"]["efficiency"]["value"] > 1'
    grep -qF "$words" out
    inferstep report --no-plots --paper p.md once
    grep -qF "$words" p.md
    report twice
    is True 'd["rows"][1]["experiment"]["efficiency"]["value"] > 1'
    ! grep -qF "may be noise" out || false
}

@test "weak scaling whose points had fewer prompts than they should is not told of" {
    cp -r "$(run_of weak)" few
    python3 - few 6 <<'PY'
import json, pathlib, sys
for file in pathlib.Path(sys.argv[1]).glob("points/*/records/*/metrics.json"):
    bundle = json.loads(file.read_text())
    bundle["totals"]["prompts"] = min(bundle["totals"]["prompts"], int(sys.argv[2]))
    file.write_text(json.dumps(bundle))
PY
    report few
    is "[True, False, False]" '[r["experiment"]["weak_classical"]["value"] is not None for r in d["rows"]]'
    grep -qF 'weak scaling is not told of stages 2, which had 6 of 10 prompts' out
    inferstep report --no-plots --paper p.md few
    grep -qF 'weak scaling is not told of stages 4, which had 6 of 20 prompts' p.md
    [ "$(sed -n '/^## Weak scaling/,/^## /p' p.md | grep -cE '^\| [24] .*\| (-|—|–|n/a) ')" = 2 ] || { grep '^| [124] ' p.md; return 1; }
}

@test "the page with stages and texts in a browser, and every number on it" {
    inferstep report -o page --reference "$(run_of strong)"/reference/completions_rank_0.jsonl "$(run_of optimization)" >out
    python3 "$INFERSTEP_TOP/tests/lib/page_numbers.py" page/index.html page/report.json
    for plot in stages change experiment-against-baseline; do test -s page/plots/$plot.svg; done
    mkdir shots
    code=0
    timeout 300 python3 "$INFERSTEP_TOP/tests/lib/browser.py" page/index.html shots || code=$?
    [ "$code" != 77 ] || skip "Chromium cannot be started here"
    [ "$code" = 0 ]
}
