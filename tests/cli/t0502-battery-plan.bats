#!/usr/bin/env bats
# What a battery is going to do: --dry-run for people and programs, files and settings over each other, the order, and
# the question before very many points.

setup() {
    tmp=$(mktemp -d)
    cd "$tmp" || return 1
    unset "${!INFER_@}" "${!SLURM_@}"
    cat >b.yaml <<'EOF'
name: scaling
command: train --lr "{lr} now" --out={point_dir}/model
matrix:
  nodes: [1, 2]
  lr: [0.1, 0.01]
exclude: [{nodes: 2, lr: 0.01}]
include: [{nodes: 4, lr: 0.001}]
repeats: 2
warmups: 1
order: random
seed: 3
step: {nodes: "{nodes}", tasks_per_node: 4}
database: {nodes: 2}
time_limit: "05:00"
estimate: 90
EOF
}
teardown() { rm -rf "$tmp"; }

plan() { inferstep sweep --dry-run --where=batch "$@"; }
# An expression over the plan `d` as JSON: of PYTHON [option…]
of() { plan "${@:2}" --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
# In a terminal of so many columns; what is typed: terminal COLUMNS TYPED COMMAND…
terminal() {
    python3 - "$@" <<'EOF'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
os.write(fd, sys.argv[2].encode())
out = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    out += data
sys.stdout.write(out.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
}

@test "the plan, golden" {
    plan -c b.yaml | grep -v '^note  .*sbatch' >plan  # on a machine without Slurm
    diff - plan <<'EOF'
battery     scaling
command     train --lr {lr} now --out={point_dir}/model
points      12: nodes 2 x lr 2, 1 excluded, 1 included, 2 repeats, 1 warm-up
steps       24, 12 of them databases
nodes       6 for the largest point, 48 for all side by side
time        about 00:18:00 one after the other, 00:01:30 a point (from the estimate)
time limit  01:00:00 for all points together
where       batch: each point as a batch job
order       random, seed 3

point  nodes  lr     repeat     step  database
p0001  1      0.1    warm-up 1  1x4   2
p0002  1      0.1    1          1x4   2
p0007  2      0.1    warm-up 1  2x4   2
p0008  2      0.1    1          2x4   2
p0004  1      0.01   warm-up 1  1x4   2
p0005  1      0.01   1          1x4   2
p0010  4      0.001  warm-up 1  4x4   2
p0011  4      0.001  1          4x4   2
p0012  4      0.001  2          4x4   2
p0003  1      0.1    2          1x4   2
p0009  2      0.1    2          2x4   2
p0006  1      0.01   2          1x4   2
EOF
}

@test "the plan as JSON has everything that runs, in its order" {
    [ "$(of 'd["schema"], d["battery"], d["points"], d["combinations"], d["repeats"], d["warmups"]' -c b.yaml)" = "('inferstep-plan/1', 'scaling', 12, 4, 2, 1)" ]
    [ "$(of 'd["nodes"], d["nodes_side_by_side"], d["seconds"], d["limit_seconds"], d["steps"]' -c b.yaml)" = "(6, 48, 1080, 3600, 24)" ]
    [ "$(of 'sorted(p["id"] for p in d["plan"]) == ["p%04d" % (i + 1) for i in range(12)]' -c b.yaml)" = True ]
    [ "$(of '[p["command"] for p in d["plan"] if p["id"] == "p0010"]' -c b.yaml)" = "[['train', '--lr', '0.001 now', '--out={run_dir}/points/p0010/model']]" ]
    # Warm-ups directly before their first repeat; rounds; the same with the same seed, another with another.
    of '[p["id"] for p in d["plan"]]' -c b.yaml >one
    of '[p["id"] for p in d["plan"]]' -c b.yaml >two
    diff one two
    of '[p["id"] for p in d["plan"]]' -c b.yaml --seed=4 >three
    ! diff -q one three >/dev/null || false
    [ "$(of '[p["repeat"] for p in d["plan"] if not p["warmup"]]' -c b.yaml)" = "[1, 1, 1, 1, 2, 2, 2, 2]" ]
    [ "$(of 'all(b["parameters"] == a["parameters"] and b["repeat"] == 1 for a, b in zip(d["plan"], d["plan"][1:]) if a["warmup"])' -c b.yaml)" = True ]
    [ "$(of '[p["id"] for p in d["plan"]][:3]' -c b.yaml --order=listed)" = "['p0001', 'p0002', 'p0003']" ]
}

@test "JSON is a battery file, too; later files and settings go over earlier ones" {
    echo '{"name": "j", "command": ["echo", "{n}"], "matrix": {"n": [1, 2]}, "repeats": 2}' >j.json
    [ "$(of 'd["battery"], d["points"]' -c j.json)" = "('j', 4)" ]
    printf 'matrix: {m: [x, y, z]}\nrepeats: 1\n' >more.yaml
    [ "$(of 'd["points"], list(d["plan"][0]["parameters"])' -c j.json -c more.yaml)" = "(6, ['n', 'm'])" ]
    [ "$(of 'd["points"]' -c j.json -c more.yaml --set 'matrix.m=[x]' --repeats=3)" = 6 ]
    [ "$(of 'd["points"]' -c j.json --set matrix.n=7 --set repeats=)" = 1 ]
    [ "$(of 'd["plan"][0]["command"]' -c j.json --set 'command=echo {n} "a b"')" = "['echo', '1', 'a b']" ]
    [ "$(of 'd["plan"][0]["environment"]' -c j.json --set environment.A='x: {n}')" = "{'A': 'x: 1'}" ]
    printf 'repeat: 1\n' >wrong.yaml
    run plan -c j.json -c wrong.yaml
    [ "$status" = 2 ]
    [ "${lines[0]}" = "inferstep: error: wrong.yaml, line 1: repeat: there is no such key" ]
    run plan -c j.json --set step.nodes=many
    [ "$status" = 2 ]
    [ "${lines[0]}" = "inferstep: error: --set step.nodes=many: a whole number between 1 and 100000 is right" ]
}

@test "the battery that lies with the results plans the same again" {
    cat >local.yaml <<'EOF'
name: again
script: |
  # ${HOME} and {{braces}} stay
  echo "{n}: {text}"   # with: colons, and "quotation marks"

  true
matrix: {n: [1, 2], text: ["a: b", 'None', "07", "#x", " y "]}
environment: {V: "{text}"}
metrics: [{name: n, regex: '^(\d+):', better: higher}]
slurm: {pre_exec: "# kept: as it is"}
EOF
    plan -c local.yaml --json >first
    inferstep sweep -c local.yaml --where=local 2>err || { cat err; return 1; }
    cmp local.yaml results/again/run-*/battery.yaml
    plan -c results/again/run-*/battery.yaml --json --results=none >second
    sed -i '/seconds/d' first second
    diff first second
    # Put together from several, it is one file that says the same.
    plan -c local.yaml --set matrix.n=[3] --repeats=2 --seed=5 --order=random --json --results=none >first
    inferstep sweep -c local.yaml --set matrix.n=[3] --repeats=2 --seed=5 --order=random --where=local --results=other 2>err || { cat err; return 1; }
    plan -c other/again/run-*/battery.yaml --json --results=none >second
    diff first second
    grep -q '# kept: as it is' other/again/run-*/battery.yaml
}

@test "earlier results say how long it takes" {
    printf 'name: b\ncommand: sleep {s}\nmatrix: {s: [0, 1]}\n' >s.yaml
    inferstep sweep --dry-run --where=local -c s.yaml | grep -x 'time        not known: there is no estimate, and no earlier result in results/b'
    inferstep sweep -c s.yaml --where=local --set 'matrix.s=[0]' 2>/dev/null
    inferstep sweep --dry-run --where=local -c s.yaml | grep -E '^time        about 00:00:0[0-9] one after the other, [0-9.e-]+ s a point \(from results/b/run-[0-9-]+\)$'
    # What lies there and is no result is passed over.
    mkdir -p results/b/run-99999999-000000/points/p0001
    echo '{"state": "done", "seconds": ' >results/b/run-99999999-000000/points/p0001/point.json
    inferstep sweep --dry-run --where=local -c s.yaml | grep -E '^time        about .*\(from results/b/run-2'
}

@test "settings of batch jobs are looked at, and what no script can be written for" {
    run plan -c b.yaml --set slurm='{acount: x}'
    [ "$status" = 2 ]
    [ "${lines[0]}" = "inferstep: error: --set slurm={acount: x}: 'acount' is no setting of a batch job" ]
    run plan -c b.yaml --slurm-config=nowhere.yaml
    [ "$status" = 2 ]
    run bash -c 'inferstep sweep --dry-run --where=batch -c b.yaml >/dev/full'
    [ "$status" = 1 ]
    [ "$output" = "inferstep: error: cannot write the plan: No space left on device" ]
    inferstep sweep --dry-run --where=local -c b.yaml | grep -E '^note        point p[0-9]+ needs [0-9] nodes'
    [ ! -e results ]
}

@test "the plan fits the terminal" {
    long=$(printf 'x%.0s' {1..200})
    plan -c b.yaml | grep -q 'p0003  1      0.1    2 '
    terminal 60 '' inferstep sweep --dry-run --where=batch -c b.yaml --set "matrix.lr=[$long, short]" --set exclude= --set "command=$long" >out
    python3 -c 'import sys; sys.exit(any(len(line) > 61 for line in open("out") if not line.startswith("note")))'
    grep -q '^p0001  1      x*… *warm-up 1  1x4   2$' out
    grep -q '^command     x*…$' out
    terminal 40 '' inferstep sweep --dry-run --where=batch -c b.yaml --set repeats=50 >out
    grep -qx '… and 164 more points' out
    grep -qx '1 parameter did not fit; --json has all' out
    # A pipe has no width.
    plan -c b.yaml --set "matrix.lr=[$long]" --set exclude= | grep -q "$long"
}

@test "somebody is asked before very many points" {
    for answer in y yes; do
        terminal 80 "$answer"$'\n' inferstep sweep --dry-run --where=batch -c b.yaml --repeats=4000 >out
        grep -q 'battery scaling has 16004 points (nodes 2 x lr 2, 1 excluded, 1 included, 4000 repeats, 1 warm-up). Go on? \[y/N\]' out
        grep -q '^points      16004' out
    done
    for answer in n '' q; do
        run terminal 80 "$answer"$'\n' inferstep sweep --dry-run --where=batch -c b.yaml --repeats=4000
        [ "$status" = 2 ]
        [[ $output == *"error: battery scaling has 16004 points ("*"), which are not wanted"* ]]
        [[ $output != *"points      16004"* ]]
    done
    run plan -c b.yaml --repeats=4000
    [ "$status" = 2 ]
    plan -c b.yaml --repeats=4000 --yes >/dev/null
    [ ! -e results ]
}
