# The image of all components on Kubeflow: TFX, tfcommentaries and the pipelines.
FROM python:3.10-slim

WORKDIR /opt/tfcommentaries
COPY requirements/tfx.txt requirements/tfx.txt
RUN python -m pip install --no-cache-dir --no-deps -r requirements/tfx.txt
COPY setup.py README.md LICENSE ./
COPY tfcommentaries tfcommentaries
COPY pipelines pipelines
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation .
# `pipelines` is not part of the package.
ENV PYTHONPATH=/opt/tfcommentaries TF_CPP_MIN_LOG_LEVEL=2
