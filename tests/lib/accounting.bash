# shellcheck shell=bash disable=SC2154
# A step whose database holds 300 MB and burns 2 CPU seconds, and what Slurm and the record say of it; after load
# ../lib/cluster.

# Sets JOB, RECORD (the accounting of step.json) and DATABASE (what the supervisor got from wait4 for it).
accounted_step() {
    cp "$INFERSTEP_TOP/tests/lib/db_burn.py" "$CLUSTER_WORK/db_burn.py"
    chmod 755 "$CLUSTER_WORK/db_burn.py"
    run user_run srun -Q -N1 -n2 -c2 --mem=2000 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=accounted sh -c \
        '[ "$SLURM_PROCID" != 0 ] || { echo "job $SLURM_JOB_ID"; exec ./db_burn.py 300 2 2.5; }'
    echo "$output"
    [ "$status" = 0 ] || return 1
    JOB=$(sed -n 's/^job //p' <<<"$output")
    RECORD=$(jq .accounting "$CLUSTER_WORK/accounted/$JOB.0/step.json")
    # shellcheck disable=SC2034  # the test reads it
    DATABASE=$(jq '.nodes[0].databases[0].ended' "$CLUSTER_WORK/accounted/$JOB.0/step.json")
    echo "$RECORD"
}

# A condition of jq on the accounting.
recorded() { jq -e "$1" <<<"$RECORD" >/dev/null || { echo "not so: $1"; return 1; }; }

# The record's figures are those of the database itself, whatever Slurm counts.
assert_own_figures() {
    recorded ".databases | .count == 1 and .without_figures == 0 and .cpu_s >= 2 and .max_rss_bytes > 3e8" || return 1
    jq -e --argjson all "$RECORD" '.user_cpu_s + .system_cpu_s - $all.databases.cpu_s | fabs < 1e-5' <<<"$DATABASE" || return 1
    [ "$(jq .max_rss_bytes <<<"$DATABASE")" = "$(jq .databases.max_rss_bytes <<<"$RECORD")" ]
}

# In bytes; sacct's own units.
sacct_rss() { numfmt --from=iec "$(sacct_field "$1" MaxRSS)"; }
