#!/usr/bin/env bats
# A battery that runs on this machine: every point once, whatever fails, ends or is ended in between.

# shellcheck disable=SC2034,SC2154,SC2016 # state, work, RUN and CODE are of lib/step; the points' shell expands the rest
bats_require_minimum_version 1.5.0
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

# battery.yaml: COMMAND for a shell with the parameter n, its VALUES, further lines
battery() {
    local command=$1 values=$2
    shift 2
    printf '%s\n' "name: b" "command: [sh, -c, '$command']" "matrix: {n: [$values]}" "$@" >battery.yaml
}
# In the background; RUN is its pid. SIGINT works as in a terminal.
drive() {
    env --default-signal=INT inferstep sweep --where=local -c battery.yaml >out 2>err 3>&- </dev/null &
    RUN=$!
}
sweep() { inferstep sweep --where=local -c battery.yaml "$@" </dev/null; }
# The value of an expression over `events`, the lines of the journal, and `ends` among them.
journal() {
    python3 -c 'import json, sys
events = [json.loads(line) for line in open(sys.argv[2])]
ends = [e for e in events if e["event"] == "end"]
print(eval(sys.argv[1]))' "$1" results/b/*/journal.jsonl
}
begun() { grep -q "\"begin\",\"point\":\"$1\"" results/b/*/journal.jsonl 2>/dev/null; }
there() { [ -e "$(echo $1)" ]; }

@test "every point runs once, failures do not stop the rest, and each is a line" {
    battery 'echo value={n}; test {n} != 2 || test -e mended || (echo it is two >&2; echo inferstep: hint: mend it >&2; echo slurmstepd-n1: error: Failed to invoke spank plugin stack >&2; exit 7)' '1, 2, 3' 'repeats: 2'
    run --separate-stderr sweep
    echo "$output" "$stderr"
    [ "$status" = 1 ]
    [ "$output" = "$(echo "$PWD"/results/b/run-*)" ]
    [ "$(grep -c '^\[[1-6]/6\] p000[1-6] n=' <<<"$stderr")" = 6 ]
    [ "$(grep -c 'failed .*exit code 7: it is two$' <<<"$stderr")" = 2 ]
    [[ $stderr == *"2 of 6 points failed; see "*"/points/p0003/stderr.log"* ]]
    [ "$(journal '[e["state"] for e in ends].count("done"), len({e["point"] for e in ends})')" = "(4, 6)" ]
    [ "$(cat results/b/*/points/p0005/stdout.log)" = value=3 ]
    python3 -c 'import glob, json; s = json.load(open(glob.glob("results/b/*/sweep.json")[0])); assert s["schema"] == "inferstep-sweep/1" and [p["order"] for p in s["points"]] == [1, 2, 3, 4, 5, 6] and s["command"][1] == "sweep", s'
    # what is done stays done, and failures stay failures until somebody asks for another try
    touch mended
    run sweep --resume
    echo "$output"
    [ "$status" = 1 ]
    [ "$(journal 'len(ends)')" = 6 ]
    run sweep --resume --retry-failed
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal 'sorted(e["point"] for e in ends if e["attempt"] == 2)')" = "['p0003', 'p0004']" ]
    grep -q 'it is two' results/b/*/points/p0003.try1/stderr.log
    # another battery is another run
    battery 'echo other={n}' '1, 2, 3' 'repeats: 2'
    run sweep --resume
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"the battery is not the one that "*" began with: command"*" differs"* ]]
}

@test "the first failure stops the rest where that is asked for" {
    battery 'test {n} != 2' '1, 2, 3'
    run sweep --on-failure=stop
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"1 of 3 points failed, 1 left"* ]]
    no begun p0003
}

@test "what takes longer than its limit is ended with all that it started" {
    battery 'echo $$ >pid; trap "" TERM; sleep 1000 & echo $! >child; sleep 1000; sleep 1000' '1' 'time_limit: 1'
    run sweep
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"p0001 n=1 timeout "*"its time limit of 1 s was over"* ]]
    no kill -0 "$(cat pid)"
    no kill -0 "$(cat child)"
    [ "$(journal 'ends[0]["state"]')" = timeout ]
}

@test "^C ends what runs cleanly, and --resume goes on; a second ^C ends at once" {
    battery 'echo $$ >>pids; if test {n} != 1 && test ! -e go; then trap "exit 5" TERM; sleep 1000 & wait; fi' '1, 2, 3'
    drive
    wait_until begun p0002
    wait_until eval '[ "$(wc -l <pids)" = 2 ]'
    kill -INT "$RUN"
    end_of_run
    cat err
    [ "$CODE" = 130 ]
    grep -q '1 of 3 points are done; `inferstep sweep --resume=.*` goes on with the rest' err
    no kill -0 "$(tail -n 1 pids)"
    [ "$(journal 'events[-2]["event"], events[-1]["event"], len(ends)')" = "('interrupt', 'interrupted', 1)" ]
    touch go
    run inferstep sweep --resume
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal 'sorted(e["point"] for e in ends), [e["attempt"] for e in ends if e["point"] == "p0002"]')" = "(['p0001', 'p0002', 'p0003'], [2])" ]
    there 'results/b/*/points/p0002.try1/end'

    rm -r results pids go
    battery 'echo $$ >>pids; trap "" TERM; sleep 1000; sleep 1000' '1, 2'
    drive
    wait_until test -s pids
    kill -INT "$RUN"
    wait_until grep -q 'once more ends it at once' err
    kill -INT "$RUN"
    end_of_run
    [ "$CODE" = 130 ]
    no kill -0 "$(cat pids)"
}

