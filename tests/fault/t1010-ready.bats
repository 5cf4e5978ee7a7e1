#!/usr/bin/env bats
# No task proceeds before its database has proved over its socket that it works.

# shellcheck disable=SC2034,SC2154 # state, work, RUN and CODE are of lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# pretended NAME <<'PY': a redis-server whose Python has the path of the Unix socket in `path`.
pretended() {
    { printf '#!/usr/bin/env python3\nimport socket, sys, time\npath = [l.split("\\"")[1] for l in sys.stdin if l.startswith("unixsocket ")][0]\n'; cat; } >"$1"
    chmod +x "$1"
}
# refused REDIS WORDS: the step with this redis-server fails, says WORDS, and runs no task.
refused() {
    run colocated --redis="$work/$1" --timeout=2 touch ran
    echo "$output"
    [ "$status" = 1 ] && [ ! -e ran ] && [[ $output == *"$2"* ]] && assert_nothing_left
}

@test "R2: a Redis without the module, and one that answers everything alike, are not ready" {
    printf '#!/bin/sh\nsed "/^loadmodule/d; /^user default/d" | redis-server -\n' >bare
    chmod +x bare
    refused bare "db0: the inference module does not answer: "
    pretended parrot <<'PY'
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    client, _ = listener.accept()
    while client.recv(65536):
        client.sendall(b"+PONG\r\n")
PY
    refused parrot "db0: the inference module answers in an unknown form"
}

@test "R2: one that accepts and never answers: the deadline, the last 20 lines of its log, a hint" {
    pretended deaf <<'PY'
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
for i in range(1, 31):
    print("line", i, flush=True)
time.sleep(300)
PY
    refused deaf "not ready within --timeout=2 s: db0 was "
    [[ $output == *"hint: "*"--timeout"* ]]
    [ "$(grep -c 'db0: | line ' <<<"$output")" = 20 ]
    [[ $output == *"| line 11"* ]]
    [[ $output == *"| line 30"* ]]
}

@test "R1: a first task that is killed while all wait: the others get their database" {
    printf '#!/bin/sh\nuntil [ -e "%s/go" ]; do sleep 0.02; done\nexec redis-server "$@"\n' "$work" >late
    chmod +x late
    # shellcheck disable=SC2016
    inferstep run --statedir="$state" -n 3 --colocate --db-cpus=1 --device=cpu --redis="$work/late" sh -c 'redis-cli -s "${SSDB#unix://}" ping' >out 2>err 3>&- &
    RUN=$!
    wait_until sh -c "pgrep -P $RUN -f -o 'inferstep run' >first"
    kill -9 "$(cat first)"
    touch go
    end_of_run
    cat out err
    [ "$CODE" = 137 ]
    [ "$(grep -c PONG out)" = 2 ]
}
