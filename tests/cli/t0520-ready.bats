#!/usr/bin/env bats
# inferstep sweep inference-colocated and inference-standard: the flags of SmartSim-Scaling's drivers, what they become,
# and what is refused before anything runs.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unset SLURM_JOB_ID SLURM_JOB_NODELIST SLURM_STEP_ID
    # Without a cluster: what is planned for one is told so.
    CLUSTER=(--launcher=slurm --net_ifname=lo --dry-run --json)
}

colocated() { inferstep sweep inference-colocated "$@"; }
standard() { inferstep sweep inference-standard "$@"; }

# The points of a plan, a line each: all values, then nodes, tasks, the database's nodes.
points() { jq -r '.plan[] | [(.parameters | to_entries | map("\(.key)=\(.value)") | join(" ")), .nodes, .tasks_per_node, .database_nodes // "-"] | @tsv'; }

refused() { # words of the message, command…
    local words=$1
    shift
    run --separate-stderr "$@"
    echo "$stderr"
    [ "$status" = 2 ] && [ -z "$output" ] && [[ $stderr == *"error: $words"* ]]
}

@test "the defaults are those of June 2023" {
    run -0 --separate-stderr colocated "${CLUSTER[@]}"
    [ "$(points <<<"$output")" = "nodes=12 clients_per_node=18 db_cpus=2 db_tpq=1 batch_size=1 pin_app_cpus=no languages=fortran	12	18	-
nodes=12 clients_per_node=18 db_cpus=2 db_tpq=1 batch_size=1 pin_app_cpus=no languages=cpp	12	18	-" ]
    run -0 --separate-stderr standard "${CLUSTER[@]}"
    [ "$(points <<<"$output")" = "client_nodes=12 clients_per_node=48 db_nodes=12 db_cpus=2 db_tpq=1 batch_size=1000 languages=fortran	12	48	12
client_nodes=12 clients_per_node=48 db_nodes=12 db_cpus=2 db_tpq=1 batch_size=1000 languages=cpp	12	48	12" ]
    jq -e 'all(.plan[]; .database_job)' <<<"$output"
}

@test "the manual page has every flag with its default" {
    local page=$INFERSTEP_TOP/man/inferstep-sweep.1 kind
    for kind in colocated standard; do
        inferstep sweep "inference-$kind" --help | sed -n 's/^  --\([a-z_]*\)=\([^ ]*\) .*/\1 \2/p' >flags
        [ "$(wc -l <flags)" -ge 18 ]
        while read -r flag default; do
            value=$(awk -F ' Ta ' -v flag=".It Li $flag" -v column="$kind" 'NF == 3 && $1 == flag { print column == "colocated" ? $2 : $3 }' "$page")
            echo "$kind $flag: $default, the page: $value"
            [ "$value" = "$default" ]
        done <flags
    done
}

@test "permutations stand in the drivers' order" {
    run -0 --separate-stderr colocated "${CLUSTER[@]}" --nodes=1,2 --clients_per_node=[2,4] --db_cpus='(1,2)' --db-tpq 1,2 --batch_size=1,8 --languages=[cpp,fortran]
    [ "$(points <<<"$output" | cut -f 1)" = "$(python3 -c '
from itertools import product
for n, c, d, t, b, l in product([1, 2], [2, 4], [1, 2], [1, 2], [1, 8], ["cpp", "fortran"]):
    print(f"nodes={n} clients_per_node={c} db_cpus={d} db_tpq={t} batch_size={b} pin_app_cpus=no languages={l}")')" ]
    run -0 --separate-stderr standard "${CLUSTER[@]}" --client_nodes=[2,1] --clients_per_node=4 --db_nodes=1,3 --db_cpus=2 --languages=cpp
    [ "$(points <<<"$output" | cut -f 1 | cut -d ' ' -f 1,3)" = "client_nodes=2 db_nodes=1
client_nodes=2 db_nodes=3
client_nodes=1 db_nodes=1
client_nodes=1 db_nodes=3" ]
}

@test "what each flag becomes" {
    run -0 --separate-stderr colocated "${CLUSTER[@]}" --db_cpus=4 --db_tpq=2 --db_port=7000 --pin_app_cpus=True --batch_size=8 --device=gpu \
        --num_devices=2 --iterations=7 --languages=cpp --model=resnet18 --keep_keys
    jq -r '.plan[0].command | join(" ")' <<<"$output" >command
    [ "$(cat command)" = "inferstep client --workload=smartsim --language=cpp --iterations=7 --model=resnet18.pt --model-name=resnet18 --keep-keys" ]
    jq -r '.plan[0].options | sort[]' <<<"$output" >options
    diff options - <<'END'
--infer-colocate=1
--infer-db-cpus=4
--infer-db-port=7000
--infer-db-tpq=2
--infer-device=gpu
--infer-model=resnet18:resnet18.pt,batchsize=8
--infer-net-ifname=lo
--infer-num-devices=2
--infer-pin-app=yes
END
    run -0 --separate-stderr standard "${CLUSTER[@]}" --db_nodes=2 --db_cpus=4 --db_port=7000 --device=CPU --languages=cpp --db_hosts=[n7,n8] \
        --batch_args='{"C":"V100", "exclusive": None}'
    jq -r '.plan[0] | [.database_nodes, .database_cpus, .database_job] + .database_hosts + .batch_options + (.database_options | sort) | map(tostring) | join(" ")' \
        <<<"$output" >database
    [ "$(cat database)" = "2 4 true n7 n8 -C V100 --exclusive --db-tpq=1 --device=cpu --model=resnet50:resnet50.pt,batchsize=1000 --net-ifname=lo --port=7000" ]
}

@test "as a batch job, a point has nodes for its clients and its database" {
    standard --launcher=slurm --net_ifname=lo --model=resnet18 --languages=cpp --client_nodes=2 --db_nodes=3 --db_hosts=n1,n2,n3 \
        --run_db_as_batch=False --no-submit-job --no-save-script >preview 2>errors
    cat errors preview
    for line in nodes=5 nodelist=n1,n2,n3 exclusive time=05:00:00; do grep -qxF -- "#SBATCH --$line" preview; done
    sed '/^####/d' preview >run.sh
    bash -n run.sh
    for words in 'srun --job-name=database --ntasks=3 --nodes=3 --ntasks-per-node=1 --cpus-per-task=2 --nodelist=n1,n2,n3 ' ' --model=resnet18:resnet18.pt,batchsize=1000 '; do
        sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' run.sh | grep -qF -- "$words"
    done
}

@test "a flag is spelled as in Python, in YAML or as a plain list" {
    colocated "${CLUSTER[@]}" --db_cpus='[2, 4]' --languages='["cpp"]' --rebuild_model=True 2>/dev/null >plan
    for words in "--db_cpus=2,4 --languages=[cpp] --rebuild_model" "--db-cpus (2,4) --languages ('cpp',) --rebuild-model=true" "--db_cpus [2,4] --languages cpp --rebuild_model yes"; do
        # shellcheck disable=SC2086
        colocated "${CLUSTER[@]}" $words 2>/dev/null | diff plan -
    done
    inferstep sweep inference_colocated "${CLUSTER[@]}" --db_cpus=2,4 --languages=cpp --rebuild_model 2>/dev/null | diff plan - # as the driver has it
    standard "${CLUSTER[@]}" --norun_db_as_batch 2>/dev/null | jq -e 'any(.plan[]; .database_job) | not'
}

@test "mistakes in flags are one sentence that names flag and place" {
    refused "--db_cpu: there is no such flag" colocated --db_cpu=2
    [[ $stderr == *"did you mean --db_cpus?"* ]]
    refused "--db_cpus=[2,4, line 1, column " colocated --db_cpus='[2,4'
    refused "--batch_args={\"C\": V100, line 1, column " standard --batch_args='{"C": V100'
    refused "--batch_args: 'wrap' cannot be given" standard --batch_args='{"wrap": "true"}'
    refused "--nodes: the list is empty" colocated --nodes=[]
    refused "--languages: the list is empty" colocated --languages='()'
    refused "--nodes: 0 is out of range" colocated --nodes=0
    refused "--nodes: 2 stands there twice" colocated --nodes=2,3,2
    refused "--device: 'TPU' is not one of GPU, CPU, auto" colocated --device=TPU
    refused "--num_devices=2 is about GPUs" colocated --launcher=slurm --device=CPU --num_devices=2
    refused "--db_port=80: 1024 to 65535, or 0 for a free one, is right" colocated --launcher=slurm --db_port=80
    refused "--db_port=60000: 1024 to 55535 is right" standard --launcher=slurm --db_port=60000
    refused "--exp_name=../../etc: it names a folder" colocated "${CLUSTER[@]}" --exp_name=../../etc
    refused "--model=resnet51: No such file" colocated "${CLUSTER[@]}" --model=resnet51
    refused "--pin_app_cpus=True: the database has nodes of its own" standard --launcher=slurm --pin_app_cpus=True
    refused "'nodes=2' is no flag" colocated nodes=2
    refused "" colocated "${CLUSTER[@]}" --wall_time=never
    [[ $stderr == *time_limit* ]]
}

@test "hosts of a database are as many as its nodes, which are one number" {
    refused "--db_nodes: with --db_hosts it must be one number" standard --launcher=slurm --db_hosts=n1,n2 --db_nodes=1,2
    refused "--db_nodes=3: --db_hosts names 2 hosts" standard --launcher=slurm --db_hosts=n1,n2 --db_nodes=3
    refused "--db_hosts: '-w' is no name of a host" standard --launcher=slurm --db_hosts=-w --db_nodes=1
}

@test "an allocation must hold clients and database, and the named hosts" {
    export SLURM_JOB_ID=7 SLURM_JOB_NODELIST=n1,n2,n3
    refused "--nodes=4: the allocation 7 has 3 nodes" colocated --dry-run --net_ifname=lo --nodes=1,4,2
    refused "--client_nodes=2 and --db_nodes=2 together need 4 nodes, and the allocation 7 has 3" \
        standard --dry-run --net_ifname=lo --client_nodes=1,2 --db_nodes=2,1 --run_db_as_batch=False
    standard --dry-run --net_ifname=lo --client_nodes=3 --db_nodes=9 2>errors
    standard --dry-run --net_ifname=lo --client_nodes=1 --db_nodes=2 --run_db_as_batch=False
    refused "--db_hosts: n4 is not in the allocation 7" \
        standard --dry-run --net_ifname=lo --client_nodes=1 --db_nodes=2 --run_db_as_batch=False --db_hosts=n1,n4
    [[ $stderr == *"it has n1, n2, n3"* ]]
    # An interface that was named must be here; the default one, which is a Cray's, is replaced aloud.
    refused "--net_ifname: there is no interface 'ipogif0'" colocated --dry-run --nodes=1 --net_ifname=ipogif0
    run -0 --separate-stderr colocated --dry-run --nodes=1
    [[ $stderr == *"warning: there is no interface ipogif0 here"*" lo;"* ]]
    run -0 --separate-stderr colocated --dry-run --nodes=1 --net_ifname=lo
    [ -z "$stderr" ]
}

@test "without Slurm there is one node" {
    refused "--nodes=12: without Slurm there is one node" colocated --launcher=local
    refused "--db_nodes=12: without Slurm there is one node" standard --launcher=local --client_nodes=1
    refused "--run_db_as_batch=True: without Slurm" standard --launcher=local --client_nodes=1 --db_nodes=1 --run_db_as_batch=True
    [ -e /dev/nvidiactl ] || refused "--device=GPU: this machine has no GPU" colocated --launcher=local --nodes=1
}

@test "without Slurm the standard database is a process beside the clients" {
    export INFER_ATTACH_DIR=$PWD/attach
    inferstep sweep inference-standard --launcher=local --client_nodes=1 --clients_per_node=2 --db_nodes=1 --db_cpus=1 --device=CPU \
        --model=resnet18 --iterations=1 --batch_size=2 --languages=cpp 2>errors
    cat errors
    grep -q 'warning: without Slurm the database is a process' errors
    here=$(echo results/inference-scaling/run-*/points/p0001)
    jq -e '.state == "done"' "$here/point.json"
    jq -e '.clients == 2 and .wrong == 0 and .errors == 0' "$here"/records/*/summary.json
    read -r step <"$here/database.step"
    jq -e '.state == "ended"' "$here/records/$step"/step_*.json
    [ -z "$(ls -A attach)" ]
}

@test "a script that is killed leaves no database" {
    export INFER_ATTACH_DIR=$PWD/attach
    inferstep sweep inference-standard --launcher=local --client_nodes=1 --clients_per_node=1 --db_nodes=1 --db_cpus=1 --device=CPU \
        --model=resnet18 --iterations=100000 --batch_size=1 --languages=cpp >run 2>errors 3>&- &
    driver=$!
    for _ in $(seq 300); do
        here=$(cat run)/points/p0001
        rows=$(cat "$here"/records/*/rank_0.csv 2>/dev/null | wc -l)
        [ "$rows" -lt 4 ] || break
        sleep 0.1
    done
    [ "$rows" -ge 4 ]
    read -r step <"$here/database.step"
    kill -0 "${step#local.}"
    kill -KILL "$(pgrep -P "$driver")" # run.sh
    wait "$driver" && false || [ $? = 1 ]
    cat errors
    jq -e '.state == "failed"' "$here/point.json"
    ! kill -0 "${step#local.}" 2>/dev/null || false
    [ -z "$(ls -A attach)" ]
}
