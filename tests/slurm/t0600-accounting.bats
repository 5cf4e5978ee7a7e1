#!/usr/bin/env bats
# What Slurm's accounting says of a step with databases, and step.json beside it: where Slurm counts them.
# Figures are compared with each other, never with a clock.

load ../lib/cluster
load ../lib/accounting

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

@test "jobacct_gather/cgroup counts the database: memory, CPU time and TRES, in sacct and in the record" {
    accounted_step
    assert_own_figures
    recorded '.gather == "jobacct_gather/cgroup" and .databases_counted'
    [ "$(sacct_rss "$JOB.0")" -gt 300000000 ]
    recorded '.sacct.max_rss_bytes > 3e8'
    # Slurm counts whole seconds, in two parts: the database's 2 s are at least 1.
    recorded '.sacct.cpu_s >= 1 and .tasks.cpu_s >= 0 and (.tasks | has("max_rss_bytes") | not)'
    tres=$(sacct_field "$JOB.0" TRESUsageInMax)
    echo "$tres"
    [[ $tres =~ cpu=00:(0[1-9]:..|00:(0[1-9]|[1-5].)), ]]
}

@test "sstat sees the database while the step runs" {
    cp "$INFERSTEP_TOP/tests/lib/db_burn.py" "$CLUSTER_WORK/db_burn.py"
    chmod 755 "$CLUSTER_WORK/db_burn.py"
    rm -f "$CLUSTER_WORK/burned"
    user_background srun -Q -n1 -c2 --mem=2000 --infer-colocate=1 --infer-db-cpus=1 sh -c \
        'echo "$SLURM_JOB_ID" >burned.new; ./db_burn.py 300 0.1; mv burned.new burned; exec sleep 60'
    deadline=$((SECONDS + 40))
    until [ -e "$CLUSTER_WORK/burned" ]; do [ "$SECONDS" -lt "$deadline" ]; sleep 0.1; done
    job=$(cat "$CLUSTER_WORK/burned")
    until rss=$(user_run sstat -n -P --noconvert -j "$job.0" --format=MaxRSS) && [ "${rss%%.*}" -gt 300000000 ]; do
        [ "$SECONDS" -lt "$deadline" ]
        sleep 0.3
    done
    user_run scancel "$job"
    wait "$BACKGROUND_PID" || true
}
