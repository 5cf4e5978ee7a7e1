#!/usr/bin/env bats
# Memory that is used up: that of a database, of a task, of the step; and other limits that are too small.

# shellcheck disable=SC2034,SC2154 # state, work, RUN and CODE are of lib/step
load ../lib/step
load ../lib/task

setup() { step_setup; }
teardown() {
    step_teardown || return 1
    [ -z "${group-}" ] || wait_until rmdir "$group"
}

# A memory cgroup of so many MiB, for in_group.
memory_group() {
    [ "$(id -u)" = 0 ] && mkdir "/sys/fs/cgroup/memory/inferstep-test-$$" 2>/dev/null || skip "needs root and the memory controller of cgroup v1"
    group=/sys/fs/cgroup/memory/inferstep-test-$$
    echo $(($1 << 20)) >"$group/memory.limit_in_bytes"
    echo $(($1 << 20)) >"$group/memory.memsw.limit_in_bytes" 2>/dev/null || true
}
# shellcheck disable=SC2016
in_group() { bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' _ "$group" inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu "$@"; }

@test "R5: a database that is full: the client is told what would be right" {
    py_task task <<'PY'
client = Inferclient()
db("AI.TENSORSET", "filler", "UINT8", 30 << 20)
problem = client.put("x", [1.0] * (5 << 20))
assert "OOM" in problem and "maxmemory" in problem and "--infer-db-memory" in problem, problem
fails("AI.TENSORSET", "y", "UINT8", 20 << 20, says="OOM")
same(db("DEL", "filler"), 1)
same(client.put("x", [1.0]), "")
same(client.get("x", 1), [1.0])
print("all is well")
PY
    run colocated --db-memory=40M sh task
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"all is well"* ]]
}

@test "R5: a task that the kernel kills for memory: it is said what the databases have of it, and they live on" {
    memory_group 300
    # shellcheck disable=SC2016
    run in_group --outdir="$work/records" sh -c '(head -c 400000000 /dev/zero | tail >/dev/null); redis-cli -s "${SSDB#unix://}" ping'
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *PONG* ]]
    [[ $output == *"warning: node "*": the kernel killed for memory in this step, which may use 300 MiB; its databases may take 150 MiB of that, see --"*db-memory* ]]
    [ "$(python3 -c 'import glob, json; print(json.load(open(glob.glob("records/*/step.json")[0]))["nodes"][0]["memory"]["oom_kills"])')" = 1 ]
}

@test "R5: limits that are too small are named" {
    # Root has no limit of processes: another user has, where it can reach our program.
    other=(setpriv --reuid=65533 --regid=65533 --clear-groups)
    for limit in "-n 40" "-v 60000" "-u 4"; do
        as=()
        if [ "$limit" = "-u 4" ]; then
            [ "$(id -u)" = 0 ] && "${other[@]}" inferstep --version >/dev/null 2>&1 && chown 65533 "$state" "$work" && as=("${other[@]}") || continue
        fi
        run "${as[@]}" bash -c "ulimit $limit && exec inferstep run --statedir='$state' --colocate --db-cpus=1 --device=cpu touch ran"
        echo "$limit: $status: $output"
        [ "$limit" != "-n 40" ] || [[ $output == *"Too many open files"* ]]
        [ "$status" = 1 ]
        [ ! -e ran ]
        [[ $output == *"inferstep: error: "* ]]
        [[ $output != *terminate* ]]
        assert_nothing_left
    done
}
