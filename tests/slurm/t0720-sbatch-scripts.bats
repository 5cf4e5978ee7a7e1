#!/usr/bin/env bats
# contrib/sbatch: the batteries, as they are but for their sizes: flags behind a script's name replace its own.

bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -n "${CLUSTER_MISSING-}" ] || {
        user_run sh -c 'test -e resnet18.pt || inferstep model resnet18 -o resnet18.pt'
        cp "$BATS_TEST_DIRNAME"/../../contrib/sbatch/battery-*.sbatch "$CLUSTER_WORK"
        chmod a+r "$CLUSTER_WORK"/battery-*.sbatch
    }
    export SMALL="--clients_per_node=2 --db_cpus=2 --model=resnet18 --iterations=2 --batch_size=8 --languages=cpp"
}
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    user_run rm -rf results attach out.log
}
teardown() {
    cancel_all_jobs
    assert_clean 10
    [ -z "$(user_run ls -A attach 2>/dev/null)" ]
}

battery() { # script, nodes, flags…: submits it, waits; the only point is done, and right
    local script=$1 nodes=$2
    shift 2
    # shellcheck disable=SC2086 # words
    job=$(user_run "INFER_ATTACH_DIR=$CLUSTER_WORK/attach" sbatch --parsable -N"$nodes" -t5 -o out.log "$script.sbatch" $SMALL "$@")
    for _ in $(seq 750); do [ -n "$(squeue --noheader --jobs="$job" 2>/dev/null)" ] || break; sleep 0.2; done # -W looks rarely
    cat "$CLUSTER_WORK/out.log"
    [ "$(sacct_field "$job" ExitCode)" = 0:0 ]
    here=$(echo "$CLUSTER_WORK"/results/inference-scaling/run-*/points/p0001)
    jq -e '.state == "done"' "$here/point.json"
    jq -e '.wrong == 0 and .errors == 0 and .workload == "smartsim"' "$here"/records/*/summary.json
}

@test "battery-colocated.sbatch: databases beside the clients" {
    battery battery-colocated 2 --nodes=2 --db_port=0
    jq -e '.clients == 4' "$here"/records/*/summary.json
}

@test "battery-standard-same.sbatch: clients and database in one allocation" {
    battery battery-standard-same 3 --client_nodes=1 --db_nodes=2
    read -r step <"$here/database.step"
    jq -e '.state == "ended"' "$here/records/$step"/step_*.json
    jq -r .node "$here/records/$step"/step_*.json | sort >"$BATS_TEST_TMPDIR/database"
    jq -r '.nodes[].node' "$here"/records/*/summary.json >"$BATS_TEST_TMPDIR/clients"
    [ "$(cat "$BATS_TEST_TMPDIR/clients" "$BATS_TEST_TMPDIR/database" | sort -u | wc -l)" = 3 ] # none of them shared
}

@test "battery-standard-hosts.sbatch: the database on the hosts that are named" {
    battery battery-standard-hosts 3 --client_nodes=1
    read -r step <"$here/database.step"
    [ "$(jq -r .node "$here/records/$step"/step_*.json | sort | paste -sd,)" = "${CLUSTER_PREFIX}2,${CLUSTER_PREFIX}3" ]
}

@test "battery-standard-own.sbatch: the database is a batch job of its own" {
    battery battery-standard-own 1 --client_nodes=1 --db_nodes=2
    read -r step <"$here/database.step"
    [ "$(sacct_field "${step%.*}" JobName)" = inferstep-db ]
    # its accounting stands beside the clients', and the report takes each for what it is
    user_run inferstep report results --format=json >"$BATS_TEST_TMPDIR/report.json"
    jq -c . "$here/records/$step"/step_*.json >"$BATS_TEST_TMPDIR/nodes"
    python3 - "$BATS_TEST_TMPDIR/report.json" "$here/$(jq -r .sacct "$here/point.json")" "$job.0" "$step" "$BATS_TEST_TMPDIR/nodes" <<'E'
import csv, json, sys

path, table, clients, database = sys.argv[1:5]
def seconds(text):
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total
with open(table, encoding="utf-8") as file:
    cpu = {row["JobID"]: seconds(row["TotalCPU"]) for row in csv.DictReader(file, delimiter="|")}
with open(path, encoding="utf-8") as file:
    report = json.load(file)
assert report["executions"][0]["accounting"]["step"] == clients
share = cpu[database] / (cpu[clients] + cpu[database])
assert abs(report["rows"][0]["database_share"]["value"] - share) < 1e-6, (report["rows"][0]["database_share"], share)
# what its shards did with the requests: in the records of its nodes
with open(sys.argv[5], encoding="utf-8") as file:
    served = [one for node in map(json.loads, file) for base in node["databases"] for kind in ("models", "scripts")
              for one in base["statistics"].get(kind, {}).values()]
inference = sum(one["inference_us"] for one in served) * 1e-6
assert inference > 0 and abs(report["executions"][0]["accounting"]["inference_s"] - inference) < 1e-6, inference
E
    ! ls -d "$here/records/$step"/rank_* 2>/dev/null || false
}
