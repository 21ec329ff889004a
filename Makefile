# Everything runs through docker/run: see docker/README.md.  SUITE=sid tests the newer DOLFINx.
.PHONY: demo test docs setup test-image test-slurm test-hosts clean

RANKS ?= $(shell if [ "$$(nproc)" -ge 2 ]; then echo 2; else echo 1; fi)

demo:            ## the main job on real input; sets up first if needed
	docker/run mpirun -n $(RANKS) quasipot run radial-diabetes

test:            ## lint, types, tests on 1 and on 2 ranks
	QUASIPOT_IMAGE=quasipot:test docker/run docker/check

docs:            ## the documentation, notebooks executed, into docs/_build/html; needs no network
	QUASIPOT_IMAGE=quasipot:test docker/run python3 -m sphinx -q -W --keep-going -E -b html docs docs/_build/html
	@echo docs/_build/html/index.html

setup:           ## only make (or find) the environment
	docker/run python3 -c "import dolfinx; print('DOLFINx', dolfinx.__version__)"

test-image:      ## the Dockerfile with a real Docker engine; needs root
	docker/test-image

test-slurm:      ## docker/slurm-job.sh under a real single-node Slurm; needs root
	docker/test-slurm

test-hosts:      ## a run across two hosts, and one of them dies; needs root
	docker/test-hosts

clean:           ## results and caches of this folder; the environment stays (docker/README.md: where)
	rm -rf results docs/_build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
