#!/bin/bash
# A batch job on one or more nodes: sbatch [--nodes=2 --ntasks=8] docker/slurm-job.sh CASE [quasipot run options]
#
# From the repository, or with QUASIPOT pointing to it; on several nodes it and the results must be in folders that all
# of them see.  Any of the environments of docker/run serves (make one on the login node first: `make setup`).
# Resubmitting is safe: a run moves its results into place only when it is complete.
#SBATCH --job-name=quasipot
#SBATCH --nodes=1
#SBATCH --ntasks=4
#SBATCH --time=01:00:00
# Ten minutes before the end: stop at the next checkpoint (exit code 75); resubmit with --resume to go on.
#SBATCH --signal=B:USR1@600
set -eu
[ $# -gt 0 ] || { echo "usage: sbatch docker/slurm-job.sh CASE [options of quasipot run]" >&2; exit 2; }
run=${QUASIPOT:-$SLURM_SUBMIT_DIR}/docker/run
# On one node the environment's own mpirun.  On several the cluster's launcher (another one: QUASIPOT_LAUNCH="mpirun
# --host ..."), which starts docker/run on every node.
launch=${QUASIPOT_LAUNCH:-}
[ "${SLURM_JOB_NUM_NODES:-1}" = 1 ] || launch=${launch:-srun --mpi=pmix}
# shellcheck disable=SC2206
if [ -n "$launch" ]; then command=($launch "$run"); else command=("$run" mpirun -n "$SLURM_NTASKS"); fi
# The run says here how it ended: a launcher that loses a host may report success.
QUASIPOT_RECEIPT=$(mktemp)
export QUASIPOT_RECEIPT
trap 'rm -f "$QUASIPOT_RECEIPT"' EXIT
# In the background, so that a signal to this script reaches the run at once.
"${command[@]}" quasipot run "$@" &
running=$!
for name in TERM INT USR1; do trap "kill -$name $running" $name; done
while :; do
    code=0
    wait $running || code=$?
    kill -0 $running 2>/dev/null || break      # else a signal ended the wait, not the run
done
ended=$(cat "$QUASIPOT_RECEIPT")
[ -z "$ended" ] || exit "$ended"
echo "quasipot: the job ended before its results were complete (the launcher's exit code was $code);" \
    "an earlier result in that folder is unchanged: submit the same command again" >&2
[ $code != 0 ] || code=1
exit $code
