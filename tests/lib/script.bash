# shellcheck shell=bash disable=SC2034
# Helpers of the tests that look at the scripts of points, and at what is kept of them.

setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" "${!SLURM_@}"
}
teardown() { cd / && rm -rf "$work"; }

no() { ! "$@" || { echo "unexpected: $*"; return 1; }; }
preview() { inferstep sweep -c "$@" --no-submit-job --no-save-script; }
# The scripts of a preview as 1.sh, 2.sh, …, with this folder in the place of the run's.
scripts() {
    preview "$@" >preview || return 1
    rm -f ./[0-9]*.sh
    awk '/ Script Preview #/ { n++; next } /^#+$/ { next } { print >(n ".sh") }' preview
    sed -i "s|{run_dir}|$work/run|g" ./[0-9]*.sh
}
# Places and programs of this machine by names.
plain() { sed "s|$work|/FOLDER|g; s|$(readlink -f "$(command -v inferstep)")|/PROGRAM|g" "$1"; }
expect_text() { diff "$INFERSTEP_TOP/tests/lib/scripts/$1" <(plain "$2"); }
clean_for_shellcheck() { shellcheck --severity=style --exclude=SC2016,SC1003,SC1091 "$@"; }
point() { echo run/points/p0001; }

battery() { # the battery of the golden scripts
    cat >battery.yaml <<'EOF'
name: scaling
command: [python3, train.py, "--lr={lr}", "it's"]
matrix: {lr: [0.1]}
step: {nodes: 1, tasks_per_node: 2, cpus_per_task: 3, gpus_per_node: 1, options: [--infer-colocate=1, --cpu-bind=cores]}
environment: {OMP_NUM_THREADS: 3, NOTE: "a b"}
time_limit: 90
slurm:
  account: lab
  pre_exec: [module load CUDA, "export LOADED=yes"]
EOF
}
