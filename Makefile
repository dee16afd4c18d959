# `make demo` and `make test` need a Python from 3.10 to 3.13 and nothing else; see
# scripts/environment.sh, which chooses. PYTHON=3.12 chooses another.

BIN := .venv/bin
TFX_BIN := .venv-tfx/bin
BENCH_BIN := .venv-bench/bin
PUBLISH_BIN := .venv-publish/bin
# Where it is set, every start of a program compiles thousands of files, for 11 seconds.
unexport PYTHONDONTWRITEBYTECODE
# Silences what TensorFlow prints on every start.
QUIET := TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0
PYTEST := -m pytest -q -n auto --dist worksteal --durations=10
# What depends on TFX, and what other versions wrote or read.
TFX_TESTS := tests/components tests/pipelines tests/docs/test_served_pages.py \
  tests/saving/test_prediction_service.py tests/saving/test_other_versions.py \
  tests/saving/test_graph_check.py
# What depends on the versions of Python, TensorFlow and Keras more than the rest.
VERSION_TESTS := tests/optimizers tests/students tests/upstream \
  tests/saving/test_export.py tests/saving/test_graph_check.py \
  tests/saving/test_raw_columns.py tests/saving/test_replacing.py \
  tests/learning/test_outer_step.py tests/hypergradients/test_xla.py \
  tests/teaching/test_commentary_callback.py tests/test_package.py
ENVIRONMENTS := core oldest tfx publish notebooks bench core-3.10 core-3.11 \
  core-3.12 core-3.13
COMPILE := uv pip compile --quiet --no-header --no-annotate

.PHONY: help demo demo-more pipeline test test-core test-tfx experiments-quick bench \
  bench-quick bench-labels docs notebooks dist test-dist fresh lint format lock clean \
  $(ENVIRONMENTS:%=%-environment)

help:
	@echo "make demo       learn a commentary on real data and see what it gains"
	@echo "make demo-more  weights of single examples, and masks of images"
	@echo "make pipeline   a whole TFX pipeline: learn, train with and without, compare"
	@echo "make test       all tests that can run here; its parts: test-core, test-tfx"
	@echo "make test-oldest   some tests on the oldest TensorFlow and Keras supported"
	@echo "make experiments-quick   every experiment, a few steps each"
	@echo "make bench      speed and memory against PyTorch and JAX; also bench-quick"
	@echo "make bench-labels  finding wrong labels, against cleanlab"
	@echo "make docs       the documents as web pages, runs/site"
	@echo "make notebooks  tutorials as notebooks, run"
	@echo "make dist       wheel and source distribution, dist/"
	@echo "make fresh      demo and test in a Debian 13 made from nothing (root)"
	@echo "make lint       ruff and mypy; make format mends what it can"
	@echo "make lock       write the pinned lists anew (needs uv)"

$(ENVIRONMENTS:%=%-environment): %-environment:
	@sh scripts/environment.sh $* $(PYTHON)

demo: core-environment
	@$(QUIET) sh scripts/demo.sh $(BIN)

demo-more: core-environment
	@$(QUIET) sh scripts/demo.sh $(BIN) more

pipeline: tfx-environment
	$(QUIET) CUDA_VISIBLE_DEVICES= $(TFX_BIN)/python -W ignore -m \
	  pipelines.local_runner --pipeline=digits --verbosity=-1

test:
	@$(MAKE) --no-print-directory test-core
	@$(MAKE) --no-print-directory test-tfx

test-core: core-environment
	$(QUIET) $(BIN)/python $(PYTEST) tests

# Exit code 3 of the script: no TFX for this machine.
test-tfx:
	@sh scripts/environment.sh tfx $(PYTHON); case $$? in \
	0) TFCOMMENTARIES_OTHER_PYTHON=$(wildcard $(BIN)/python) $(QUIET) \
	  $(TFX_BIN)/python $(PYTEST) $(TFX_TESTS) ;; \
	3) echo "Left out for want of TFX: tests/components, tests/pipelines, the TFX" \
	  "tutorial and serving over gRPC. They need Python 3.10, or Python 3.12 or 3.13" \
	  "and glibc 2.39: apt-get install, pyenv install or uv python install one." ;; \
	*) exit 1 ;; esac

# The oldest TensorFlow and Keras, and another Python: test-oldest, test-core-3.11.
test-%: %-environment
	$(QUIET) .venv-$(*:core-%=%)/bin/python $(PYTEST) $(VERSION_TESTS)

# What a user installs, outside of the repository.
test-dist: dist
	sh scripts/test_wheel.sh $(PYTHON)

experiments-quick: core-environment
	$(QUIET) $(BIN)/python $(PYTEST) tests/experiments

bench: core-environment bench-environment
	$(BIN)/python -m benchmarks.hypergradients

bench-quick: core-environment bench-environment
	$(BIN)/python -m benchmarks.hypergradients --quick

# A TFDS data directory in TFCOMMENTARIES_DATA_DIR adds MNIST.
bench-labels: core-environment bench-environment
	$(QUIET) $(BIN)/python -m benchmarks.label_errors --verbosity=-1 \
	  $(if $(TFCOMMENTARIES_DATA_DIR),--data_dir=$(TFCOMMENTARIES_DATA_DIR))

docs: publish-environment
	NO_MKDOCS_2_WARNING=1 $(PUBLISH_BIN)/mkdocs build --quiet --strict
	@! grep -l '<blockquote>' runs/site/api/*/index.html # Prompts that are no code.
	@echo "Open runs/site/index.html"

# What they print is committed, and is compared with the pages' code by tests.
notebooks: notebooks-environment tfx-environment
	$(QUIET) .venv-notebooks/bin/python scripts/notebooks.py $(CURDIR)/$(TFX_BIN)/python

dist: publish-environment
	rm -rf dist build
	$(PUBLISH_BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	$(PUBLISH_BIN)/twine check --strict dist/*

# What a maintainer runs before a release. What is committed is tested. With
# DEBIAN_SUITE=bookworm: Debian 12, where there is no TFX for its Python.
fresh:
	rm -rf --one-file-system runs/fresh
	sh scripts/debian13.sh runs/fresh/root sh /source/scripts/fresh.sh

lint: core-environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/check_types.py

format: core-environment
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes the pinned lists anew.
lock:
	$(COMPILE) --universal --python-version 3.10 --extra test setup.py \
	  requirements/build.in requirements/runtimes.in -o requirements/core.txt
	$(COMPILE) --python-version 3.10 --resolution lowest-direct --extra test \
	  setup.py requirements/build.in requirements/oldest.in -o requirements/oldest.txt
	$(COMPILE) --python-version 3.10 --extra test --extra tfx setup.py \
	  requirements/build.in requirements/tfx-1.16.in -o requirements/tfx-1.16.txt
	$(COMPILE) --universal --python-version 3.12 --extra test --extra tfx setup.py \
	  requirements/build.in -o requirements/tfx-1.21.txt
	$(COMPILE) --universal --python-version 3.11 --extra cuda --extra tfds \
	  --extra insights setup.py requirements/build.in -o requirements/cuda.txt
	$(COMPILE) --universal --python-version 3.10 requirements/publish.in \
	  requirements/build.in -o requirements/publish.txt
	$(COMPILE) --universal --python-version 3.10 --extra test setup.py \
	  requirements/build.in requirements/notebooks.in -o requirements/notebooks.txt

clean:
	rm -rf .venv .venv-* runs dist build \
	  .pytest_cache .ruff_cache .mypy_cache *.egg-info
