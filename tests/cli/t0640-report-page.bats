#!/usr/bin/env bats
# Plots and the page of inferstep report: drawn without a word, the same numbers as report.json, sound in a real browser,
# whatever the names in the files are.

setup_file() {
    export TREES=$BATS_FILE_TMPDIR
    for kind in sweep sweep-one smartsim itwinai; do
        tree=$("$INFERSTEP_TOP/tests/lib/sample_trees.py" $kind "$TREES/$kind")
        inferstep report -o "$TREES/$kind.report" "$tree" >"$TREES/$kind.out" 2>"$TREES/$kind.err"
    done
}
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

browse() { # page, folder for screenshots
    local code=0
    mkdir -p "$2"
    timeout 300 python3 "$INFERSTEP_TOP/tests/lib/browser.py" "$1" "$2" || code=$?
    [ "$code" != 77 ] || skip "Chromium cannot be started here"
    return "$code"
}

# Every SVG parses as XML, has the width that is written for the terminal, and its PNG has twice that.
drawings() {
    python3 - "$1" <<'PY'
import glob, re, struct, sys
import xml.etree.ElementTree as tree
script = open(sys.argv[1] + "/plots.gp", encoding="utf-8").read()
stems = re.findall(r"set output '([^']*)\.svg'", script)
assert stems and len(stems) == len(set(stems)), stems
for stem in stems:
    width, height = re.search(r"svg size (\d+),(\d+)[^\n]*\nset output '" + re.escape(stem) + r"\.svg'", script).groups()
    assert tree.parse(f"{sys.argv[1]}/{stem}.svg").getroot().get("viewBox") == f"0 0 {width} {height}", stem
    png = open(f"{sys.argv[1]}/{stem}.png", "rb").read()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (2 * int(width), 2 * int(height)), stem
print(len(stems), "plots")
PY
}

@test "the plots of every kind of tree are drawn without a word" {
    for kind in sweep sweep-one smartsim itwinai; do
        no_trouble=$(grep -i gnuplot "$TREES/$kind.err" || true)
        [ -z "$no_trouble" ] || { echo "$kind: $no_trouble"; return 1; }
        drawings "$TREES/$kind.report/plots"
    done
    for plot in time rate speedup efficiency-weak breakdown change sensitivity-db-cpus times-run-model utilization; do
        test -s "$TREES/sweep.report/plots/$plot.svg"
    done
    test -s "$TREES/itwinai.report/plots/efficiency-strong.png"
}

@test "the plots can be drawn again by hand" {
    cp -r "$TREES/sweep.report/plots" again
    rm again/*.svg again/*.png
    (cd again && gnuplot plots.gp) >said 2>&1
    [ ! -s said ] || { cat said; return 1; }
    for drawn in again/*.svg; do
        cmp "$drawn" "$TREES/sweep.report/plots/${drawn#again/}"
    done
}

@test "every number on the page is that of report.json" {
    for kind in sweep sweep-one smartsim itwinai; do
        python3 "$INFERSTEP_TOP/tests/lib/page_numbers.py" "$TREES/$kind.report/index.html" "$TREES/$kind.report/report.json"
    done
}

@test "the page in a browser: no error, no request, tables sort, links lead somewhere, screen, phone and paper" {
    browse "$TREES/sweep.report/index.html" shots
    test -s shots/page-390.png && test -s shots/page-1280.png && test -s shots/page.pdf
}

@test "the page says what failed, with the logs" {
    page=$TREES/sweep.report/index.html
    grep -q '<strong>3 of 48 executions did not succeed</strong>' "$page"
    grep -q 'it took longer than its limit of 00:02:00' "$page"
    grep -q 'href="[^"]*points/p[0-9]*/stdout.log"' "$page"
    grep -q 'href="[^"]*sacct_[0-9]*.txt"[^>]*>sacct_[0-9]*.txt:3<' "$page"
    grep -q '>rank_[0-9]*.csv:[0-9]*<' "$page"
}

# A sweep whose parameters, values, functions and folder have names that mean something to HTML, gnuplot or a shell
odd_tree() {
    tree=$("$INFERSTEP_TOP/tests/lib/sample_trees.py" sweep "odd # %41 ?\"'<b>&")
    python3 - "$tree" "$PWD/harm" <<'PY'
import glob, json, sys
harm = f"touch {sys.argv[2]}"
names = {"db_cpus": f"<script>document.title='harm'</script>`{harm}`@{{x}} '; system('{harm}')"}
values = {"2": f"\" onmouseover=\"alert(1)\n`{harm}`", "4": f"''; system(\"{harm}\") %s %d {{/Bold x}} ]]>", "8": "größe_^\u202e模型 \u0007&amp;"}
for path in glob.glob(glob.escape(sys.argv[1]) + "/points/*/point.json"):
    point = json.load(open(path))
    point["parameters"] = {names.get(k, k): values.get(v, v) if k in names else v for k, v in point["parameters"].items()}
    json.dump(point, open(path, "w"))
sweep = json.load(open(sys.argv[1] + "/sweep.json"))
sweep["report"] = {}
for point in sweep.get("points", []):
    point["parameters"] = {names.get(k, k): values.get(v, v) if k in names else v for k, v in point["parameters"].items()}
json.dump(sweep, open(sys.argv[1] + "/sweep.json", "w"))
for path in glob.glob(glob.escape(sys.argv[1]) + "/points/*/records/*/rank_*.csv"):
    text = open(path).read().replace("run_model", f"run'<img src=x onerror=alert(1)>`{harm}`")
    open(path, "w").write(text)
PY
}

@test "names in the files can do no harm, to gnuplot, to the page or to its links" {
    odd_tree
    inferstep report -o odd.report "$tree" >out 2>err
    [ ! -e harm ]
    drawings odd.report/plots
    grep -qF '&lt;script&gt;document.title=&#39;harm&#39;&lt;/script&gt;' odd.report/index.html
    [ "$(grep -c '<script>' odd.report/index.html)" = 1 ]
    python3 "$INFERSTEP_TOP/tests/lib/page_numbers.py" odd.report/index.html odd.report/report.json
    browse odd.report/index.html shots
    [ ! -e harm ]
}

@test "a gnuplot that fails is said, and the report comes all the same" {
    mkdir bin
    printf '#!/bin/sh\necho "no terminal today" >&2\nexit 3\n' >bin/gnuplot
    chmod +x bin/gnuplot
    PATH=$PWD/bin:$PATH inferstep report -o failing.report "$TREES/smartsim" >out 2>err
    grep -q 'no terminal today' err
    grep -q 'no terminal today' failing.report/index.html
    test -s failing.report/report.json
}

@test "a gnuplot that is not there is said, with what to install" {
    unshare -m true 2>/dev/null || skip "no mount namespace here, in which gnuplot could be hidden"
    # shellcheck disable=SC2016  # the inner shell's
    unshare -m sh -c 'mount --bind /dev/null "$(readlink -f "$(command -v gnuplot)")" && exec inferstep report -o without "$1"' - \
        "$TREES/smartsim" >out 2>err || { cat err; grep -q mount: err && skip "nothing can be mounted here"; return 1; }
    grep -q 'gnuplot is not installed; install it' err
    grep -q 'id="scaling-table"' without/index.html
    test -s without/plots/plots.gp
}

@test "--no-plots draws nothing, and the page is whole without" {
    inferstep report --no-plots -o plain "$TREES/smartsim" >out 2>err
    [ ! -e plain/plots ]
    no_figures=$(grep -c '<figure' plain/index.html || true)
    [ "$no_figures" = 0 ]
    grep -q 'id="scaling-table"' plain/index.html
}
