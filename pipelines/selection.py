"""The flag that says which pipeline a runner is for."""

import importlib

from absl import flags

PIPELINE = flags.DEFINE_enum(
    "pipeline", "digits", ["digits", "breast_cancer"], "Which pipeline."
)


def selected(module):
    """A module of the pipeline that the flag names, such as `make_data`."""
    return importlib.import_module(f"pipelines.{PIPELINE.value}.{module}")
