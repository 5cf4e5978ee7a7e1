#!/usr/bin/env bats
# The script of a point: what it says, that a shell reads back every word as it was, and how it ends. The scripts come from
# a preview, which prints them and makes nothing.

# shellcheck disable=SC2154 # lib/script sets work
load ../lib/script

@test "the scripts for this machine, an allocation and a batch job, word by word" {
    battery
    for where in local allocation batch; do
        scripts battery.yaml --where=$where
        expect_text $where.sh 1.sh
        clean_for_shellcheck 1.sh
    done
}

@test "the preview stands between banners and makes nothing" {
    battery
    run preview battery.yaml
    [ "$status" = 0 ]
    [ "${lines[0]}" = "#################### SLURM Script Preview ####################" ]
    [ "${lines[1]}" = "#!/bin/bash" ]
    [ "${lines[-1]}" = "##############################################################" ]
    [ "$(ls -A)" = battery.yaml ]
}

@test "every argument and variable arrives as it was written" {
    cat >torture.py <<'EOF'
import json, os, sys
words = ["it's", "a b", "", " ", "$HOME", "`id`", "$(id)", "\\", "\\\\n", '"q"', "*", "~", "#x", "a\nb", "\n", "\t", "ünïcödé ✓", "!", "-n",
         "--", "a;b&c|d>e<f", "{a,b}", "%s", "'", "''", "a=b", "=", "x" * 5000]
if sys.argv[1] == "make":
    show = [sys.executable, os.path.abspath("torture.py"), "show"]
    variables = {f"V{i}": word for i, word in enumerate(words)}
    json.dump({"name": "torture", "command": show + words, "environment": variables}, open("torture.json", "w"))
else:
    assert sys.argv[2:] == words, (sys.argv[2:], words)
    for i, word in enumerate(words):
        assert os.environ[f"V{i}"] == word, (i, word, os.environ[f"V{i}"])
    print("all", len(words))
EOF
    python3 torture.py make
    scripts torture.json --where=local
    run bash 1.sh
    cat "$(point)/stderr.log"
    [ "$status" = 0 ]
    [ "$(cat "$(point)/stdout.log")" = "all 28" ]
    # srun is given the same words
    scripts torture.json --where=batch
    mkdir bin && printf '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n' >bin/srun && chmod +x bin/srun
    run env PATH="$work/bin:$PATH" bash 1.sh elsewhere
    [ "$(cat elsewhere/stdout.log)" = "all 28" ]
}

@test "a folder with every kind of character" {
    odd="$work/it's \"a\" \$HOME %j  dir"
    mkdir "$odd" && cd "$odd"
    printf 'name: x\ncommand: [pwd]\n' >battery.yaml
    preview battery.yaml --where=local | sed '1d;$d' | sed 's|{run_dir}|run|' >1.sh
    bash 1.sh
    [ "$(cat run/points/p0001/stdout.log)" = "$odd" ]
    preview battery.yaml >text
    grep -qF -- "#SBATCH --chdir=\"$work/it's \\\"a\\\" \$HOME %j  dir\"" text
}

@test "the end says the exit code and the times, whatever the command does" {
    for code in 0 3 77; do
        printf 'name: x\ncommand: [sh, -c, "exit %s"]\n' "$code" >battery.yaml
        scripts battery.yaml --where=local
        run bash 1.sh "code$code"
        [ "$status" = "$code" ]
        awk -v code="$code" '{ exit !(NF == 3 && $1 == code && $2 > 1e9 && $3 >= $2 && $3 < $2 + 60) }' "code$code/end"
    done
    printf 'name: x\ncommand: [sh, -c, "kill -9 $$"]\n' >battery.yaml
    scripts battery.yaml --where=local
    run bash 1.sh killed
    [ "$status" = 137 ]
    grep -q '^137 ' killed/end
}

