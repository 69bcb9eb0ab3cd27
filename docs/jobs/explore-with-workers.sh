#!/usr/bin/env bash
# Scheduler, workers and explorer of one study in one job. Submit it again to go on:
#   sbatch explore-with-workers.sh d2.toml
#SBATCH --job-name=lossatlas
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00
# The explorer is asked to end two minutes before the job is killed.
#SBATCH --signal=B:TERM@120
# For graphics cards, three processes a card: add --gpus-per-task=1 --cpus-per-task=3 to the line of
# the workers below, and submit with --cpus-per-task=3, with WORKER="--nworkers 3 --nthreads 64" in the
# environment, and with as many cards as workers.
set -euo pipefail

study=${1:?give the study}
worker=${WORKER:---nworkers 1 --nthreads 1}
file="$PWD/scheduler-$SLURM_JOB_ID.json"
export DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0 # lossatlas counts deaths itself
# Workers keep the memory that they free, and are not watched every few milliseconds: together this
# saves a quarter of the time.
export MALLOC_TRIM_THRESHOLD_=33554432 MALLOC_MMAP_THRESHOLD_=33554432
export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL=1s

# One task each for scheduler and explorer, all others are workers.
step() { srun --exact --ntasks="$1" --job-name="$2" "${@:3}"; }
step 1 scheduler dask scheduler --scheduler-file "$file" --port 0 --no-dashboard &
# shellcheck disable=SC2086
step $((SLURM_NTASKS - 2)) workers dask worker --scheduler-file "$file" $worker --no-dashboard &
step 1 explorer lossatlas explore "$study" --cluster "$file" --progress none &
explorer=$!

# Slurm sends the signal to this script, which sends it on to the explorer alone: the workers go on
# until it has ended.
end_explorer() {
  scancel --signal=TERM "$(squeue --noheader --steps --jobs "$SLURM_JOB_ID" --format '%i %j' |
    awk '$2 == "explorer" { print $1 }')"
}
trap end_explorer TERM
code=0
while kill -0 "$explorer" 2>/dev/null; do
  code=0
  wait "$explorer" || code=$?
done
timeout 60 python -c 'import distributed, sys; distributed.Client(scheduler_file=sys.argv[1]).shutdown()' "$file" || true
rm -f "$file"
exit "$code"
