#!/bin/bash
# A database in a batch job of its own, and jobs that use it. Run this on a login node; it needs a home (or INFER_ATTACH_DIR)
# that login and compute nodes share.
set -e
db=$(inferstep db submit --ready=600 --model=net:net.pt -- --nodes=4 --cpus-per-task=32 --time=8:00:00)
echo "the database is step $db"

# Each of these asks where the database is when it starts. --wait: until all are done.
for i in 1 2 3; do
    sbatch --wait --nodes=8 --ntasks-per-node=32 --infer-attach="$db" --wrap "srun ./simulation $i" &
done
wait

scancel "${db%.*}"
