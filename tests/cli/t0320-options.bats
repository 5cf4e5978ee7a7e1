#!/usr/bin/env bats
# Wrong options of inferstep run and db serve: one sentence that names the option and what would be right, exit code 2 for
# the command line and 1 for the world, and nothing stays behind.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# wrong CODE WORDS OPTION…: both programs refuse the options with the words in their error, and run nothing.
wrong() {
    local code=$1 words=$2
    shift 2
    INFER_COLOCATE=1 INFER_DB_CPUS=1 INFER_DEVICE=cpu run timeout 20 inferstep run --statedir="$state" "$@" touch ran
    told "$code" "$words" "$*" || return 1
    [ ! -e ran ] || { echo "$*: the program ran"; return 1; }
}
told() { # code, words, case
    [ "$status" = "$1" ] && [[ $output == *"error: "*"$2"* ]] && [ "$(grep -c 'error: ' <<<"$output")" = 1 ] && return
    printf 'case: %s\nexpected %s: %s\ngot %s: %s\n' "$3" "$1" "$2" "$status" "$output"
    return 1
}

# Each row: exit code | words of the message | options.
table() {
    local code words options
    while IFS='|' read -r code words options; do
        [ -n "$code" ] || continue
        # shellcheck disable=SC2086  # a row is words
        eval "wrong \"$code\" \"$words\" $options" || return 1
    done
}

@test "numbers: no number, zero, negative, huge, empty, given twice" {
    table <<'ROWS'
2|--colocate wants a whole number from 1 to 64, not 'abc'|--colocate=abc
2|--colocate wants a whole number from 1 to 64, not '0'|--colocate=0
2|whole number from 1 to 64, not '-1'|--colocate=-1
2|from 1 to 64, not '65'|--colocate=65
2|from 1 to 64, not '99999999999999999999'|--colocate=99999999999999999999
2|not '1.5'|--colocate=1.5
2|--colocate|--colocate=1 --colocate=2
2|--db-cpus wants a whole number from 1 to 1024, not '2x'|--db-cpus=2x
2|--db-cpus|--db-cpus=1 --db-cpus=2
2|--db-tpq wants a whole number|--db-tpq=0
2|--timeout wants a whole number from 1 to 86400, not '0'|--timeout=0
2|--timeout wants|--timeout=''
2|--db-memory wants a size from 1K to 1048576T, such as 512M or 8G, not '8'|--db-memory=8
2|--num-devices wants a whole number from 1 to 64, not '0'|--num-devices=0
2|--db-port wants a whole number from 0 to 65535, not '65536'|--db-port=65536
2|--tasks: 0 is out of range|-n 0
2|--tasks: 'x' is not|-n x
ROWS
}

@test "choices and unknown options" {
    table <<'ROWS'
2|--pin-app wants one of|--pin-app=maybe
2|--device wants one of|--device=gup
2|--tcp-auth wants one of|--tcp-auth=yes
2|--on-db-failure wants one of|--on-db-failure=ignore
2|--net-ifname wants the name of an interface, not '../x'|--net-ifname=../x
2|--num-devices=1 is about GPUs, and --device=cpu uses none|--num-devices=1
2|--no-such-option|--no-such-option
2|--redis: 'redis' is not an absolute path|--redis=redis
2|--redis: /no/such/redis is not a program|--redis=/no/such/redis
ROWS
    run infer --colocate --device=gpus true
    [[ $output == *"--device wants one of auto|cpu|gpu, not 'gpus'"*"did you mean gpu?"* ]]
}

@test "more than the machine has" {
    cpus=$(nproc)
    wrong 1 "--db-cpus=$cpus leaves no CPU" --db-cpus="$cpus"
    wrong 1 "--db-cpus=1000 is more than there are" --db-cpus=1000
    wrong 1 "--colocate=64 needs a CPU for each instance" --colocate=64 --db-cpus=64
}

