#!/usr/bin/env bats
# The options of srun, sbatch and salloc: which source counts, what an administrator allows, and what hostile values do.

load ../lib/cluster

setup_file() { cluster_start --nodes 4; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() {
    plugstack_restore
    assert_clean
}

# refused PATTERN COMMAND…: no job, and one line of ours that has the words
refused() {
    local pattern=$1 before
    shift
    before=$(next_job_id)
    run user_run "$@"
    echo "${*:0:200} -> $status: ${output:0:600}"
    [ "$status" != 0 ] && [ "$(grep -c '^infer: ' <<<"$output")" = 1 ] && grep -qE -- "^infer: .*($pattern)" <<<"$output" &&
        [ "$before" = "$(next_job_id)" ]
}

# The value in force and its source, as --infer-help has them: in_force NAME <TABLE
in_force() { awk -v name="--infer-$1=" 'index($1, name) == 1 { print $2, $3, $4 }'; }

@test "R13: no option takes a control character or more than 4096 bytes, from the command line or the environment" {
    cat >"$CLUSTER_WORK/hostile.sh" <<'SCRIPT'
long=$(printf '1%.0s' $(seq 4097))
huge=$(printf '1%.0s' $(seq 100000))
srun --help | sed -n 's/^ *--infer-\([a-z-]*\)=.*/\1/p; s/^ *--infer-\(colocate\)\[.*/\1/p' | sort -u >names
for name in $(cat names); do
    for value in "$(printf 'a\nb')" "$long" "$huge"; do
        twin=INFER_$(echo "$name" | tr a-z- A-Z_)
        srun --infer-colocate=1 "--infer-$name=$value" true >out 2>&1 && echo "$name: taken"
        grep -q '^infer: ' out || { echo "$name: no word"; head -c 300 out; }
        case $name in port | ifname | threads-per-queue | limit-app-cpus | pin-app-cpus | colocate | attach) continue ;; esac
        env "$twin=$value" srun --infer-colocate=1 true >out 2>&1 && echo "$twin: taken"
        grep -qE "^infer: $twin (is longer than 4096 bytes|has a control character)" out || { echo "$twin: no word"; head -c 300 out; }
    done
done
SCRIPT
    before=$(next_job_id)
    run user_run sh hostile.sh
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
    [ "$before" = "$(next_job_id)" ]
    [ "$(wc -l <"$CLUSTER_WORK/names")" -ge 20 ]
}

@test "S10: what goes around srun is refused on the node, and harms nothing there" {
    long=$(printf 'x%.0s' $(seq 5000))
    plugstack_with limit-colocate=1
    for value in "$long" 2 0x10 "$(printf '1\n2')" '1;touch ran' '%s%n'; do
        # Slurm takes these from the job's environment in slurmstepd; srun sees no option.
        run user_run "_SLURM_SPANK_OPTION_infer_infer_colocate=$value" srun -n2 -c2 touch started
        echo "${value:0:20} -> $status: ${output:0:600}"
        [ "$status" != 0 ]
        [ "$(grep -c '^infer: .*(node ' <<<"$output")" = 1 ] || [ "$(grep -c '^infer: ' <<<"$output")" = 1 ]
        [ ! -e "$CLUSTER_WORK/started" ] && [ ! -e "$CLUSTER_WORK/ran" ]
    done
    run user_run "_SLURM_SPANK_OPTION_infer_infer_colocate=1" "SLURM_INFER_DB_CPUS=$long" srun -c3 true
    echo "${output:0:600}"
    [ "$status" != 0 ] && [[ $output == *"INFER_DB_CPUS is longer than 4096 bytes"* ]]
    user_run srun -n1 true
}

@test "the command line counts more than salloc and sbatch, these more than the environment, that more than plugstack.conf" {
    [ "$(user_run srun --infer-help | in_force db-tpq)" = "1 built in" ]
    plugstack_with db-tpq=2
    user_run srun --infer-help | in_force db-tpq | grep -q '^2 plugstack.conf'
    user_run INFER_DB_TPQ=3 srun --infer-help | in_force db-tpq | grep -q '^3 environment'
    user_run INFER_DB_TPQ=3 salloc -n1 --infer-db-tpq=4 --infer-colocate=1 srun --infer-help | in_force db-tpq | grep -q '^4 salloc, sbatch'
    user_run INFER_DB_TPQ=3 salloc -n1 --infer-db-tpq=4 --infer-colocate=1 srun --infer-db-tpq=5 --infer-help |
        in_force db-tpq | grep -q '^5 command line'
    user_run INFER_DB_TPQ=3 salloc -n1 --infer-threads-per-queue=4 --infer-colocate=1 srun --infer-db-tpq=5 --infer-help |
        in_force db-tpq | grep -q '^5 command line'
}

