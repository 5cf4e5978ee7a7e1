#!/usr/bin/env bats
# inferstep client beside a database: what it prints, what it leaves, what it finds wrong.

load ../lib/step

setup() {
    step_setup
    export XDG_CACHE_HOME=$BUILD/test-cache # the networks are made once for all tests
}
teardown() { step_teardown; }

# Two clients of a small network; more options may follow.
client() { colocated --pin-app=no -n 2 inferstep client --model=resnet18 --iterations=6 "$@"; }
record() { echo outputs/local.*; }
summary() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$(record)/summary.json" "$1"; }
rows() { grep -c "^$1,$2," "$(record)/rank_$1.csv"; }

@test "both ranks loop; the table and the records say the same" {
    run client
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"2 clients on 1 node, model resnet18, batch 1, C++"* ]]
    [[ $output == *"#wrong        0 of 12"* ]]
    [[ $output == *"records       $PWD/$(record)"* ]]
    for rank in 0 1; do
        [ "$(head -n 1 "$(record)/rank_$rank.csv")" = rank,function,time ]
        for function in put_tensor run_model get_tensor loop; do
            [ "$(rows $rank $function)" = 6 ]
        done
        for function in 'client()' loop_time 'main()'; do
            [ "$(rows $rank "$function")" = 1 ]
        done
        [ "$(head -n 1 "$(record)/rank_$rank.log")" = "schema inferstep-rank/1" ]
        for word in command versions placement model inputs reference; do
            grep -q "^$word " "$(record)/rank_$rank.log"
        done
        tail -n 1 "$(record)/rank_$rank.log" |
            python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["iterations"] == d["compared"] == 6 and d["wrong"] == 0'
    done
    [ "$(summary 'd["functions"]["loop"]["count"], d["clients"], d["wrong"], d["errors"], d["missing"]')" = "(12, 2, 0, 0, 0)" ]
    # The databases' records joined ours.
    [ -e "$(record)/step.json" ]
    ls "$(record)"/db_*_0.log
}

@test "times are seconds and their parts add up to the loop" {
    client --warmup=0
    python3 - "$(record)" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(f"{sys.argv[1]}/rank_0.csv")))
of = lambda f: [float(r["time"]) for r in rows if r["function"] == f]
for put, run, get, loop in zip(of("put_tensor"), of("run_model"), of("get_tensor"), of("loop")):
    assert 0 < put and 0.001 < run and 0 < get and abs(put + run + get - loop) < 1e-4, (put, run, get, loop)
assert sum(of("loop")) <= of("loop_time")[0] <= of("main()")[0] < 300
PY
}

@test "Fortran does the same" {
    run client --language=fortran
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *Fortran* && $output == *"#wrong        0 of 12"* ]]
    [ "$(rows 1 get_tensor)" = 6 ]
}

@test "pipelined, in either language, there is one call" {
    for language in cpp fortran; do
        run client --pipelined --language=$language --outdir=$language
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"#wrong        0 of 12"* ]]
        [ "$(cat $language/*/rank_*.csv | grep -c ,infer,)" = 12 ]
        ! grep -q put_tensor $language/*/rank_0.csv || return 1
    done
}

@test "every sample of a batch is compared" {
    run client --batch-size=3 --db-batch-size=6
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"#wrong        0 of 36"* ]]
    grep -qF '"shape":[3,3,224,224]' "$(record)/rank_0.log"
}

@test "a different reference makes every output wrong, and the exit code 1" {
    inferstep model resnet18 --seed 1 -o other.pt
    run client --reference=other.pt
    [ "$status" = 1 ]
    [[ $output == *"#wrong        12 of 12"* ]]
    [[ $output == *"6 of 6 outputs differ from the in-process forward"* ]]
    [ "$(summary 'd["wrong"]')" = 12 ]
}

@test "a tolerance of zero finds rounding" {
    run client --tolerance=0
    [ "$status" = 1 ]
    [[ $output == *"#wrong        "* && $output != *"#wrong        0 of"* ]]
}

@test "a model that the database has already is used as it is" {
    inferstep model resnet18 --seed 5 --classes 7 -o mine.pt
    run colocated --model=net:mine.pt inferstep client --model-name=net --iterations=3
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"model net"* && $output == *"#wrong        0 of 3"* ]]
    grep -q '"origin":"in the database before"' "$(record)/rank_0.log"
}

@test "--clients-per-node starts so many, numbered, and only whole shares" {
    run client --clients-per-node=4 --json
    [ "$status" = 0 ]
    [ "$(summary 'd["clients"], d["nodes"][0]["clients"], d["compared"]')" = "(4, 4, 24)" ]
    ls "$(record)"/rank_{0,1,2,3}.csv
    run client --clients-per-node=3
    [ "$status" = 2 ]
    [[ $output == *--clients-per-node=3* ]]
}

@test "--json prints what summary.json has" {
    client --json >out.json
    python3 - "$(record)/summary.json" <<'PY'
import json, sys
printed, written = json.load(open("out.json")), json.load(open(sys.argv[1]))
assert printed == written
assert printed["schema"] == "inferstep-client/1" and printed["inferences_per_second"] > 0
assert printed["command"][1:3] == ["client", "--model=resnet18"]
assert {"count", "mean", "p50", "p95", "p99", "max"} == set(printed["functions"]["loop"])
PY
}

@test "images of a folder are the input; damaged ones are left out by name" {
    mkdir img
    python3 - <<'PY'
import struct, zlib
def png(path, color):
    rows = b"".join(b"\0" + bytes(color) * 40 for _ in range(30))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + parts)
png("img/a.png", (255, 0, 0)); png("img/b.png", (0, 255, 0)); png("img/c.png", (0, 0, 255))
open("img/cut.png", "wb").write(open("img/a.png", "rb").read()[:50])
PY
    run client --images=img
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"img/cut.png"*"left out"* ]]
    [[ $output == *"#wrong        0 of 12"* ]]
    grep -q '"source":"img".*"left_out":1' "$(record)/rank_0.log"
    rm img/[abc].png
    run client --images=img --outdir=none
    [ "$status" = 1 ]
    [[ $output == *"none of the images in img can be read"* ]]
}

@test "two clients of one step do not overwrite each other's records" {
    run colocated sh -c 'c="inferstep client --model=resnet18 --iterations=2"; $c && $c'
    [ "$status" = 1 ]
    [[ $output == *"rank_0.log exists already"*--outdir* ]]
}
