#!/usr/bin/env bats
# More nodes than the other tests have: a step with databases on all of 16, and a model that is passed on with sbcast.
bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() { cluster_start --nodes 16 --cpus 4 --no-dbd; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

@test "16 nodes: each has a database of its own, one record tells of all, nothing is left" {
    cat >"$CLUSTER_WORK/ask" <<'END'
#!/bin/sh
[ "$(redis-cli -s "${SSDB#unix://}" PING)" = PONG ] && echo "$SSDB"
END
    chmod 755 "$CLUSTER_WORK/ask"
    run -0 --separate-stderr user_run srun -N16 --ntasks-per-node=2 -c1 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=all ./ask
    [ "${#lines[@]}" = 32 ]
    [ "$(sort -u <<<"$output" | wc -l)" = 16 ]
    local record
    record=$(echo "$CLUSTER_WORK"/all/*/step.json)
    [ "$(jq -c '[.nodes[].node_index]' "$record")" = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]" ]
    [ "$(jq -r '[.nodes[].state] | unique | join(" ")' "$record")" = ended ]
    run -1 compgen -G "$CLUSTER_WORK/all/*/step_*.json"
}

@test "slurmstepd has no reading end of the step's pipe: it sees when the databases have ended" {
    user_background srun -N1 -n2 -c1 --infer-colocate=1 --infer-db-cpus=1 sh -c 'touch here; exec sleep 60'
    local step deadline=$((SECONDS + 30)) stepd fd
    until [ -e "$CLUSTER_WORK/here" ] || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.1; done
    step=$(squeue --noheader --steps --format=%i)
    stepd=$(stepd_pids "$step")
    [ -n "$stepd" ]
    # The pipe of the supervisor's descriptor 4.
    fd=$(readlink "/proc/$(pgrep -n -u "$CLUSTER_USER" -f 'inferstep db serve')/fd/4")
    [[ "$fd" == pipe:* ]]
    run -0 bash -c 'for i in /proc/'"$stepd"'/fd/*; do
        [ "$(readlink "$i")" != "'"$fd"'" ] || awk "/^flags/ { print \$2 % 10 }" "${i/fd/fdinfo}"; done'
    [ "$output" = 1 ] # one, O_WRONLY
    scancel "${step%.*}"
    wait "$BACKGROUND_PID" || true
}

@test "contrib/sbatch/colocate-sbcast.sbatch: one node reads the model, each node checks its copy" {
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" "$CLUSTER_WORK/net.pt" 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    cat >"$CLUSTER_WORK/simulation" <<'END'
#!/bin/sh
redis-cli -s "${SSDB#unix://}" AI.MODELGET net META | grep -q TORCH && ls /dev/shm/*-net.pt >"copy.$SLURM_PROCID"
END
    chmod 755 "$CLUSTER_WORK/simulation"
    cp "$INFERSTEP_TOP/contrib/sbatch/colocate-sbcast.sbatch" "$CLUSTER_WORK/job.sbatch"
    chmod a+r "$CLUSTER_WORK"/*
    local job deadline=$((SECONDS + 60))
    job=$(user_run sbatch --parsable --nodes=3 --ntasks-per-node=1 --cpus-per-task=3 -o out job.sbatch)
    while [ -n "$(squeue --noheader --jobs="$job" 2>/dev/null)" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
    cat "$CLUSTER_WORK/out"
    [ "$(cat "$CLUSTER_WORK"/copy.* | sort | uniq -c | xargs)" = "3 /dev/shm/$job-net.pt" ]
}
