#!/usr/bin/env bats
# A database that ends before its step: what its clients see, and --on-db-failure=restart.

# shellcheck disable=SC2034,SC2154 # state, work, RUN and CODE are of lib/step
load ../lib/step
load ../lib/task

setup() {
    step_setup
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
}
teardown() { step_teardown; }

restarting() { colocated --on-db-failure=restart "$@"; }
# A redis-server for the first time; started again it is this command instead.
once() {
    printf '#!/bin/sh\n[ -e "%s/second" ] && %s\ntouch "%s/second"\nexec redis-server "$@"\n' "$work" "$1" "$work" >once
    chmod +x once
}
# value EXPRESSION: of the node's record, as n, and its database, as d
value() { python3 -c 'import glob, json, sys; n = json.load(open(glob.glob("records/*/step.json")[0]))["nodes"][0]; d = n["databases"][0]; print(eval(sys.argv[1]))' "$@"; }

# Eight clients with requests under way when their database is killed: each gets an error, none hangs, none a reply.
under_way='
store("slow", SLOW); put("old", [1, 2]); put("work", [20000])
waiting = [connect() for _ in range(8)]
for i, client in enumerate(waiting):
    client.send(*run("slow", ["work"], [f"out{i}"]))
until(lambda: state("running") == 1 and state("waiting") >= 6, "eight requests")
pid = server_pid()
kill_server(pid)
for client in waiting:
    client.socket.settimeout(20)
    try:
        raise AssertionError(f"an answer from the dead: {client.receive()!r}")
    except ConnectionError:
        pass
print("errors", len(waiting), flush=True)
'

@test "R6: a database killed with requests under way: every client gets an error at once, and the step fails once" {
    { echo "$under_way"; echo 'time.sleep(60)'; } | py_task task
    run infer --colocate --db-cpus=1 --device=cpu --outdir=records sh task
    echo "$output"
    [ "$status" = 143 ]
    [[ $output == *"errors 8"* ]]
    [ "$(grep -c 'db0 of node .* ended early: signal 9' <<<"$output")" = 1 ]
    [ "$(value 'd["ended"]["signal"], d["restarts"]')" = "(9, 0)" ]
}

@test "R6: started again: models and scripts are there, what clients had stored is not, no answer is wrong" {
    echo 'def twice(x):
    return x + x' >script.py
    { echo "$under_way"; cat; } <<'PY' | py_task task
db = connect_again(pid)
same(db("EXISTS", "old", "work", "out0", "slow"), 0)
fails("AI.TENSORGET", "old", "BLOB", says="key is empty")
fails(*run("double", ["old"], ["y"]), says="key is empty")
put("x", [3, 4])
same(db(*run("double", ["x"], ["y"])), b"OK")
same(get("y"), [6, 8])
same(db("AI.SCRIPTEXECUTE", "script", "twice", "INPUTS", 1, "x", "OUTPUTS", 1, "z"), b"OK")
same(get("z"), [6, 8])
print("all is well")
PY
    run restarting --outdir=records --model=double:double.pt --script=script:script.py sh task
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"errors 8"*"all is well"* ]]
    [ "$(grep -c 'warning: db0 of node .* ended early: signal 9 (Killed); it is started again (1 of 3)' <<<"$output")" = 1 ]
    [ "$(value 'd["restarts"], d["ended_before"][0]["signal"], d["ended"]["exit_code"], n["state"]')" = "(1, 9, 0, 'ended')" ]
    [ "$(value 'd["endpoint"].endswith("/db0.sock")')" = True ]
    [[ $(value 'n["events"]') == *"started again (1 of 3)"*"was ready again after"* ]]
}