@test "a point whose end was cut off as it was written has not ended" {
    battery 'echo {n} >>ran' '1, 2, 3, 4'
    run sweep
    [ "$status" = 0 ]
    # as if all were killed before the first end was in the journal
    grep -E '"event":"(start|prepared|begin)"' results/b/*/journal.jsonl >journal
    sed -i '/"p0004"/d' journal
    [ "$(grep -c '"begin"' journal)" = 3 ]
    cp journal results/b/*/journal.jsonl
    rm results/b/*/points/*/point.json
    : >"$(echo results/b/*/points/p0002/end)"
    truncate -s -1 results/b/*/points/p0003/end
    # and the last one as its script was being written
    rm -r results/b/*/points/p0004/*
    mkdir "$(echo results/b/*/points/p0004)/records"
    echo half >"$(echo results/b/*/points/p0004)/run.sh.1234.new"
    run sweep --resume
    echo "$output"
    [ "$status" = 0 ]
    [ "$(paste -sd' ' ran)" = "1 2 3 4 2 3 4" ]
    [ "$(cd results/b/*/points && echo *.try1)" = "p0002.try1 p0003.try1" ]
    [ "$(journal 'sorted((e["point"], e["state"], e["attempt"]) for e in ends)')" = \
        "[('p0001', 'done', 1), ('p0002', 'done', 2), ('p0003', 'done', 2), ('p0004', 'done', 1)]" ]
}

@test "a second driver is told who the first is; status says how far it is" {
    battery 'test {n} != 1 || exit 3; test {n} = 2 || while ! test -e go; do sleep 0.05; done' '1, 2, 3, 4'
    drive
    wait_until begun p0003
    run sweep --resume
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"/run-"*" is run by process $RUN on $(uname -n) already"* ]]
    wait_until grep -q '"end","point":"p0002"' results/b/*/journal.jsonl
    run inferstep sweep status
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"1 of 4 points done, 1 failed, 1 running, 0 queued, 1 left"*"process $RUN on $(uname -n), alive"*"p0003 n=3 running since "*"p0001 n=1 failed: exit code 3"* ]]
    kill -9 "$RUN"
    end_of_run || true
    run inferstep sweep status --json "$(echo results/b/*)"
    python3 -c 'import json, sys
s = json.loads(sys.argv[1])
assert s["schema"] == "inferstep-sweep-status/1" and not s["driver_alive"], s
assert (s["done"], s["failed"], s["running"], s["left"]) == (1, 1, 1, 1), s
assert [p["state"] for p in s["points"]] == ["failed", "done", "running", "left"], s' "$output"
    # the point that outlived its driver is adopted, not run again
    touch go
    run sweep --resume
    echo "$output"
    [ "$status" = 1 ]
    [ "$(journal 'len(ends), {e["attempt"] for e in ends}')" = "(4, {1})" ]
    run inferstep sweep status nowhere
    [ "$status" = 1 ]
    [[ $output == *"nowhere is no run of a sweep"* ]]
}

@test "a full disk ends the sweep with one sentence; with room it goes on" {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "a full disk needs root and a mount namespace"
    mkdir full
    # the fourth point takes all the room: none is left for its own records nor for the journal
    battery 'echo done; test {n} != 4 || test -e go || head -c 8M /dev/zero >full/filler' '1, 2, 3, 4, 5'
    run --separate-stderr unshare --mount bash -c 'mount -t tmpfs -o size=2M none full
        inferstep sweep --where=local --results=full -c battery.yaml 2>first </dev/null; echo $?
        cp -r full/b kept; rm full/filler; touch go
        inferstep sweep --where=local --results=full -c battery.yaml --resume 2>second </dev/null; echo $?
        cp full/b/*/journal.jsonl full/b/*/points/p0002/point.json .'
    cat first second
    echo "$output" "$stderr"
    [ "${lines[1]}" = 1 ]
    [ "${lines[3]}" = 0 ]
    [ "$(grep -c error: first)" = 1 ]
    grep -qE 'error: (there is no space left for .*full/b/run-|cannot .*: No space left)' first
    grep -q 'what has ended is kept; make room, then' first
    cmp point.json kept/run-*/points/p0002/point.json
    [ "$(grep -c '"state":"done"' journal.jsonl)" = 5 ]
    [ "$(grep -c '"failed"' journal.jsonl || true)" = 0 ]
}

