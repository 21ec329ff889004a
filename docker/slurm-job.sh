#!/bin/bash
# A batch job on one node: sbatch docker/slurm-job.sh CASE [quasipot run options]
#
# From the repository, or with QUASIPOT pointing to it.  Any of the environments of docker/run serves
# (make one on the login node first: `make setup`; with a shared home the nodes then find it).
# Resubmitting is safe: a run moves its results into place only when it is complete.
#SBATCH --job-name=quasipot
#SBATCH --nodes=1
#SBATCH --ntasks=4
#SBATCH --time=01:00:00
set -eu
[ $# -gt 0 ] || { echo "usage: sbatch docker/slurm-job.sh CASE [options of quasipot run]" >&2; exit 2; }
exec "${QUASIPOT:-$SLURM_SUBMIT_DIR}/docker/run" mpirun -n "$SLURM_NTASKS" quasipot run "$@"
# With a DOLFINx of the cluster's own (module, conda), also on several nodes, the last line may be:
#   srun --mpi=pmix "${QUASIPOT:-$SLURM_SUBMIT_DIR}/docker/run" quasipot run "$@"
