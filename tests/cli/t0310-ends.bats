#!/usr/bin/env bats
# Every way in which a step without Slurm can end: signals, kill -9 of each of its processes, databases that do not start.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# Tasks that say that they run, and then what reaches them.
sleeper='touch started; exec sleep 300'
stubborn='trap "" TERM INT HUP; touch started; i=0; while [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done'

@test "R9: SIGTERM and SIGHUP are passed on to the tasks" {
    for signal in TERM HUP; do
        background -n 2 sh -c "$sleeper"
        kill -s "$signal" "$RUN"
        end_of_run
        [ "$CODE" = $((128 + $(kill -l "$signal"))) ]
        assert_nothing_left
    done
}

@test "a second SIGINT kills tasks that ignore the first" {
    background sh -c "$stubborn"
    kill -INT "$RUN"
    sleep 0.3
    kill -0 "$RUN"
    kill -INT "$RUN"
    end_of_run
    [ "$CODE" = 137 ]
}

@test "^C at a terminal reaches a task once, and its database outlives the task's own end" {
    cat >task <<'SH'
n=0
trap 'n=$((n + 1))' INT
echo up
sleep 1
sleep 0.3
echo "interrupts: $n, database: $(redis-cli -s "${SSDB#unix://}" ping)"
SH
    run python3 - "$state" <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("inferstep", ["inferstep", "run", "--statedir=" + sys.argv[1], "--colocate", "--db-cpus=1", "--device=cpu", "sh", "task"])
text = b""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    if b"up" in piece and b"up" not in text:
        os.write(fd, b"\x03")
    text += piece
print(text.decode().replace("\r", ""), "code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
    echo "$output"
    [[ $output == *"interrupts: 1, database: PONG"* ]]
    [[ $output == *"code 0"* ]]
}

@test "what the tasks leave running is killed with the step, also what has left its parent" {
    run timeout 20 inferstep run --statedir="$state" -n 2 sh -c 'sleep 30117 & (setsid sh -c "sleep 30217 & sleep 30317" >/dev/null 2>&1 &); echo "$! $$"; sleep 0.2'
    echo "$output"
    [ "$status" = 0 ]
    no pgrep -f '^sleep 30[123]17$'
    for line in "${lines[@]}"; do gone "${line% *}"; done
}

@test "R3: kill -9 of run: no task, database or directory stays" {
    background -n 2 sh -c 'echo $$ >>tasks; touch started; exec sleep 300'
    wait_until both_run
    kill -9 "$RUN"
    end_of_run
    [ "$CODE" = 137 ]
    assert_nothing_left
    for task in $(cat tasks); do wait_until gone "$task"; done
}
both_run() { [ "$(wc -l <tasks)" = 2 ]; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

@test "R3: kill -9 of the supervisor: said by name, the tasks end, nothing stays" {
    background sh -c "$sleeper"
    kill -9 "$(supervisor_pid)"
    end_of_run
    [ "$CODE" = 143 ]
    grep -q 'supervisor of the databases ended early (signal 9' err
}

@test "R6: kill -9 of a database: said by name, the tasks are ended, a stubborn one gets errors and no hang" {
    background sh -c "$sleeper"
    kill -9 "$(redis_pids)"
    end_of_run
    cat err
    [ "$CODE" = 143 ]
    grep -q 'db0 of node .* ended early: signal 9' err
    assert_nothing_left
    background sh -c 'trap "" TERM; touch started; until [ -e go ]; do sleep 0.05; done; timeout 5 redis-cli -s "${SSDB#unix://}" ping 2>&1; echo "code $?"'
    kill -9 "$(redis_pids)"
    wait_until grep -q 'ended early' err
    touch go
    end_of_run
    [ "$CODE" = 1 ]
    grep -q 'refused' out
    no grep 'code 124' out
}

@test "a database that crashes: the report of its crash is shown" {
    background sh -c "$sleeper"
    kill -SEGV "$(redis_pids)"
    end_of_run
    cat err
    [ "$CODE" = 143 ]
    grep -q 'db0 of node .* ended early: signal 11' err
    grep -q 'db0: | .*crashed by signal' err
}

@test "R5: a step in a memory cgroup: half of its limit for the database; killed for memory, that is said" {
    root=/sys/fs/cgroup/memory
    group=$root/inferstep-test-$$
    [ "$(id -u)" = 0 ] && mkdir "$group" 2>/dev/null || skip "needs root and the memory controller of cgroup v1"
    echo 314572800 >"$group/memory.limit_in_bytes"
    echo 314572800 >"$group/memory.memsw.limit_in_bytes" 2>/dev/null || true
    cat >task <<'SH'
redis-cli -s "${SSDB#unix://}" config get maxmemory
for i in $(seq 12); do head -c 8000000 /dev/urandom | redis-cli -s "${SSDB#unix://}" -x set "k$i" >/dev/null 2>&1; done
for i in $(seq 6); do { head -c 50000000 /dev/zero; sleep 20; } | tail >/dev/null & done    # each smaller than the database
wait
SH
    run bash -c 'echo $$ >"$1/cgroup.procs" && exec inferstep run --statedir="$2" --colocate --db-cpus=1 --device=cpu sh task' _ "$group" "$state"
    echo "$output"
    wait_until rmdir "$group"
    [ "$status" = 143 ]
    [ "${lines[1]}" = $((314572800 / 2 * 3 / 4)) ]      # a quarter of it is for shared memory
    [[ $output == *"db0 of node "*" ended early: signal 9"*"the kernel killed for memory in this step, which may use 300 MiB"* ]]
}

@test "R10: a database that is stopped (SIGSTOP) does not hold up the end" {
    background sh -c 'touch started; until [ -e go ]; do sleep 0.05; done'
    kill -STOP "$(redis_pids)"
    touch go
    end_of_run
    [ "$CODE" = 0 ]
}

@test "R3: kill -9 of run while the database still starts" {
    inferstep model resnet18 -o m.pt
    inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu --model=m:m.pt touch ran >out 2>err 3>&- &
    RUN=$!
    wait_until sh -c "ls $state/*/db0.sock 2>/dev/null"
    kill -9 "$RUN"
    end_of_run
    [ "$CODE" = 137 ]
    assert_nothing_left
    [ ! -e ran ]
}

@test "a redis-server that ends at once, or says nothing" {
    run colocated --redis=/bin/false touch ran
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"db0 ended before it was ready (exit code 1)"* ]]
    printf '#!/bin/sh\nexec sleep 300\n' >silent
    chmod +x silent
    run colocated --redis="$work/silent" --timeout=1 touch ran
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"not ready within --timeout=1 s"* ]]
    [ ! -e ran ]
}

@test "a missing module is named" {
    mkdir -p alone/bin alone/lib/inferstep
    cp "$(command -v inferstep)" alone/bin/
    run alone/bin/inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu true
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *alone/lib/inferstep/inferdb.so* ]]
}

@test "a module that cannot be loaded: the database's own words are shown" {
    mkdir -p broken/bin broken/lib/inferstep
    cp "$(command -v inferstep)" broken/bin/
    echo "no shared object" >broken/lib/inferstep/inferdb.so
    run broken/bin/inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu true
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"db0: | "*inferdb.so* ]]
    [[ $output == *"db0 ended before it was ready"* ]]
}
