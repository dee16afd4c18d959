# `make demo` and `make test` need nothing but a Python 3.10; see README.md.

VENV := .venv
TFX_VENV := .venv-tfx
CORE_VENV := .venv-core
BENCH_VENV := .venv-bench
DOCS_VENV := .venv-docs
PIP_FLAGS := --quiet --disable-pip-version-check --no-deps
# Silences what TensorFlow prints on every start.
QUIET := TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0

.PHONY: help demo test test-core experiments-quick pipeline bench bench-quick \
  bench-labels docs lint format lock clean

help:
	@echo "make demo       learn a commentary on real data and see what it gains"
	@echo "make pipeline   a whole TFX pipeline: learn, train with and without, compare"
	@echo "make test       all tests, with TFX on Python 3.10"
	@echo "make test-core  the same on the newest TensorFlow (PYTHON=python3.12)"
	@echo "make experiments-quick   every experiment, a few steps each"
	@echo "make bench      speed and memory against PyTorch and JAX; also bench-quick"
	@echo "make bench-labels  finding wrong labels, against cleanlab"
	@echo "make docs       the documents as web pages, runs/site"
	@echo "make lint       ruff; make format mends what it can"
	@echo "make lock       write the pinned lists anew"

demo: $(VENV)/installed
	$(QUIET) $(VENV)/bin/tfcommentaries learn --run_dir=runs/demo \
	  --label_noise=0.45 --label_noise_kind=pair --validation_size=50
	$(QUIET) $(VENV)/bin/tfcommentaries evaluate --run_dir=runs/demo
	$(QUIET) $(VENV)/bin/tfcommentaries report runs/demo
	$(QUIET) $(VENV)/bin/python -m experiments.coloured_digits.demo --verbosity=-1

pipeline: $(TFX_VENV)/installed
	$(QUIET) CUDA_VISIBLE_DEVICES= $(TFX_VENV)/bin/python -W ignore -m \
	  pipelines.digits.local_runner --verbosity=-1

test: $(TFX_VENV)/installed
	$(QUIET) $(TFX_VENV)/bin/python -m pytest -q -n auto --dist worksteal tests

test-core: $(CORE_VENV)/installed
	$(QUIET) $(CORE_VENV)/bin/python -m pytest -q -n auto --dist worksteal tests \
	  --ignore=tests/experiments

experiments-quick: $(VENV)/installed
	$(QUIET) $(VENV)/bin/python -m pytest -q -n auto --dist worksteal tests/experiments

bench: $(VENV)/installed $(BENCH_VENV)/installed
	$(VENV)/bin/python -m benchmarks.hypergradients

bench-quick: $(VENV)/installed $(BENCH_VENV)/installed
	$(VENV)/bin/python -m benchmarks.hypergradients --quick

# A TFDS data directory in TFCOMMENTARIES_DATA_DIR adds MNIST.
bench-labels: $(VENV)/installed $(BENCH_VENV)/installed
	$(QUIET) $(VENV)/bin/python -m benchmarks.label_errors --verbosity=-1 \
	  $(if $(TFCOMMENTARIES_DATA_DIR),--data_dir=$(TFCOMMENTARIES_DATA_DIR))

docs: $(DOCS_VENV)/installed
	$(DOCS_VENV)/bin/mkdocs build --quiet --strict
	@echo "Open runs/site/index.html"

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

$(VENV)/installed: requirements/py310.txt setup.py
	python=$$(sh scripts/find_python.sh 3.10) && $$python -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/py310.txt
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) --no-build-isolation -e .
	touch $@

$(TFX_VENV)/installed: requirements/tfx.txt setup.py
	python=$$(sh scripts/find_python.sh 3.10) && $$python -m venv --clear $(TFX_VENV)
	$(TFX_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/tfx.txt
	$(TFX_VENV)/bin/python -m pip install $(PIP_FLAGS) --no-build-isolation -e .
	touch $@

# A version number in PYTHON is enough; any interpreter from 3.10 to 3.13 will do.
$(CORE_VENV)/installed: requirements/newest.txt setup.py
	python=$$(sh scripts/find_python.sh $(or $(PYTHON),3.12)) && \
	  $$python -m venv --clear $(CORE_VENV)
	$(CORE_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/newest.txt
	$(CORE_VENV)/bin/python -m pip install $(PIP_FLAGS) --no-build-isolation -e .
	touch $@

$(BENCH_VENV)/installed: requirements/bench.txt
	python=$$(sh scripts/find_python.sh 3.11) && $$python -m venv --clear $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/bench.txt
	touch $@

$(DOCS_VENV)/installed: requirements/docs.txt
	python=$$(sh scripts/find_python.sh 3.10) && $$python -m venv --clear $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install $(PIP_FLAGS) -r requirements/docs.txt
	touch $@

lock:
	uv pip compile --quiet --no-header --no-annotate --python 3.10 --extra test \
	  setup.py requirements/build.in requirements/py310.in -o requirements/py310.txt
	uv pip compile --quiet --no-header --no-annotate --python 3.10 --extra test \
	  --extra tfx setup.py requirements/build.in requirements/py310.in \
	  -o requirements/tfx.txt
	uv pip compile --quiet --no-header --no-annotate --python 3.12 --extra test \
	  setup.py requirements/build.in -o requirements/newest.txt
	uv pip compile --quiet --no-header --no-annotate --python 3.10 \
	  requirements/docs.in -o requirements/docs.txt

clean:
	rm -rf $(VENV) $(TFX_VENV) $(CORE_VENV) $(BENCH_VENV) $(DOCS_VENV) runs .pytest_cache .ruff_cache *.egg-info
