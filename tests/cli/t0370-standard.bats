#!/usr/bin/env bats
# inferstep db standard on this machine alone: two shards of one supervisor, without Slurm.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() {
    step_setup
    export INFER_ATTACH_DIR=$work/attach
}
teardown() { step_teardown; }

standard() { # start it, wait until it is ready; sets RUN
    rm -f out err
    inferstep db standard --statedir="$state" --device=cpu --net-ifname=lo "$@" >out 2>err 3>&- &
    RUN=$!
    wait_until grep -q '^ready ' out
}
kill_shards() { pgrep -P "$1" -x redis-server | xargs kill -9; } # of the supervisor
attached() { eval "$(inferstep db address local."$RUN")" && "$@"; }

@test "two shards: models, scripts and keys; the address goes with the database" {
    python3 "$BATS_TEST_DIRNAME/../lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    printf 'def triple(x):\n    return x * 3\n' >triple.py
    standard --shards=2 --model=double:double.pt --script=more:triple.py,device=cpu
    PYTHONPATH=$BATS_TEST_DIRNAME/../lib run attached python3 "$BATS_TEST_DIRNAME/../lib/cluster_client.py" more
    echo "$output"
    [ "$output" = "2 shards, 16384 slots, 64 keys, 2 inferences" ]
    kill "$RUN"
    end_of_run
    [ "$CODE" = 0 ]
    [ -z "$(ls -A attach)" ]
    [ ! -s err ]
}

@test "taken ports are skipped, and a shard that dies ends all with its name" {
    standard --port=7890
    first=$RUN
    port=$(sed 's/.*://' out)
    standard --port="$port"
    [ "$(sed 's/.*://' out)" -gt "$port" ]
    kill_shards "$RUN"
    end_of_run
    [ "$CODE" = 1 ]
    grep -qE "error: shard 0 \(127\.0\.0\.1:[0-9]+\) of node .* ended early: signal 9" err
    RUN=$first
    kill "$RUN"
    end_of_run
    [ "$CODE" = 0 ]
}

@test "what a SIGKILL leaves behind, also elsewhere, goes with the next sweep" {
    standard
    step=local.$RUN
    kill -9 "$RUN"
    end_of_run
    silent() { [[ $(inferstep db address "$step" 2>&1) == *"does not answer: Connection refused"* ]]; }
    wait_until silent
    run inferstep db address "$step"
    [ "$status" = 1 ]
    inferstep db sweep --statedir="$state"
    [ -z "$(ls -A attach)" ]
}

@test "SmartRedis' own client, with --tcp-auth=none: tensors, and the model that the command line gave" {
    load ../lib/smartredis
    smartredis_client || skip "$SR_MISSING"
    python3 "$BATS_TEST_DIRNAME/../lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    standard --shards=2 --tcp-auth=none --model=double:double.pt
    cat >run.py <<'PY'
import numpy
import smartredis
client = smartredis.Client()  # type and address from the environment
assert client.model_exists("double")
for name in ("a", "b", "c", "d"):  # on both shards
    client.put_tensor(name, numpy.full((2,), 4.0, dtype=numpy.float32))
    client.run_model("double", [name], [name + ".out"])
    assert (client.get_tensor(name + ".out") == 8).all()
print("fine")
PY
    PYTHONPATH=$SR_PYTHON SR_LOG_FILE=client.log SR_LOG_LEVEL=QUIET run attached timeout 60 python3 run.py
    echo "$output"
    [ "$output" = fine ]
    grep -q 'tcp-auth=none: whoever can connect' err
    rm -rf "${SR_WORK:?}"
}

@test "wrong options are one sentence and 2" {
    for word in --port=1 --port=60000 --tcp-auth=no --memory=8 --memory=G --memory=0G --shards=0 --script=x --script=x:y,foo=1; do
        run inferstep db standard --statedir="$state" "$word"
        echo "$word: $output"
        [ "$status" = 2 ]
        [[ $output == "inferstep: error: ${word%%=*}"* ]] || [[ $output == *--colocate* ]]
    done
    run inferstep db address nonsense
    [ "$status" = 1 ]
    [[ $output == *"is neither JOB.STEP nor addresses"* ]]
}
