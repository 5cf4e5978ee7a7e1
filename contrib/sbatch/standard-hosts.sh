#!/bin/bash
# A database on hosts that you name, for whatever needs it from this shell: also programs that Slurm did not start.
set -e
srun --nodelist=node7,node8 --nodes=2 --cpus-per-task=32 inferstep db standard --model=net:net.pt --outdir=outputs >database.log &
until step=$(awk '$1 == "ready" { print $2 }' database.log 2>/dev/null) && [ -n "$step" ]; do
    kill -0 $! # it ended: see database.log
    sleep 1
done
eval "$(inferstep db address "$step")"
python3 analysis.py # SSDB, SR_DB_TYPE and INFER_DB_SECRET_FILE are set
scancel --signal=TERM "$step"
wait