@test "a terminal shows a bar with the time left, and no lines but of failures" {
    battery 'sleep 0.3; test {n} != 2' '1, 2, 3, 4'
    python3 - <<'E'
import fcntl, os, pty, struct, subprocess, termios
main, end = pty.openpty()
fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
run = subprocess.Popen(["inferstep", "sweep", "--where=local", "-c", "battery.yaml"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=end,
                       env={**os.environ, "TERM": "xterm"})
os.close(end)
text = b""
try:
    while chunk := os.read(main, 65536):
        text += chunk
except OSError:
    pass
assert run.wait() == 1
text = text.decode()
bars = [b for b in text.replace("\x1b[K", "").replace("\n", "\r").split("\r") if b.startswith("[#") or b.startswith("[ ")]
assert any("3/4" in b and " left" in b and "1 running" in b and "1 failed" in b for b in bars), text
assert all(len(b) < 70 for b in bars), bars
assert text.count("[2/4] p0002 n=2 failed") == 1 and "p0001" not in text and "p0003" not in text, text
assert "runs them again" in text.splitlines()[-1], text
E
    rm -r results
    run --separate-stderr sweep
    [[ $stderr != *$'\r'* ]]
    [[ $stderr != *$'\e'* ]]
    [ "$(grep -c '^\[./4\] p000' <<<"$stderr")" = 4 ]
}

@test "prepare runs once, a random order stays, and a torn line is said" {
    battery 'test {n} != 6 || test -e go || kill -9 $(cat driver)' '1, 2, 3, 4, 5, 6, 7, 8' 'order: random' 'seed: 5' \
        'prepare: [[sh, -c, "echo prepared >>log; while ! test -s driver; do sleep 0.05; done"]]'
    drive
    echo "$RUN" >driver
    end_of_run || true
    [ "$CODE" = 137 ]
    order=$(journal '[e["point"] for e in events if e["event"] == "begin"]')
    printf '{"time":1,"event":"be' >>"$(echo results/b/*/journal.jsonl)"
    touch go
    run sweep --resume
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"journal.jsonl was cut off after 21 bytes: it is ignored"* ]]
    [ "$(cat log)" = prepared ]
    [ "$(journal 'len(ends), len({e["point"] for e in ends})')" = "(8, 8)" ]
    python3 -c 'import ast, json, sys
order = [p["id"] for p in sorted(json.load(open(sys.argv[2]))["points"], key=lambda p: p["order"])]
begun = list(dict.fromkeys(e["point"] for e in map(json.loads, open(sys.argv[3])) if e["event"] == "begin"))
before = ast.literal_eval(sys.argv[1])
assert order != sorted(order) and begun == order and order[:len(before)] == before, (order, begun)' "$order" results/b/*/sweep.json results/b/*/journal.jsonl
    rm -r results
    battery 'exit 3' '1' 'prepare: [["false"]]'
    run sweep
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"the command 'false' of prepare failed: exit code 1"* ]]
    [ -z "$(ls results/b/*/points)" ]
}

@test "scripts that were only written and ran by hand are collected by --resume" {
    battery 'echo {n}' '1, 2'
    run sweep --no-submit-job
    echo "$output"
    [ "$status" = 0 ]
    bash "$(echo results/b/*/points/p0002/run.sh)"
    run sweep --resume
    echo "$output"
    [ "$status" = 0 ]
    [ "$(journal 'len(ends), len([e for e in events if e["event"] == "begin"])')" = "(2, 1)" ]
    [ -z "$(ls -d results/b/*/points/*.try* 2>/dev/null)" ]
}
