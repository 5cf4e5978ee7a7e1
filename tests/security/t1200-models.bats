#!/usr/bin/env bats
# Models are code, and their files may be others': what was checked is what is loaded.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() {
    step_setup
    inferstep model resnet18 -o model.pt --seed 1
}
teardown() { step_teardown; }

@test "S9: a model that is changed after its checksum was looked at is not loaded when its database is started again" {
    sum=$(sha256sum <model.pt | cut -d' ' -f1)
    background --on-db-failure=restart --model=m:model.pt,sha256="$sum" sh -c \
        'redis-cli -s "${SSDB#unix://}" ai.modelget m meta >meta; touch started; exec sleep 100'
    [ -s meta ]
    inferstep model resnet18 -o other.pt --seed 2
    cp other.pt model.pt # in its place, as a writer of the file would
    kill -9 "$(redis_pids)"
    end_of_run
    cat err
    [ "$CODE" != 0 ]
    grep -q 'model m: .*model.pt was not loaded: it has not the checksum that was asked for' err
}

@test "S9: a model that is a pipe or a device is refused, and nobody waits for it" {
    mkfifo pipe
    for file in pipe /dev/zero .; do
        run timeout 20 inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu --model=m:"$file" touch ran
        echo "$output"
        [ "$status" = 1 ] && [ ! -e ran ]
        [[ $output == *"--model m: "*"is not a file"* ]]
    done
}