@test "an #SBATCH line counts, the command line of sbatch replaces it, and srun in the script replaces both" {
    cat >"$CLUSTER_WORK/job.sh" <<'SCRIPT'
#!/bin/sh
#SBATCH --infer-colocate=2
#SBATCH -n1 -c4
srun --infer-help
srun --infer-db-tpq=5 --infer-help
srun sh -c 'echo "databases: $SLURM_INFER_COLOCATE"'
SCRIPT
    user_run sbatch -o job.out --infer-db-tpq=4 job.sh
    wait_idle
    cat "$CLUSTER_WORK/job.out"
    [ "$(in_force db-tpq <"$CLUSTER_WORK/job.out" | cut -c1-8 | tr '\n' ,)" = "4 salloc,5 comman," ]
    grep -q '^databases: 2' "$CLUSTER_WORK/job.out"
    user_run sbatch -o job.out --infer-colocate=1 job.sh
    wait_idle
    grep -q '^databases: 1' "$CLUSTER_WORK/job.out"
}

@test "--infer-help ends srun, salloc and sbatch with 0 and without a job, and shows the limits" {
    before=$(next_job_id)
    plugstack_with limit-colocate=3
    for command in srun salloc "sbatch job.sh"; do
        # shellcheck disable=SC2086  # a command and its arguments
        set -- $command
        printf '#!/bin/sh\ntrue\n' >"$CLUSTER_WORK/job.sh"
        run user_run "$1" --infer-colocate=2 --infer-port=7000 --infer-help ${2-}
        echo "$output"
        [ "$status" = 0 ]
        grep -qE '^--infer-db-port=P +7000 +command line' <<<"$output"
        grep -qE '^limit-colocate=N +3 ' <<<"$output"
    done
    [ "$before" = "$(next_job_id)" ]
}

@test "an administrator's limit is refused in srun, whoever wants more" {
    plugstack_with limit-colocate=2 limit-device=cpu limit-tcp=secret
    refused 'limit-colocate=2' srun --infer-colocate=3 true
    refused 'limit-colocate=2' INFER_COLOCATE=3 srun true
    refused 'limit-device=cpu' srun --infer-colocate --infer-device=gpu true
    refused 'limit-tcp=secret' srun --infer-colocate --infer-tcp-auth=none true
    refused 'limit-colocate=2' salloc -n1 --infer-colocate=3 true
    plugstack_with limit-tcp=no db-cpus=2
    refused 'limit-tcp=no' srun --infer-colocate --infer-ifname=lo true
    plugstack_with device=gpu limit-device=cpu
    refused 'plugstack.conf: device=gpu: .*limit-device=cpu.* to be mended there' srun --infer-colocate true
    plugstack_with limit-colocate=0
    refused 'plugstack.conf: limit-colocate wants a whole number from 1 to 64' srun --infer-colocate true
    user_run srun true
}

@test "models lie where the administrator allows it: no link leads out of there, not on the node either" {
    plugstack_with "limit-model=$CLUSTER_WORK/models"
    user_run sh -c 'mkdir -p models && inferstep model resnet18 -o model.pt && cp model.pt models/good.pt &&
        ln -sf ../model.pt models/out.pt && ln -sfn .. models/up && ln -sf models/good.pt in.pt'
    for path in model.pt models/out.pt models/up/model.pt models/../model.pt; do
        refused 'limit-model=' srun -c2 --infer-colocate=1 "--infer-model=m:$path" true
    done
    user_run srun -c3 --infer-colocate=1 --infer-model=m:models/good.pt true
    user_run srun -c3 --infer-colocate=1 --infer-model=m:in.pt true
    run user_run _SLURM_SPANK_OPTION_infer_infer_colocate=1 _SLURM_SPANK_OPTION_infer_infer_model=m:models/out.pt srun -c3 true
    echo "$output"
    [ "$status" != 0 ] && [[ $output == *"limit-model="*"does not allow files there (node "* ]]
}

@test "databases get no more CPUs and memory than their share of the step's" {
    plugstack_with limit-db-cpus=50% limit-db-memory=25%
    run user_run srun -n1 -c4 --mem=800 --infer-colocate=1 --infer-dry-run true
    [ "$status" = 0 ]
    for wanted in --infer-db-cpus=3 --infer-colocate=3 --infer-db-memory=201M; do
        run user_run srun -n1 -c4 --mem=800 --infer-colocate=1 "$wanted" true
        [[ $wanted != *colocate* ]] || run user_run srun -n1 -c4 --mem=800 "$wanted" true
        echo "$wanted: $output"
        [ "$status" != 0 ] && [ "$(grep -cE "^infer: $wanted: the administrator's limit-db-(cpus=50|memory=25)% .*\(node " <<<"$output")" = 1 ]
    done
    plugstack_with limit-db-cpus=25%
    run user_run srun -n1 -c4 --infer-colocate=1 --infer-dry-run true
    echo "$output"
    [[ $output == *"D0 database 0"*"CPU 3"* || $output == *"D0 database 0"*"CPUs 3"* ]]
}
