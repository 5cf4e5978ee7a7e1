#!/usr/bin/env bats
# Where Slurm cannot count the databases, step.json says so and has the figures itself.

load ../lib/cluster

setup_file() { cluster_start --nodes 1 --gather linux; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

@test "jobacct_gather/linux: the database is counted, or step.json says that it is not" {
    run user_run srun -Q -N1 -n1 -c2 --mem=1500 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=acct sh -c \
        'head -c 300000000 /dev/zero | redis-cli -s "${SSDB#unix://}" -x set k; sleep 3; echo "$SLURM_JOB_ID"'
    echo "$output"
    [ "$status" = 0 ]
    job=$(tail -n 1 <<<"$output")
    rss=$(sacct_field "$job.0" MaxRSS)
    counted=$(user_run jq '.accounting.databases_counted' acct/"$job".0/step.json)
    gather=$(user_run jq -r '.accounting.gather' acct/"$job".0/step.json)
    own=$(user_run jq '.nodes[0].databases[0].ended.max_rss_bytes' acct/"$job".0/step.json)
    echo "MaxRSS $rss, counted $counted under $gather, the record's own figure $own"
    [[ $gather == *linux* ]]
    [ "$own" -gt 300000000 ]
    if [ "$counted" = true ]; then [ "${rss%K}" -gt 300000 ]; else [ "$counted" = false ]; fi
}
