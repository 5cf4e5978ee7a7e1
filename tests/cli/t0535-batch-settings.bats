#!/usr/bin/env bats
# Settings of batch jobs: slurm_config.yaml, the battery's slurm:, options; containers; scripts that are shown, saved, not kept.

# shellcheck disable=SC2154 # lib/script sets work
load ../lib/script

@test "the command of each task in a container" {
    printf 'name: x\ncommand: [echo, "a b"]\nstep: {tasks_per_node: 2, gpus_per_node: 1}\n' >battery.yaml
    scripts battery.yaml --container='my image.sif' --bind=/scratch --bind='/a b:/c:ro' --container-option=--cleanenv
    grep -qxF "    -- apptainer exec --nv --bind=/scratch '--bind=/a b:/c:ro' --cleanenv 'my image.sif' \\" 1.sh
    grep -qxF "    echo 'a b' \\" 1.sh
    # This is no container: a stand-in for apptainer shows that it is called with the right words.
    mkdir bin
    printf '#!/bin/sh\nwhile [ "$1" != "my image.sif" ]; do echo "option: $1"; shift; done\nshift\nexec "$@"\n' >bin/apptainer
    chmod +x bin/apptainer
    scripts battery.yaml --container='my image.sif' --bind='/a b:/c:ro' --where=local
    run env PATH="$work/bin:$PATH" bash 1.sh
    [ "$status" = 0 ]
    [ "$(sort "$(point)/stdout.log" | uniq -c | tr -s ' ')" = " 2 a b
 2 option: --bind=/a b:/c:ro
 2 option: --nv
 2 option: exec" ]
    sed -i 's/, gpus_per_node: 1//' battery.yaml
    scripts battery.yaml --container=x.sif
    no grep -q -- --nv 1.sh
}

@test "the command line goes over --slurm-config, that over the battery's slurm:, that over the point's needs" {
    battery
    printf 'account: from_config\npartition: from_config\ntime: "01:00:00"\n' >slurm_config.yaml
    scripts battery.yaml
    grep -qx '#SBATCH --account=lab' 1.sh
    grep -qx '#SBATCH --time=00:02:00' 1.sh
    grep -qx '#SBATCH --job-name=scaling-p0001' 1.sh
    no grep -q partition 1.sh
    scripts battery.yaml --slurm-config=slurm_config.yaml
    grep -qx '#SBATCH --account=from_config' 1.sh
    grep -qx '#SBATCH --time=01:00:00' 1.sh
    scripts battery.yaml --slurm-config=slurm_config.yaml --job-name my_job --account mine --time 5 --constraint 'a&b' --memory 16G \
        --qos high --reservation day --std-out '{point}-%j.out' --num-nodes 3 --cpus-per-task 8 --exclusive \
        --sbatch-option=--licenses=a:2 --sbatch-option=requeue
    plain 1.sh | grep '^#SBATCH' >lines
    diff lines - <<'EOF'
#SBATCH --job-name=my_job
#SBATCH --chdir=/FOLDER
#SBATCH --output=p0001-%j.out
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=5
#SBATCH --account=mine
#SBATCH --partition=from_config
#SBATCH --qos=high
#SBATCH --reservation=day
#SBATCH --constraint="a&b"
#SBATCH --mem=16G
#SBATCH --licenses=a:2
#SBATCH --requeue
#SBATCH --exclusive
EOF
    grep -qx '    --cpus-per-task=8 \\' 1.sh # the step has them, too
}

@test "nothing of a site by default" {
    printf 'name: x\ncommand: ["true"]\n' >battery.yaml
    scripts battery.yaml
    plain 1.sh | grep '^#SBATCH' >lines
    diff lines - <<'EOF'
#SBATCH --job-name=x-p0001
#SBATCH --chdir=/FOLDER
#SBATCH --output="/FOLDER/run/points/p0001/script.log"
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --no-requeue
EOF
}

@test "itwinai's slurm_config.yaml is understood" {
    printf 'name: x\ncommand: ["true"]\nstep: {gpus_per_node: 4}\n' >battery.yaml
    cat >slurm_config.yaml <<'EOF'
job_name: tutorial-ddp-job
account: intertwin
partition: develbooster
time: "00:15:00"
std_out: slurm_job_logs/ddp-1x4.out
err_out: slurm_job_logs/ddp-1x4.err
num_nodes: 1
num_tasks_per_node: 1
gpus_per_node: 4
cpus_per_gpu: 4
exclusive: true
memory: null
pre_exec_command: |
  ml Stages/2024 GCC OpenMPI
  export OMP_NUM_THREADS=4
python_venv: venv
container_path: image.sif
submit_job: no
save_script: no
EOF
    inferstep sweep -c battery.yaml --slurm-config=slurm_config.yaml >text
    for line in '#SBATCH --job-name=tutorial-ddp-job' '#SBATCH --cpus-per-gpu=4' '#SBATCH --error=slurm_job_logs/ddp-1x4.err' \
        '#SBATCH --gpus-per-node=4' 'ml Stages/2024 GCC OpenMPI' 'export OMP_NUM_THREADS=4' ". $work/venv/bin/activate || exit"; do
        grep -qxF -- "$line" text || { echo "missing: $line"; false; }
    done
    no grep -q -- --mem text
}

@test "settings that are wrong are refused, each with its place" {
    printf 'name: x\ncommand: ["true"]\nstep: {nodes: 2, gpus_per_node: 2}\n' >battery.yaml
    refused() { # text of slurm_config.yaml, what the message has
        printf '%s\n' "$1" >slurm_config.yaml
        run preview battery.yaml --slurm-config=slurm_config.yaml
        [ "$status" = 2 ] && [[ $output == *"$2"* ]] || { echo "$1: $output"; return 1; }
    }
    refused 'acount: x' "slurm_config.yaml, line 1: acount: 'acount' is no setting of a batch job"
    [[ $output == *"did you mean account?"* ]]
    refused 'mode: single' "line 1: mode: it belongs to training"
    refused 'dist_strat: ddp' "line 1: dist_strat: it belongs to training"
    refused 'training_cmd: x' "line 1: training_cmd: it comes from the battery"
    refused 'num_nodes: 1' "point p0001 needs 2 for --nodes, and the settings of its job say 1"
    refused 'gpus_per_node: 1' "needs 2 for --gpus-per-node"
    refused 'exclusive: perhaps' "line 1: exclusive: 'perhaps' is neither yes nor no"
    refused 'account: "a\nb"' "has a control character"
    refused 'account: [a, b]' "one value is right, not 2"
    refused 'account: ""' "it is empty"
    refused 'sbatch_option: -L a' "is no long option of sbatch"
    refused 'pre_exec_file: nowhere' "nowhere"
    refused '[a]' "keys and values are right"
    run preview battery.yaml --slurm-config=nowhere.yaml
    [ "$status" = 2 ]
    run preview battery.yaml --account= --exclusive # nothing behind the =
    [ "$status" = 2 ]
    [[ $output == *"--account: it is empty"* ]]
}

@test "--no-submit-job: the scripts are saved and named, nothing runs, and none is overwritten" {
    printf 'name: x\ncommand: [touch, ran]\nmatrix: {n: [1, 2]}\n' >battery.yaml
    folder=$(inferstep sweep -c battery.yaml --no-submit-job --scripts-folder=saved)
    [ "$(ls saved)" = "x-p0001.sh
x-p0002.sh" ]
    cmp saved/x-p0001.sh "$folder/points/p0001/run.sh"
    grep -q '^#SBATCH --job-name=x-p0001' saved/x-p0001.sh
    [ ! -e ran ]
    no ls "$folder"/points/*/end
    run inferstep sweep -c battery.yaml --no-submit-job --scripts-folder=saved
    [ "$status" = 1 ]
    [[ $output == *"$work/saved/x-p0001.sh is there already, and is not overwritten"* ]]
    [ "$(ls -d results/x/run-* | wc -l)" = 1 ] # known before anything was made
    run inferstep sweep -c battery.yaml --where=local --no-save-script --scripts-folder=elsewhere
    [ "$status" = 1 ]
    [[ $output == *"does not go with --no-save-script"* ]]
}

@test "--no-save-script: points run, and their scripts go when they have ended" {
    printf 'name: x\ncommand: [echo, hello]\n' >battery.yaml
    folder=$(inferstep sweep -c battery.yaml --where=local --no-save-script 2>progress)
    [ "$(cat "$folder/points/p0001/stdout.log")" = hello ]
    [ ! -e "$folder/points/p0001/run.sh" ]
    grep -q '"script":	""' "$folder/points/p0001/point.json"
}
