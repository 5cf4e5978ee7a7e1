#!/usr/bin/env bats
# The driver of a sweep is killed at any moment, again and again: in the end every point was done once, with the results
# that it has without kills, and nothing is left running.

# shellcheck disable=SC2016,SC2154 # the points' shell expands it; work is of lib/step
bats_require_minimum_version 1.5.0
load ../lib/step
load ../lib/cluster

setup_file() { cluster_start --nodes 4; }
teardown_file() { cluster_stop; }

# Drives the run to its end with kills in between: SEED KILLS FOLDER FIRST… -- RESUME…
# The moments are drawn from SEED: at once, in mid-point, or when the journal has just got a line. After the kill at least
# one line more is waited for now and then, so that all moments of a point's life are met.
rounds='
import json, os, random, signal, subprocess, sys, time, glob
seed, kills, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
words = sys.argv[4:]
first, resume = words[:words.index("--")], words[words.index("--") + 1:]
draw = random.Random(seed)
log = open("driver.log", "ab")
def journal():
    return next(iter(glob.glob(folder + "/run-*/journal.jsonl")), None)
def size():
    return os.path.getsize(journal()) if journal() else 0
met = 0
for i in range(kills):
    before = size()
    run = subprocess.Popen(resume if journal() else first, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if draw.random() < 0.6:                                   # right behind one of the next lines of the journal
        lines = draw.randrange(1, 6)
        end = time.time() + 20
        while run.poll() is None and time.time() < end:
            if journal() and open(journal(), "rb").read()[before:].count(b"\n") >= lines: break
            time.sleep(0.0005)
    else:
        time.sleep(draw.random() * 0.25)
    if run.poll() is None:
        met += 1
        os.kill(run.pid, signal.SIGKILL)
    run.wait()
done = subprocess.run(resume if journal() else first, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120)
assert done.returncode == 0, (seed, done.returncode)
assert met >= kills // 3, f"only {met} of {kills} kills met a driver"
run = os.path.dirname(journal())
events = [json.loads(line) for line in open(journal())]
ends = [e["point"] for e in events if e["event"] == "end"]
points = [p["id"] for p in json.load(open(run + "/sweep.json"))["points"]]
assert sorted(ends) == sorted(points) and all(e["state"] == "done" for e in events if e["event"] == "end"), (seed, ends)
for p in points:
    record = json.load(open(f"{run}/points/{p}/point.json"))
    n = int(record["parameters"]["n"])
    assert record["state"] == "done" and record["metrics"][0]["value"] == n * n, (seed, record)
    assert open(f"{run}/points/{p}/stdout.log").read() == f"square {n * n}\n", (seed, p)
    assert record["attempt"] == max(e["attempt"] for e in events if e["event"] == "begin" and e["point"] == p), (seed, p)
    tries = len(glob.glob(f"{run}/points/{p}.try*"))
    assert tries <= record["attempt"] - 1, (seed, p, tries)
print(f"seed {seed}: {met} kills, {len(events)} events")
'
battery() { # NAME POINTS SECONDS
    printf '%s\n' "name: $1" "command: [sh, -c, 'sleep $3; echo square \$(({n} * {n}))']" "matrix: {n: [$(seq -s, "$2")]}" \
        'metrics: [{name: square, regex: "square (.*)"}]'
}
lives() { pgrep -f "[i]nferstep sweep .*$1" || pgrep -f "$1/[p]oints"; }

@test "a driver is killed 30 times in 5 runs on this machine" {
    step_setup
    battery kill 12 0.05 >battery.yaml
    for seed in 1 2 3 4 5; do
        rm -rf results
        run python3 -c "$rounds" "$seed" 6 "$PWD/results/kill" \
            inferstep sweep --where=local -c battery.yaml -- inferstep sweep --where=local -c battery.yaml --resume
        echo "$output"
        [ "$status" = 0 ] || { cat results/kill/*/journal.jsonl; tail -n 20 driver.log; false; }
    done
    no lives "$work"
    step_teardown
}

@test "a driver is killed with its jobs in the queue, and in an allocation" {
    cluster_require
    cd "$CLUSTER_WORK"
    rm -rf results/killb results/killa
    battery killb 6 0.1 >killb.yaml
    run user_run python3 -c "$rounds" 11 6 "$CLUSTER_WORK/results/killb" \
        inferstep sweep -c killb.yaml -- inferstep sweep --resume
    echo "$output"
    [ "$status" = 0 ] || { cat results/killb/*/journal.jsonl; tail -n 20 driver.log; false; }
    battery killa 8 0.2 >killa.yaml
    run user_run salloc -Q -N4 python3 -c "$rounds" 12 8 "$CLUSTER_WORK/results/killa" \
        inferstep sweep -c killa.yaml -- inferstep sweep --resume="" -c killa.yaml
    echo "$output"
    [ "$status" = 0 ] || { cat results/killa/*/journal.jsonl; tail -n 20 driver.log; false; }
    no lives "$CLUSTER_WORK/results"
    assert_clean 20
}
