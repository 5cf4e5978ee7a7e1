#!/usr/bin/env bats
# inferstep db serve: databases in the foreground. How they are configured, what clients may do, how they end.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

serve() { # start it, wait until it is ready; sets RUN and SSDB, the socket of db0
    rm -f out err
    env --default-signal=INT inferstep db serve --statedir="$state" --device=cpu "$@" >out 2>err 3>&- &
    RUN=$!
    wait_until grep -q '^ready db0' out
    SSDB=$(sed -n 's/^ready db0 //p' out)
}
cli() { redis-cli -s "${SSDB#unix://}" "$@"; }

@test "ready is one line for each database; SIGTERM, SIGINT and SIGHUP end it with 0" {
    for signal in TERM INT HUP; do
        serve --colocate=2 --db-cpus=2
        [ "$(sed 's/ unix:.*//' out)" = "ready db0
ready db1" ]
        [ "$(cli ping)" = PONG ]
        kill -s "$signal" "$RUN"
        end_of_run
        [ "$CODE" = 0 ]
        [ ! -s err ]
        assert_nothing_left
    done
}

@test "by default it has all CPUs of its own and one database; it ends at a closed input as well as not" {
    serve </dev/null
    [ "$(taskset -cp "$(redis_pids)" | sed 's/.*: //')" = "$(taskset -cp $$ | sed 's/.*: //')" ]
    sleep 0.2
    kill -0 "$RUN"
    kill "$RUN"
    end_of_run
    [ "$CODE" = 0 ]
}

@test "a server that loses its database ends with 1 and says why" {
    serve
    kill -9 "$(redis_pids)"
    end_of_run
    [ "$CODE" = 1 ]
    grep -q 'db0 of node .* ended early: signal 9' err
}

@test "kill -9 of the server takes its databases along" {
    serve --colocate=2 --db-cpus=2
    kill -9 "$RUN"
    end_of_run
    wait_until no_redis
    # The directory, which nobody could remove, goes when the next server starts.
    [ -n "$(ls "$state")" ]
    serve
    [ "$(ls "$state" | wc -l)" = 1 ]
}
no_redis() { [ -z "$(redis_pids)" ]; }

@test "S6: no TCP, no persistence, bounded memory, no secret in sight" {
    serve
    pid=$(redis_pids)
    [ "$(cli config get port | tail -n 1)" = 0 ]
    [ "$(cli config get save | tail -n 1)" = "" ]
    [ "$(cli config get appendonly | tail -n 1)" = no ]
    [ "$(cli config get maxmemory-policy | tail -n 1)" = noeviction ]
    [ "$(cli config get maxmemory | tail -n 1)" -gt 1000000 ]
    # The secret is 64 hex digits: not in an argument, an environment, the log or a file.
    no grep -aE '[0-9a-f]{64}' "/proc/$pid/cmdline" "/proc/$RUN/cmdline" "/proc/$RUN/environ"
    no grep -rE '[0-9a-f]{64}' "$state" --include='*.log' --include='*.json'
    [ ! -p "/proc/$pid/fd/0" ] || ! timeout 1 grep -E '[0-9a-f]{64}' "/proc/$pid/fd/0"
}

@test "the database's environment keeps freed memory, and no setting of the user's thread pools or allocator" {
    printf '#!/bin/sh\nenv >"%s/environment"\nexec redis-server "$@"\n' "$work" >spy
    chmod +x spy
    export OMP_NUM_THREADS=7 GOMP_CPU_AFFINITY=0 MALLOC_ARENA_MAX=1 INFER_SECRET=x KEPT=yes
    serve --redis="$work/spy"
    grep -qx 'MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1' environment
    grep -qx 'KEPT=yes' environment
    no grep -E '^(OMP_|GOMP_|MALLOC_ARENA|INFER_)|[0-9a-f]{64}' environment
    [ "$(cli ping)" = PONG ]
}

@test "clients may do what they need" {
    serve
    while read -r -a command; do
        output=$(cli "${command[@]}" 2>&1)
        no grep -E 'NOPERM|ERR|NOAUTH' <<<"${command[*]}: $output"
    done <<'COMMANDS'
PING
ECHO x
HELLO 2
SELECT 0
CLIENT SETNAME me
CLIENT ID
INFO EVERYTHING
COMMAND COUNT
DBSIZE
SET a 1
GET a
EXISTS a
RENAME a b
COPY b c
TYPE c
HMSET h f v g w
HSET h .COMPLETE 1
HEXISTS h .COMPLETE
HGETALL h
RPUSH l x y
LRANGE l 0 -1
LLEN l
UNLINK b
DEL c h l
KEYS *
SCAN 0
CONFIG GET maxmemory
CONFIG SET maxmemory-samples 5
SAVE
FLUSHDB
AI.CONFIG GET MODEL_CHUNK_SIZE
AI.TENSORSET t FLOAT 1 VALUES 2
AI.TENSORGET t META VALUES
AI._MODELSCAN
COMMANDS
}

@test "clients may not run code, move data, watch others or end the server" {
    serve
    while read -r -a command; do
        output=$(timeout 5 redis-cli -s "${SSDB#unix://}" "${command[@]}" 2>&1) || true
        grep -qE 'NOPERM|not allowed|protected' <<<"$output" || { echo "${command[*]}: $output"; return 1; }
    done <<'COMMANDS'
SHUTDOWN NOSAVE
MODULE LIST
MODULE LOAD /tmp/x.so
EVAL return(1) 0
EVALSHA x 0
FUNCTION LIST
SCRIPT LOAD x
DEBUG SLEEP 1
REPLICAOF localhost 1
SLAVEOF localhost 1
DUMP a
RESTORE a 0 x
MIGRATE h 1 a 0 1
MONITOR
ACL LIST
ACL SETUSER default +@all
CLIENT LIST
CLIENT KILL ID 1
BGSAVE
BGREWRITEAOF
CONFIG REWRITE
CONFIG SET dir /tmp
CONFIG SET dbfilename x
CONFIG SET maxmemory 0
CONFIG SET port 7777
PSYNC ? -1
CLUSTER RESET
SWAPDB 0 1
COMMANDS
    run cli --user supervisor --pass guess ping
    [[ $output == *WRONGPASS* || $output == *AUTH\ failed* ]]
    kill -0 "$RUN"
}

@test "memory is bounded: a write beyond it is refused, and the server goes on" {
    printf '#!/bin/sh\nexec redis-server "$@" --maxmemory 4mb\n' >small
    chmod +x small
    serve --redis="$work/small"
    run bash -c 'head -c 8000000 /dev/zero | redis-cli -s "$1" -x set big' _ "${SSDB#unix://}"
    [[ $output == *OOM* ]]
    [ "$(cli ping)" = PONG ]
}

@test "an image that SAVE wrote goes with the server" {
    serve
    cli set a b
    [ "$(cli save)" = OK ]
    ls "$state"/*/dump.rdb
    kill "$RUN"
    end_of_run
    [ "$CODE" = 0 ]
    assert_nothing_left
}

@test "--verbose tells the plan and when it was ready" {
    serve --verbose
    grep -q 'database 0' err
    grep -qE 'db0 on node .* is ready after [0-9.]+ s on CPUs' err
}