@test "R6: our client library finds the database that was started again, and repeats nothing of itself" {
    py_task task <<'PY'
client, idle = Inferclient(), Inferclient()
large = [float(i) for i in range(20000)]
for name in "x", "x2", "x3":            # from the second on by shared memory
    same(client.put(name, large), "")
same(client.run("double", "x3", "y"), "")
same(client.get("y", 20000)[-1], 39998.0)
same(idle.put("idle", [1]), "")
pid = server_pid()
kill_server(pid)
connect_again(pid).close()
# Nothing of theirs was under way: the new database answers.
problem = idle.get("idle", 1)
assert "idle" in problem and "answered" in problem, problem
# What was put into the memory of the dead is lost, and that is said.
if problem := client.put("a", large) or client.run("double", "a", "y"):
    assert "a" in problem, problem
same(client.put("x", large), "")
same(client.put("x2", large), "")
same(client.run("double", "x2", "y"), "")
same(client.get("y", 20000)[-1], 39998.0)
db = connect()
assert b"calls=1," in [l for l in db("INFO", "commandstats").split(b"\r\n") if b"ai.modelexecute:" in l][0]
print("all is well")
PY
    run restarting --model=double:double.pt sh task
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"all is well"* ]]
}

@test "R6: the fourth loss, or one before it was ready again, fails the step" {
    py_task task <<'PY'
pid = 0
for turn in range(4):
    db = connect_again(pid)
    pid = server_pid()
    kill_server(pid)
time.sleep(60)
PY
    run restarting --outdir=records sh task
    echo "$output"
    [ "$status" = 143 ]
    [[ $output == *"started again (3 of 3)"*"error: "*"ended early"*"it is not started again: that was done 3 times"* ]]
    [ "$(value 'd["restarts"], len(d["ended_before"]), d["ended"]["signal"]')" = "(3, 3, 9)" ]
    assert_nothing_left
    once 'exit 3'
    printf 'kill_server(server_pid())\ntime.sleep(60)\n' | py_task task
    run restarting --redis="$work/once" sh task
    echo "$output"
    [ "$status" = 143 ]
    [[ $output == *"db0 of node "*" was not ready again: db0 ended before it was ready (exit code 3)"* ]]
    assert_nothing_left
    rm second
    printf 'os.remove("double.pt")\nkill_server(server_pid())\ntime.sleep(60)\n' | py_task task
    run restarting --model=double:double.pt sh task
    echo "$output"
    [ "$status" = 143 ]
    [[ $output == *"was not ready again: "*double.pt* ]]
}

@test "R6: a task that ends while its database is started again does not wait for that" {
    once 'exec sleep 300'
    echo "kill_server(server_pid())" | py_task task
    run restarting --redis="$work/once" sh task
    echo "$output"
    [ "$status" = 0 ]
}

@test "R6: a shard of a standard database is not started again, and that is said" {
    run inferstep db standard --on-db-failure=restart
    echo "$output"
    [ "$status" = 2 ]
    [[ $output == *"--on-db-failure=restart is not possible here"* ]]
}

@test "R6: SmartRedis finds the database that was started again" {
    python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || skip "the wheel of SmartRedis 0.6.1 is for Python 3.11"
    SR_PYTHON=$("$INFERSTEP_TOP/contrib/deps/smartredis.sh" 2>fetch) || skip "SmartRedis cannot be fetched: $(tail -n 1 fetch)"
    py_task task <<'PY'
sys.path.insert(0, os.environ["SR_PYTHON"])
import numpy
from smartredis import Client
client = Client()
client.put_tensor("old", numpy.ones(4, numpy.float32))
pid = server_pid()
kill_server(pid)
client.put_tensor("x", numpy.arange(4, dtype=numpy.float32))
assert server_pid(connect()) != pid
assert not client.tensor_exists("old")
client.run_model("double", ["x"], ["y"])
assert client.get_tensor("y").tolist() == [0, 2, 4, 6]
print("all is well")
PY
    export SR_PYTHON SR_LOG_FILE=$work/log SR_LOG_LEVEL=QUIET
    run restarting --model=double:double.pt sh task
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"all is well"* ]]
}
