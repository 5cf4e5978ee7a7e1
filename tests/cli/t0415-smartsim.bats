#!/usr/bin/env bats
# inferstep client --workload=smartsim: the loop of SmartSim-Scaling with its columns, N rows of each, and the right answers.

load ../lib/step

setup() {
    step_setup
    export XDG_CACHE_HOME=$BUILD/test-cache # the networks are made once for all tests
}
teardown() { step_teardown; }

client() { colocated --pin-app=no -n 2 inferstep client --workload=smartsim --model=resnet18 --iterations=5 "$@"; }
record() { echo "${1:-outputs}"/local.*; }
rows() { grep -c "^$2,$3," "$(record "$1")/rank_$2.csv"; }

@test "four calls an iteration, each with as many rows as iterations, in either language" {
    for language in cpp fortran; do
        run client --language=$language --outdir=$language
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"#wrong        0 of 10"* ]]
        for rank in 0 1; do
            for function in put_tensor run_script run_model unpack_tensor loop; do
                [ "$(rows $language $rank $function)" = 5 ] || { echo "$language rank $rank $function"; return 1; }
            done
            for function in 'client()' loop_time 'main()'; do
                [ "$(rows $language $rank "$function")" = 1 ]
            done
            no grep -q 'get_tensor\|dag' "$(record $language)/rank_$rank.csv"
        done
        # What is put is an image as SmartSim-Scaling has it.
        grep -qF '"shape":[224,224,3]' "$(record $language)/rank_0.log"
    done
}

@test "the parts of an iteration add up to it" {
    client --warmup=2
    python3 - "$(record)" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(f"{sys.argv[1]}/rank_1.csv")))
of = lambda f: [float(r["time"]) for r in rows if r["function"] == f]
parts = zip(of("put_tensor"), of("run_script"), of("run_model"), of("unpack_tensor"), of("loop"))
for *calls, loop in parts:
    assert min(calls) > 0 and abs(sum(calls) - loop) < 1e-4, (calls, loop)
assert sum(of("loop")) <= of("loop_time")[0]
PY
}

@test "keys are deleted at the end, or stay, each iteration's own" {
    run infer --colocate --db-cpus=1 --device=cpu sh -c "inferstep client --workload=smartsim --model=resnet18 --iterations=3 >/dev/null && echo left: && redis-cli -s \"\${SSDB#unix://}\" keys '{*'"
    echo "$output"
    [ "$status" = 0 ]
    [[ ${output//[$'\n ']/} == *left:* && $output != *.in* ]]
    run infer --colocate --db-cpus=1 --device=cpu sh -c "inferstep client --workload=smartsim --model=resnet18 --iterations=3 --warmup=1 --keep-keys --outdir=kept >/dev/null && redis-cli -s \"\${SSDB#unix://}\" keys '{*'"
    echo "$output"
    [ "$status" = 0 ]
    for key in in pre out; do
        [ "$(grep -c "}.$key.[0-3]\$" <<<"$output")" = 4 ] # the warm-up's, too
    done
}

@test "a wrong reference is noticed through the script" {
    inferstep model resnet18 --seed 1 -o other.pt
    run client --reference=other.pt
    [ "$status" = 1 ]
    [[ $output == *"#wrong        10 of 10"* ]]
}

@test "a model that takes no image of three channels is refused by name" {
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" --example 1,7 flat.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    run colocated inferstep client --workload=smartsim --model=flat.pt --iterations=2
    [ "$status" = 1 ]
    [[ $output == *"images of three channels, which"*flat.pt* ]]
}

@test "--dag=yes is one call an iteration, in either language" {
    for language in cpp fortran; do
        run client --dag=yes --language=$language --outdir=$language
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"#wrong        0 of 10"* ]]
        [ "$(rows $language 1 dag)" = 5 ]
        no grep -q 'put_tensor\|run_model\|,loop,' "$(record $language)/rank_1.csv"
    done
}

@test "--dag=both compares all outputs of both ways and tells the gain" {
    for language in cpp fortran; do
        run client --dag=both --language=$language --outdir=$language
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *"one command "*" x as fast as call after call"* ]]
        [[ $output == *"#wrong        0 of 20"* ]]
        for function in put_tensor run_script run_model unpack_tensor loop dag; do
            [ "$(rows $language 0 $function)" = 5 ]
        done
    done
    python3 - "$(record cpp)" <<'PY'
import json, sys
d = json.load(open(f"{sys.argv[1]}/summary.json"))
f = d["functions"]
assert abs(d["dag_gain"] - f["loop"]["p50"] / f["dag"]["p50"]) < 1e-6 and d["workload"] == "smartsim"
PY
}

@test "the default loop goes in one command, too" {
    run colocated inferstep client --model=resnet18 --iterations=3 --dag=both
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"#wrong        0 of 6"* ]]
    [ "$(rows outputs 0 get_tensor)" = 3 ]
    [ "$(rows outputs 0 dag)" = 3 ]
}