@test "a point that has ended is not run over; another directory is another result" {
    printf 'name: x\ncommand: [date, +%%N]\n' >battery.yaml
    scripts battery.yaml --where=local
    bash 1.sh
    before=$(cat "$(point)/stdout.log" "$(point)/end")
    run bash 1.sh
    [ "$status" = 2 ]
    [[ $output == "run.sh: error: $work/run/points/p0001 holds a point that has ended"* ]]
    [ "$before" = "$(cat "$(point)/stdout.log" "$(point)/end")" ]
    bash 1.sh other
    [ -s other/end ]
    [ -s other/stdout.log ]
}

@test "SIGTERM, SIGINT and SIGHUP end the step first, and the end is written" {
    for signal in TERM:143 INT:130 HUP:129; do
        printf 'name: x\ncommand: [sh, -c, "trap \\"echo told; exit 9\\" TERM; touch started; while :; do sleep 0.1; done"]\n' >battery.yaml
        scripts battery.yaml --where=local
        rm -f started
        env --default-signal=INT bash 1.sh "by-$signal" 3>&- &
        pid=$!
        for _ in $(seq 200); do [ ! -e started ] || break; sleep 0.05; done
        kill -s "${signal%:*}" "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" = "${signal#*:}" ]
        grep -q "^${signal#*:} " "by-$signal/end"
        [ "$(cat "by-$signal/stdout.log")" = told ]
    done
}

