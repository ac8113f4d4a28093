#!/bin/bash
# Annotates a folder of videos with a Slurm array: every task does its share, found by a stable hash of the paths.
#
#   sbatch --array=0-15 examples/slurm_array.sh VIDEOS OUT [options of `redtrack annotate`]
#
# Submit it again after a failure: what is complete is skipped. OUT/run.jsonl says what became of each video.
# On a cluster that takes its machines back, have it warn the job first: sbatch --signal=TERM@60 --requeue ...
#SBATCH --job-name=redtrack
#SBATCH --cpus-per-task=4
#SBATCH --gpus-per-task=1
#SBATCH --output=redtrack-%A_%a.log
set -euo pipefail

videos=$1 out=$2
shift 2
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-}
[ -n "$OMP_NUM_THREADS" ] || unset OMP_NUM_THREADS
exec redtrack annotate "$videos" -o "$out" --shard auto --progress plain "$@"
