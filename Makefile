# The targets that people and CI use. Each first sets up what it needs in .venv, if that is missing or
# out of date: `serve` what serving needs, others an extra of pyproject.toml as well.

# The first Python on the PATH that this project supports; `make PYTHON=... install` uses another.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell \
	$(name) -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) and print("$(name)")' 2>/dev/null)))
# The tested versions. Empty: whatever pyproject.toml allows.
CONSTRAINTS = constraints.txt

CONFIG = configs/laptop.yaml
HOST = http://localhost:8000
USERS = 4
TIME = 30s
SHAPE = steady
MINUTES = 20

# For a cluster: cluster.yml in the same folder.
PROMETHEUS = configs/prometheus/prometheus.yml

VENV = .venv
# Marker files for what is in .venv: what serving needs, and each extra (INSTALLED-load).
INSTALLED = $(VENV)/.installed
PIP = $(VENV)/bin/python -m pip install --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS))
LOCUST = $(VENV)/bin/locust -f loadtest/locustfile.py --host $(HOST) \
	$(if $(MAX_P99_MS),--max-p99-ms $(MAX_P99_MS)) $(if $(MAX_ERROR_RATE),--max-error-rate $(MAX_ERROR_RATE)) \
	$(if $(REFERENCE_SHARE),--reference-share $(REFERENCE_SHARE))

# In the environment: make prints its commands, and ps shows them.
sweep load load-ui: export HEADER := $(HEADER)

.PHONY: help install serve test check format train load load-ui sweep bench chaos soak picture observe

help:  ## Lists these targets.
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(INSTALLED)-dev  ## Sets up .venv with everything, including the command mask2face.

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it: make PYTHON=/path/to/python3.11 install" >&2; exit 1; }
	@echo "Setting up $(VENV) for serving: some minutes, 0.3 GB to download, 1.7 GB on the disk."
	@echo "On Linux torch brings CUDA, some GB more: README.md says how to leave it out."
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(INSTALLED)-%: $(INSTALLED)
	@echo "Adding what '$*' needs to $(VENV)."
	$(PIP) -e '.[$*]'
	@touch $@

$(INSTALLED)-dev: $(INSTALLED)
	@echo "Adding all else to $(VENV), for tests, checks, training, load test: 0.6 GB on the disk."
	$(PIP) -e '.[dev]'
	@# --no-deps: see the extra `fan` in pyproject.toml.
	$(PIP) --no-deps face-alignment
	@touch $(INSTALLED)-load $(INSTALLED)-train $@  # dev includes them

serve: $(INSTALLED)  ## Serves CONFIG (configs/laptop.yaml) on http://localhost:8000.
	$(VENV)/bin/mask2face serve $(CONFIG)

test: $(INSTALLED)-dev  ## Runs all tests.
	$(VENV)/bin/python -m pytest

check: $(INSTALLED)-dev  ## Checks lint, format and types, as in CI.
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

format: $(INSTALLED)-dev  ## Formats the code and fixes what ruff can.
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

train: $(INSTALLED)-train  ## Trains NET (crop, mask, landmarks, inpaint, judge) on DATA, or resumes (RECIPE=, RUN=, DEVICE=, SET=).
	@test -n "$(NET)" -a -n "$(DATA)" || { echo "usage: make train NET=mask DATA=path/to/faces [RECIPE=configs/train/own/mask.yaml RUN=runs/own_mask DEVICE=cuda SET=schedule.steps=100]" >&2; exit 2; }
	$(VENV)/bin/mask2face train $(NET) $(DATA) $(if $(RECIPE),--config $(RECIPE)) $(if $(RUN),--run $(RUN)) \
		$(if $(DEVICE),--device $(DEVICE)) $(addprefix --set ,$(SET))

load: $(INSTALLED)-load  ## Load-tests HOST: USERS, TIME, SHAPE (steady, ramp, spike, soak, diurnal), MAX_P99_MS, MAX_ERROR_RATE, REFERENCE_SHARE, HEADER.
	@mkdir -p runs/load
	$(LOCUST) --headless --only-summary --users $(USERS) --spawn-rate $(USERS) --run-time $(TIME) \
		--load-shape $(SHAPE) --csv runs/load/$(SHAPE) --html runs/load/$(SHAPE).html

load-ui: $(INSTALLED)-load  ## Load-tests from Locust's page, http://localhost:8089.
	$(LOCUST) --web-host 127.0.0.1 --load-shape $(SHAPE)

sweep: $(INSTALLED)  ## Sends ever more requests/s to HOST: how many are answered within the objectives? RATES=2,4,8, SECONDS at each, WORKLOAD=W1 (W2, W3) or PHOTOS=folder, CSV=file, HEADER.
	$(VENV)/bin/python -m loadtest.sweep --host $(HOST) $(if $(RATES),--rates $(RATES)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(WORKLOAD),--workload $(WORKLOAD)) \
		$(if $(PHOTOS),--photos '$(PHOTOS)') $(if $(CSV),--csv '$(CSV)')

bench: $(INSTALLED)  ## Benchmarks the graph against its limit and its peers: 1.5 hours; QUICK=1: 10 minutes.
	$(VENV)/bin/python -m loadtest.bench $(if $(QUICK),--quick)

chaos: $(INSTALLED)  ## Kills parts of the service under load (CASES=inpaint,door; RATE=requests/s).
	$(VENV)/bin/python -m loadtest.chaos $(if $(CASES),--cases $(CASES)) $(if $(RATE),--rate $(RATE))

soak: $(INSTALLED)  ## Loads the service for MINUTES and watches each process's memory; saves runs of 20 or more.
	$(VENV)/bin/python -m loadtest.chaos.soak --minutes $(MINUTES) $(if $(RATE),--rate $(RATE))

picture: $(INSTALLED)-dev  ## Redraws the pictures of README.md with the shipped weights.
	$(VENV)/bin/python docs/pictures.py

observe:  ## Starts Prometheus for a running service, http://localhost:9090; its data is in .observe.
	@command -v prometheus >/dev/null || { echo "prometheus is needed: apt-get install prometheus" >&2; exit 1; }
	prometheus --config.file=$(PROMETHEUS) --storage.tsdb.path=.observe --web.listen-address=127.0.0.1:9090
