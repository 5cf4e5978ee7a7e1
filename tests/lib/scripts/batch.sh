#!/bin/bash
#SBATCH --job-name=scaling-p0001
#SBATCH --chdir=/FOLDER
#SBATCH --output="/FOLDER/run/points/p0001/script.log"
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=3
#SBATCH --gpus-per-node=1
#SBATCH --time=00:02:00
#SBATCH --no-requeue
#SBATCH --account=lab

# Point p0001 of the battery scaling: lr=0.1; repeat 1.
# It can be run by hand: bash run.sh [DIRECTORY FOR THE RESULTS]

point=${1:-'/FOLDER/run/points/p0001'}
case $point in /*) ;; *) point=$PWD/$point ;; esac
if [ -s "$point/end" ]; then
    echo "run.sh: error: $point holds a point that has ended, which is not run over; give another directory" >&2
    exit 2
fi
[ -d "$point/records" ] || mkdir -p "$point/records" || exit

# However it ends, this is written down last, in one piece: exit code, begin and end. No end of line, no end.
begin=${EPOCHREALTIME:-$(date +%s.%N)}
step=
finish() {
    local code=$? now
    trap '' HUP INT TERM
    now=${EPOCHREALTIME:-$(date +%s.%N)}
    printf '%s %s %s\n' "$code" "${begin/,/.}" "${now/,/.}" >"$point/end"
    exit "$code"
}
stop() { # after a signal; the step ends first
    trap '' HUP INT TERM
    if [ -n "$step" ]; then
        kill "$step"
        wait "$step"
    fi
    exit "$1"
}
trap finish EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

cd /FOLDER || exit
[ -z "${SLURM_JOB_ID-}" ] || echo "$SLURM_JOB_ID" >"$point/job"

# Environment of the point
export INFER_OUTDIR="$point/records"  # where steps and databases leave their records
export INFER_POINT=p0001
export OMP_NUM_THREADS=3
export NOTE='a b'

# Before the command
module load CUDA
export LOADED=yes

note_environment() {
    local name
    for name in "${!SLURM_@}" "${!INFER_@}" "${!OMP_@}" "${!MKL_@}" "${!CUDA_@}" "${!NCCL_@}" "${!UCX_@}" "${!SR_@}" "${!TORCH_@}" \
        PATH LD_LIBRARY_PATH LD_PRELOAD LOADEDMODULES VIRTUAL_ENV CONDA_PREFIX; do
        case $name in *SECRET* | *TOKEN* | *PASSWORD* | *_KEY*) ;; *) [ -z "${!name+set}" ] || printf '%s=%s\0' "$name" "${!name}" ;; esac
    done
}
note_environment >"$point/environ"

# The step
srun \
    --job-name=p0001 \
    --nodes=1 \
    --ntasks=2 \
    --ntasks-per-node=2 \
    --cpus-per-task=3 \
    --gpus-per-node=1 \
    --infer-colocate=1 \
    --cpu-bind=cores \
    -- python3 train.py --lr=0.1 'it'\''s' \
    </dev/null >"$point/stdout.log" 2>"$point/stderr.log" &
step=$!
wait "$step"
