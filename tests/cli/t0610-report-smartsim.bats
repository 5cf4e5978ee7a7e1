#!/usr/bin/env bats
# inferstep report and SmartSim-Scaling: its trees are read, first row included, and its sessions written.

# shellcheck disable=SC2154 # work, TREE, status and output are set by lib/report and bats
load ../lib/report

setup() { report_setup; }
teardown() { report_teardown; }

session() { echo "$TREE"/inference-scaling/run-*/infer-sess-colo-"$1"-N"$2"-*; }

@test "results/, a run and one session, C++ and Fortran" {
    sample smartsim
    report "$TREE"
    is "(6, ['cpp', 'fortran'], [1, 2, 4, 1, 2, 4])" '(len(d["executions"]), [s["name"] for s in d["series"]], [r["x"] for r in d["rows"]])'
    is "{'colocated': '1', 'clients_per_node': '2', 'db_cpus': '2', 'db_port': '6780', 'db_tpq': '1', 'batch_size': '1', 'device': 'GPU', 'num_devices': '1', 'iterations': '12', 'language': 'cpp', 'node_feature': '{}', 'wall_time': '05:00:00', 'nodes': '1'}" 'd["executions"][0]["parameters"]'
    is 1 'len(notes("statistics are not read"))'
    report "$TREE"/inference-scaling/run-*
    is 6 'len(d["executions"])'
    report "$(session cpp 4)"
    is "(1, 4, 8)" '(len(d["executions"]), d["executions"][0]["nodes"], d["executions"][0]["tasks"])'
}

@test "no row is dropped, in either number format" {
    sample smartsim
    report "$TREE"
    # client() is the first row of each C++ file; 11 iterations of 2, 4 and 8 clients
    is "[2, 4, 8]" '[functions("cpp", x)["client()"]["count"] for x in (1, 2, 4)]'
    is "[22, 44, 88]" '[functions("cpp", x)["run_model"]["count"] for x in (1, 2, 4)]'
    is "[24, 48, 96]" '[functions("fortran", x)["put_tensor"]["count"] for x in (1, 2, 4)]'
    # E25.16 with leading blanks and G0, against Python's own reading of the same rows
    python3 - "$(session fortran 2)" <<'EOP'
import glob, json, sys
d = json.load(open("r/report.json"))
times = [float(line.split(",")[2]) for path in glob.glob(sys.argv[1] + "/rank_*") for line in open(path) if ",run_model," in line]
found = [f for r in d["rows"] if d["series"][r["series"]]["name"] == "fortran" and r["x"] == 2 for f in r["functions"] if f["function"] == "run_model"][0]
assert len(times) == found["count"] == 48
for have, want in ((found["mean"]["value"], sum(times) / len(times)), (found["min"], min(times)), (found["max"], max(times))):
    assert abs(have - want) <= 1e-11 * want, (have, want)
EOP
}

@test "what Fortran never set is no time, also where it looks like one" {
    sample smartsim
    grep -q '3,client(),.*0.1050000000000000E-01' "$(session fortran 2)/rank_3_timing.csv"
    report "$TREE"
    is 3 'len(notes("Fortran client never sets it"))'
    is True '"client()" not in functions("fortran", 1)'
    is 0 'len(notes("client(),"))'
    # in C++ the same rows are times, or nonsense that is named
    sed -i '1s/.*/0,client(),-0.4172325063223070E+19/' "$(session cpp 1)/rank_0_timing.csv"
    report "$TREE"
    is "['rank_0_timing.csv']" '[n["source"]["file"].split("/")[-1] for n in notes("is a time that nobody has measured")]'
    is 1 'functions("cpp", 1)["client()"]["count"]'
}

@test "missing ranks by run.cfg's count; no run.cfg; a run.cfg that is none" {
    sample smartsim
    rm "$(session cpp 2)"/rank_1_timing.csv
    report "$TREE"
    is 1 'len(notes("1 of 4 ranks left no times"))'
    is True 'notes("1 of 4 ranks left no times")[0]["source"]["file"].endswith("run.cfg")'
    rm "$(session cpp 1)/run.cfg"
    report "$(session cpp 1)"
    is "(1, {}, 1)" '(len(notes("there is no run.cfg")), d["executions"][0]["parameters"], d["executions"][0]["nodes"])'
    sed -i '12s/.*/client_total/' "$(session cpp 4)/run.cfg"
    refuses 1 "run.cfg, line 12: 'client_total' is neither [section] nor" "$TREE"
}

@test "written sessions: read back they give the same numbers" {
    sample sweep
    report "$TREE"
    mv r first
    inferstep report -o - --smartsim-files=sessions "$TREE" >out
    [ "$(ls -d sessions/infer-sess-colo-cpp-N*-T2-DBN*-DBCPU*-DBTPQ1-???? | wc -l)" = "$(ls sessions | wc -l)" ]
    head -n 1 sessions/*/rank_0_timing.csv | grep -cE '^0,client\(\),0\.00' | grep -x "$(ls sessions | wc -l)"
    report sessions
    python3 - <<'EOP'
import json
sweep, back = (json.load(open(f"{name}/report.json")) for name in ("first", "r"))
def figures(d):
    return {(d["series"][r["series"]]["parameters"]["db_cpus"], r["nodes"], f["function"]):
            [f["count"], f["min"], f["max"], f["quantiles"], f["mean"]["value"]] for r in d["rows"] for f in r["functions"]}
assert figures(sweep) == figures(back)
assert len(figures(back)) == 12 * 7
EOP
    python3 - <<'EOP'
import configparser, glob
for path in glob.glob("sessions/*/run.cfg"):
    config = configparser.ConfigParser()
    config.read(path)
    attributes = config["attributes"]
    assert int(attributes["client_total"]) == int(attributes["client_nodes"]) * int(attributes["client_per_node"]) == 2 * int(attributes["client_nodes"])
    assert config["run"]["name"] in path
EOP
    refuses 1 "sessions is there already and not empty" --smartsim-files=sessions "$TREE"
}

@test "a session of ours in Fortran keeps its client()" {
    sample steps
    inferstep report -o - --smartsim-files=sessions "$TREE" >out
    report sessions
    is "[2, 4, 8]" '[functions("fortran", x)["client()"]["count"] for x in (1, 2, 4)]'
}