@test "models: form, keys, values" {
    echo x >m.pt
    table <<'ROWS'
2|--model wants NAME:PATH[,key=value...], not 'm.pt'|--model=m.pt
2|--model wants NAME:PATH[,key=value...], not ':m.pt'|--model=:m.pt
2|--model wants NAME:PATH[,key=value...], not 'm:'|--model=m:
2|--model m: 'fast' is no key; the keys are backend, |--model=m:m.pt,fast
2|--model m: 'batchsiz' is no key|--model=m:m.pt,batchsiz=8
2|--model m: batchsize wants a whole number from 1 to 1000000, not '0'|--model=m:m.pt,batchsize=0
2|--model m: batchsize is given twice|--model=m:m.pt,batchsize=1,batchsize=2
2|minbatchsize=9 is more than batchsize=8|--model=m:m.pt,batchsize=8,minbatchsize=9
2|minbatchtimeout needs minbatchsize|--model=m:m.pt,batchsize=8,minbatchtimeout=3
2|--model m: backend wants torch or aoti, not 'tensorflow'|--model=m:m.pt,backend=tensorflow
2|--model m: device wants cpu, gpu or gpu:N, not 'tpu'|--model=m:m.pt,device=tpu
2|--model m: device=gpu contradicts --device=cpu|--model=m:m.pt,device=gpu
2|--model m: sha256 wants 64 hexadecimal digits, not 'abc'|--model=m:m.pt,sha256=abc
2|--model m: warmup wants a shape like|--model=m:m.pt,warmup=1x2y
2|warmup wants a shape like 1x3x224x224 or 1x3x224x224:FLOAT|--model=m:m.pt,warmup=1x3:HALF
2|of at most 2^30 elements|--model=m:m.pt,warmup=1000000x1000000x1000000
2|waits forever|--model=m:m.pt,batchsize=8,minbatchsize=8,warmup=1x3
2|--model: two have the name 'm'|--model=m:m.pt --model=m:m.pt
2|--model: two have the name 'm'|--model='m:m.pt;m:m.pt'
ROWS
    run infer --colocate --model=m:m.pt,batchsiz=8 true
    [[ $output == *"did you mean batchsize?"* ]]
}

@test "model files: missing, no file, empty, no TorchScript, truncated, wrong checksum" {
    inferstep model resnet18 -o good.pt
    head -c 1000000 good.pt >cut.pt
    echo "this is no model" >text.pt
    : >empty.pt
    table <<'ROWS'
1|--model m: cannot open $work/none.pt|--model=m:none.pt
1|--model m: $work is not a file|--model=m:.
1|--model m: $work/empty.pt is empty|--model=m:empty.pt
1|--model m: $work/text.pt was not loaded|--model=m:text.pt
1|--model m: $work/cut.pt was not loaded|--model=m:cut.pt
1|--model m: $work/good.pt has not the checksum|--model=m:good.pt,sha256=$(printf '0%.0s' {1..64})
1|--model m: the warm-up inference failed|--model=m:good.pt,warmup=1x4x224x224
ROWS
}

@test "a good model is there when the task starts, and its checksum is accepted" {
    inferstep model resnet18 -o good.pt
    sum=$(sha256sum good.pt | cut -d' ' -f1)
    run infer --colocate --db-cpus=1 --device=cpu --model="r18:good.pt,sha256=$sum,warmup=1x3x224x224;again:good.pt,batchsize=4" \
        sh -c 'redis-cli -s "${SSDB#unix://}" AI._MODELSCAN; redis-cli -s "${SSDB#unix://}" AI.INFO r18'
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *r18* && $output == *again* ]]
    [ "$(grep -A1 '^calls$' <<<"$output" | tail -n 1)" = 1 ]
}

@test "db serve refuses as run does, in the same words" {
    run inferstep db serve --statedir="$state" --colocate=abc
    told 2 "--colocate wants a whole number from 1 to 64, not 'abc'" "db serve"
    run inferstep db serve --statedir=here
    told 2 "--statedir: 'here' is not an absolute path" "db serve"
    run inferstep db serve --statedir="$state" --model=m:none.pt
    told 1 "--model m: cannot open $work/none.pt" "db serve"
    run inferstep db serve --statedir="$state" --page-fd=90 --life-fd=91
    told 2 "--page-fd: 90 is not open" "db serve"
    run inferstep db serve --statedir="$state" --page-fd=3 3</dev/null
    told 2 "--page-fd: this is no page" "db serve"
    run inferstep db serve --statedir="$state" --life-fd=3 3</dev/null
    told 2 "--page-fd and --life-fd go together" "db serve"
}

@test "S13: control characters in an option cannot forge a line of output" {
    run infer --colocate --device=$'cpu\ninferstep: all is well' true
    [ "$status" = 2 ]
    no grep '^inferstep: all is well' <<<"$output"
}
