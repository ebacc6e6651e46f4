#!/usr/bin/env bash
#SBATCH --job-name=dnsweep
#SBATCH --cpus-per-task=4
#SBATCH --requeue
#SBATCH --open-mode=append
# Sweeps one shard of a plan: a task of a Slurm array that has one for each shard.
#
#     N=64
#     dnsweep plan /evidence -n "$N" -o case.plan && mkdir parts
#     job=$(sbatch --parsable --array="1-$N" slurm.sh case.plan parts)
#     sbatch --dependency="afterok:$job" --kill-on-invalid-dep=yes \
#         --wrap 'dnsweep merge --plan case.plan parts/part-* -o OUT'
#
# Words after the folder of the parts are options of the sweep, such as --remap OLD=NEW.
set -u
plan=$1 part=$2/part-$SLURM_ARRAY_TASK_ID
dnsweep sweep --plan "$plan" --shard "$SLURM_ARRAY_TASK_ID" --part "$part" "${@:3}"
status=$?
case $status in
    0 | 3 | 4 | 10) exit 0 ;; # Done: the part is there.
    2) exit 2 ;; # Another try ends in the same way.
esac
# Slurm itself requeues the tasks of a node that fails.
if [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