@test "a script battery: its text as it is, its exit code, an empty standard input, its errors apart" {
    cat >battery.yaml <<'EOF'
name: x
script: |
  echo "$INFER_POINT 'it''s' $((1+1))"
  echo END_OF_SCRIPT
  cat
  echo wrong >&2
  exit 5
EOF
    scripts battery.yaml --where=local
    clean_for_shellcheck 1.sh
    run bash 1.sh <<<unwanted
    [ "$status" = 5 ]
    [ "$(cat "$(point)/stdout.log")" = "p0001 'it''s' 2
END_OF_SCRIPT" ]
    [ "$(cat "$(point)/stderr.log")" = wrong ]
    printf 'name: x\nscript: "if fi ("\n' >battery.yaml
    scripts battery.yaml --where=local
    run bash 1.sh broken
    [ "$status" = 2 ]
    grep -q '^2 ' broken/end
    grep -q 'syntax error' broken/stderr.log
}

@test "a signal ends what a script battery started" {
    printf 'name: x\nscript: "touch started; sleep 300"\n' >battery.yaml
    scripts battery.yaml --where=local
    bash 1.sh 3>&- &
    pid=$!
    for _ in $(seq 200); do [ ! -e started ] || break; sleep 0.05; done
    child=$(pgrep -P "$pid" -f 'bash /dev/fd/3')
    sleeper=$(pgrep -P "$child" -x sleep)
    kill "$pid"
    wait "$pid" || true
    grep -q '^143 ' "$(point)/end"
    for _ in $(seq 100); do kill -0 "$sleeper" 2>/dev/null || break; sleep 0.1; done # until somebody has reaped it
    no kill -0 "$sleeper" 2>/dev/null
}

@test "what comes before the command: it sets variables, and may refuse the point" {
    battery
    cat >module.sh <<'EOF'
module() { echo "loaded $*"; export MODULE=$2; }
EOF
    sed -i 's/^command:.*/command: [sh, -c, "echo $MODULE $LOADED $OMP_NUM_THREADS"]/' battery.yaml
    sed -i "s|pre_exec: .*|pre_exec: [. ./module.sh, module load CUDA, export LOADED=yes]|; s/, options: .*]/, options: []/" battery.yaml
    scripts battery.yaml --where=local
    run bash 1.sh
    [ "$status" = 0 ]
    [ "$output" = "loaded load CUDA" ]
    [ "$(sort -u "$(point)/stdout.log")" = "CUDA yes 3" ]
    echo 'echo no licence >&2; exit 4' >before
    scripts battery.yaml --where=local --pre-exec-file=before
    run bash 1.sh refused
    [ "$status" = 4 ]
    grep -q '^4 ' refused/end
    [ ! -e refused/stdout.log ]
    scripts battery.yaml --where=local --pre-exec=true --python-venv=nowhere
    run bash 1.sh no-venv
    [ "$status" = 1 ]
    [[ $output == *"$work/nowhere/bin/activate"* ]]
    grep -q '^1 ' no-venv/end
}

@test "the environment is noted without secrets" {
    printf 'name: x\ncommand: ["true"]\nenvironment: {OMP_NUM_THREADS: 7}\n' >battery.yaml
    scripts battery.yaml --where=local
    INFER_DB_SECRET=hush1 SLURM_TOKEN=hush2 CUDA_API_KEY=hush3 UNRELATED=hush4 UCX_TLS=tcp bash 1.sh
    tr '\0' '\n' <"$(point)/environ" >seen
    grep -qx OMP_NUM_THREADS=7 seen
    grep -qx UCX_TLS=tcp seen
    grep -qx "INFER_OUTDIR=$work/run/points/p0001/records" seen
    grep -qx "PATH=$PATH" seen
    no grep -q hush seen
}

@test "what cannot run on one machine without Slurm is refused or left out aloud" {
    printf 'name: x\ncommand: ["true"]\nstep: {nodes: 2}\n' >battery.yaml
    run preview battery.yaml --where=local
    [ "$status" = 2 ]
    [[ $output == *"point p0001 needs 2 nodes, and without Slurm there is one"* ]]
    printf 'name: x\ncommand: ["true"]\nstep: {cpus_per_task: 2, options: [--mpi=pmix]}\n' >battery.yaml
    scripts battery.yaml --where=local
    grep -qxF '# Left out, since only Slurm knows it: --cpus-per-task=2 --mpi=pmix' 1.sh
}

@test "a script is not put into a container; it is told its nodes" {
    printf 'name: x\nscript: "true"\nstep: {nodes: 2}\ndatabase: {nodes: 1}\n' >battery.yaml
    run preview battery.yaml --container=x.sif
    [ "$status" = 2 ]
    [[ $output == *"point p0001 has a script, and only the command of a step runs in a container"* ]]
    scripts battery.yaml
    grep -qx 'export INFER_NODES=$step_nodes' 1.sh
    clean_for_shellcheck 1.sh
}

@test "a job with a database: nodes for both, CPUs for the larger" {
    printf 'name: x\ncommand: [env]\nstep: {nodes: 2, tasks_per_node: 2}\ndatabase: {nodes: 1, cpus_per_node: 5}\n' >battery.yaml
    scripts battery.yaml
    grep -qx '#SBATCH --nodes=3' 1.sh
    grep -qx '#SBATCH --ntasks-per-node=5' 1.sh # two tasks, and a shard of five CPUs
    clean_for_shellcheck 1.sh
    mkdir bin
    printf '#!/bin/sh\n[ "$*" = "show hostnames n[1-3]" ] && printf "n1\\nn2\\nn3\\n"\n' >bin/scontrol
    chmod +x bin/scontrol
    sed -n '/^step_nodes=/,/^database_nodes=/p' 1.sh >nodes.sh
    [ "$(SLURM_JOB_NODELIST='n[1-3]' PATH="$work/bin:$PATH" bash -c '. ./nodes.sh; echo "$step_nodes $database_nodes $INFER_NODES"')" = "n1,n2 n3 n1,n2" ]
    sed -i 's/cpus_per_node: 5/hosts: [n2]/' battery.yaml
    scripts battery.yaml
    grep -qx '#SBATCH --nodelist=n2' 1.sh
    sed -n '/^step_nodes=/,/^database_nodes=/p' 1.sh >nodes.sh
    [ "$(SLURM_JOB_NODELIST='n[1-3]' PATH="$work/bin:$PATH" bash -c '. ./nodes.sh; echo "$step_nodes $database_nodes"')" = "n1,n3 n2" ]
}
