#!/usr/bin/env bats
# Processes that hang, and signals at the wrong moment: every wait ends, and says what it waited for.

# shellcheck disable=SC2034,SC2154 # state, work, RUN and CODE are of lib/step
load ../lib/step
load ../lib/task

setup() { step_setup; }
teardown() { step_teardown; }

has_supervisor() { [ -n "$(supervisor_pid)" ]; }

@test "R10: a supervisor that is stopped before it is ready, and one while the step ends" {
    printf '#!/bin/sh\nexec sleep 300\n' >silent
    chmod +x silent
    infer --timeout=1 --colocate --db-cpus=1 --device=cpu --redis="$work/silent" touch ran >out 2>err 3>&- &
    RUN=$!
    wait_until has_supervisor
    kill -STOP "$(supervisor_pid)"
    end_of_run
    cat err
    [ "$CODE" = 1 ]
    [ ! -e ran ]
    grep -q 'not ready after 1 s, and their supervisor says nothing' err
    assert_nothing_left
    background sh -c 'touch started; until [ -e go ]; do sleep 0.05; done'
    kill -STOP "$(supervisor_pid)"
    touch go
    end_of_run
    cat err
    [ "$CODE" = 1 ]
    grep -q 'supervisor of the databases did not end within 10000 ms; it is killed' err
}

@test "R10: a database that is stopped: its clients time out by name, and the step ends" {
    py_task task <<'PY'
client = Inferclient(500)
same(client.put("x", [1]), "")
os.kill(server_pid(), signal.SIGSTOP)
problem = client.get("x", 1)
assert "did not answer in time" in problem and os.environ["SSDB"] in problem, problem
print("timed out")
PY
    run colocated sh task
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"timed out"* ]]
}

@test "R9: stopped and continued again and again, signalled all the time: nothing is lost" {
    py_task task <<'PY'
client = Inferclient()
hits = 0
# A handler in C, without SA_RESTART: every system call of the client library is interrupted.
libc = ctypes.CDLL(None)
count = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: None)
libc.signal(signal.SIGALRM, count)
libc.siginterrupt(signal.SIGALRM, 1)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
large = [float(i) for i in range(50000)]
for turn in range(60):
    same(client.put("x", large), "")
    same(client.run("double", "x", "y"), "")
    same(client.get("y", 50000)[-1], 99998.0)
signal.setitimer(signal.ITIMER_REAL, 0)
print("all is well")
PY
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    infer --colocate --db-cpus=1 --device=cpu --model=double:double.pt --outdir=records sh -c 'touch started; exec sh task' >out 2>err 3>&- &
    RUN=$!
    wait_until test -e started
    pid=$(supervisor_pid)
    while kill -STOP "$pid" 2>/dev/null; do
        sleep 0.01
        kill -CONT "$pid" || break
        [ "$(jobs -r | wc -l)" -gt 0 ] || break
        sleep 0.02
    done
    end_of_run
    cat out err
    [ "$CODE" = 0 ]
    grep -q "all is well" out
    python3 -c 'import glob, json; json.load(open(glob.glob("records/*/step.json")[0]))'
}

@test "R9: a client whose database was killed gets an error, not SIGPIPE; SIGTERM is passed on" {
    py_task task <<'PY'
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGTERM, lambda *_: (print("terminated", flush=True), os._exit(7)))
client = Inferclient()
same(client.put("x", [1.0] * 1000), "")
kill_server(server_pid())
until(lambda: client.get("x", 1000) != [1.0] * 1000, "the end of the database")
for _ in range(3):
    assert os.environ["SSDB"] in client.put("x", [1.0] * 1000)
print("an error", flush=True)
time.sleep(60)
PY
    run colocated sh task
    echo "$output"
    [ "$status" != 0 ]
    [[ $output == *"an error"*"terminated"* ]]
}
