#!/usr/bin/env bats
# What a user can put around a step: files that it is told to read, variables that it should not read, words with control
# characters in them.

load ../lib/cluster

setup_file() { cluster_start; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# A step that attaches to JOB.STEP fails, soon, with this sentence of ours; no program is started.
attach_fails() { # JOB.STEP, words
    run user_run INFER_ATTACH_DIR="$CLUSTER_WORK/attach" srun -N1 -n1 --infer-attach="$1" touch ran
    echo "$1: $status: $output"
    [ "$status" != 0 ] && [ "$(grep -c '^infer: ' <<<"$output")" = 1 ] && [[ $output == *"infer: cannot attach to $1: "*"$2"* ]] &&
        [ ! -e "$CLUSTER_WORK/ran" ]
}

@test "S4: an address file that is a pipe, a directory, a link, endless, huge, of another user or open to others is refused, and nobody hangs" {
    user_run mkdir -p attach/1.0 attach/2.0/address attach/3.0 attach/4.0 attach/5.0 attach/6.0 attach/7.0 attach/8.0
    user_run sh -c 'umask 077; cd attach; mkfifo 1.0/address; ln -s ../8.0/address 3.0/address; ln -s /dev/zero 4.0/address
        truncate -s 1T 5.0/address; echo SSDB=127.0.0.1:1 >7.0/address; chmod 644 7.0/address
        printf "SSDB=127.0.0.1:1\nSR_DB_TYPE=Standalone\n" >8.0/address'
    printf 'SSDB=127.0.0.1:1\nSR_DB_TYPE=Standalone\n' >"$CLUSTER_WORK/attach/6.0/address" # root's
    attach_fails 1.0 "it must be a file of yours that nobody else can read"
    attach_fails 2.0 "it must be a file of yours"
    attach_fails 3.0 "Too many levels of symbolic links"
    attach_fails 4.0 "Too many levels of symbolic links"
    attach_fails 5.0 "it is no address file"
    attach_fails 6.0 "it must be a file of yours"
    attach_fails 7.0 "it must be a file of yours"
    attach_fails 8.0 "the database at 127.0.0.1:1 does not answer"
    rm -r "$CLUSTER_WORK/attach"
}

@test "S10: values that reach slurmstepd past srun's check are checked there, and no other variable of the plugin's counts" {
    # Slurm itself would set these; anybody else can
    for value in abc 0 65 99999999999999999999 "$(printf '1%.0s' {1..5000})" $'1\ninfer: all is well'; do
        run user_run _SLURM_SPANK_OPTION_infer_infer_colocate="$value" srun -N1 -n1 -c2 true
        echo "${value:0:40}: $status: ${output:0:300}"
        [ "$status" != 0 ]
        [ "$(grep -c '^infer: --infer-colocate ' <<<"$output")" = 1 ]
        [ "$(grep -c '^infer: all is well' <<<"$output")" = 0 ]
    done
    run user_run SLURM_INFER_REDIS=/evil SLURM_INFER_STATEDIR=/evil SLURM_INFER_DB_CPUS=99 SLURM_INFER_TIMEOUT=1x SLURM_INFER_CWD=/evil \
        INFER_STATE_DIR=/evil SSDB=unix:///evil HOME=/evil/home TZ=/evil LANG=../../evil \
        srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c 'redis-cli -s "${SSDB#unix://}" ping; echo "$SSDB" "$INFER_STATE_DIR"'
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == PONG* && $output != *evil* ]]
}

@test "S13: control characters of a user reach no terminal and no record as they are" {
    user_run inferstep model resnet18 -o model.pt --seed 1
    raw=$'m\e]0;title\a\e[31m\r\nforged'
    # Through the environment: what is wrong on its command line srun prints itself, as it is.
    for words in "INFER_MODEL=$raw:model.pt" "INFER_MODEL=m:$raw.pt" "INFER_OUTDIR=/proc/$raw" "INFER_DEVICE=$raw"; do
        run user_run "$words" srun -N1 -n1 -c2 --infer-colocate=1 true
        printf '%s -> %s: %s\n' "${words%%=*}" "$status" "$output" | cat -v
        [ "$status" != 0 ]
        grep -q '^infer: ' <<<"$output"
        [ "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]|^forged' <<<"$output")" = 0 ]
    done
    # a client's names, in the database's own words
    run user_run RAW="$raw" srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=forged sh -c '
        printf "def f(x):\n    return x\n" | redis-cli -s "${SSDB#unix://}" -x ai.scriptset "$RAW" cpu source >/dev/null
        redis-cli -s "${SSDB#unix://}" ai.scriptrun "$RAW" f inputs nothing outputs y >/dev/null 2>&1
        inferstep db status; echo "$SLURM_JOB_ID"'
    cat -v <<<"$output"
    [ "$status" = 0 ]
    [ "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output")" = 0 ]
    user_run sh -c 'cat forged/*/*' >"$BATS_TEST_TMPDIR/records"
    [ -s "$BATS_TEST_TMPDIR/records" ]
    [ "$(LC_ALL=C grep -caP '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/records")" = 0 ]
    user_run sh -c 'cat forged/*/step.json' | jq -e .nodes >/dev/null
    user_run rm -r forged
}
