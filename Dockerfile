# The image of all components on Kubeflow: TFX, tfcommentaries and the pipelines.
#
#     docker build -t tfcommentaries .
#     docker build -t tfcommentaries:cuda --build-arg CUDA=1 .
#
# No image has been built from this file yet, and no cluster has run one. What is tested
# is that the same list installs in a Debian 13 and passes the tests (`make fresh`); the
# CUDA libraries have never been loaded on a GPU.
FROM python:3.13-slim-trixie AS build
# Some packages come as sources.
RUN apt-get update && apt-get install -y --no-install-recommends g++
WORKDIR /build
COPY requirements requirements
# Any value adds the CUDA libraries that this TensorFlow was built for.
ARG CUDA=
RUN cp requirements/tfx-1.21.txt list.txt \
    && if [ -n "$CUDA" ]; then grep '^nvidia-' requirements/cuda.txt >>list.txt; fi \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps \
       $(grep -E '^(setuptools|wheel)==' list.txt) \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
       -r list.txt
COPY setup.py pyproject.toml README.md LICENSE ./
COPY tfcommentaries tfcommentaries
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim-trixie
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/tfcommentaries
# `pipelines` is not part of the package.
COPY pipelines pipelines
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/tfcommentaries TF_CPP_MIN_LOG_LEVEL=2
