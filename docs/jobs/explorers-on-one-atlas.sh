#!/usr/bin/env bash
# An array of plain explorers, each with a seed of its own, on one atlas in PostgreSQL:
#   sbatch explorers-on-one-atlas.sh d2.toml postgresql+psycopg://user@host/d2
# Submit it again to go on.
#SBATCH --job-name=lossatlas
#SBATCH --array=1-16
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00
# The explorer, which takes the place of this script, is asked to end two minutes before that.
#SBATCH --signal=B:TERM@120
set -euo pipefail

study=${1:?give the study}
atlas=${2:?give the URL of the database}
seed=$SLURM_ARRAY_TASK_ID

exec lossatlas explore "$study" --atlas "$atlas" --seed "$seed" --log "explorer-$seed.log" \
  --progress none
