"""The CommentaryAnnotator component."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from tfcommentaries.components.artifact import CommentaryArtifact
from tfcommentaries.components.commentary_annotator import executor

KEYS = standard_component_specs


class CommentaryAnnotatorSpec(types.ComponentSpec):
    """Inputs, outputs and parameters of `CommentaryAnnotator`."""

    PARAMETERS = {
        executor.PROGRESS_KEY: component_spec.ExecutionParameter(type=str),
        executor.READING_KEY: component_spec.ExecutionParameter(
            type=str, optional=True
        ),
        executor.SPLITS_KEY: component_spec.ExecutionParameter(type=str, optional=True),
        executor.PREFIX_KEY: component_spec.ExecutionParameter(type=str),
        executor.THRESHOLD_KEY: component_spec.ExecutionParameter(type=float),
    }
    INPUTS = {
        KEYS.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        executor.COMMENTARY_KEY: component_spec.ChannelParameter(
            type=CommentaryArtifact
        ),
    }
    OUTPUTS = {
        executor.ANNOTATED_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        executor.REJECTED_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
    }


class CommentaryAnnotator(base_beam_component.BaseBeamComponent):
    """Adds annotations to examples, as features, with Beam.

    A weighting's weight becomes a float feature, a row of proportions or a
    distribution a list of floats, a mask an 8-bit PNG. The feature's name is the
    prefix, and for a curriculum the progress in per cent: `commentary`, or
    `commentary_0`, `commentary_50`, `commentary_100`. Every trainer that reads
    tf.Examples can use them, the stock Trainer too.

    Examples that cannot be annotated (a feature missing, an image that does not decode,
    a label out of range, NaN) are counted and go to `rejected_examples` unchanged.

    Example:

    >>> annotator = CommentaryAnnotator(
    ...     examples=example_gen.outputs["examples"],
    ...     commentary=commentary_gen.outputs["commentary"],
    ... )

    Component `outputs` contains:

     - `annotated_examples`: Channel of type `standard_artifacts.Examples`, with the
       splits, span and version of the input.
     - `rejected_examples`: Channel of type `standard_artifacts.Examples`.

    Args:
        examples: channel of `standard_artifacts.Examples` in tf.Example format. If
            there are several artifacts, such as spans, all are annotated.
        commentary: channel of `CommentaryArtifact`, the newest if there are several.
        progress: list of points from 0 to 1 at which a curriculum is evaluated.
        reading: dict, arguments of `ExampleReading`; `None` takes those that a recipe
            of CommentaryGen wrote into the commentary.
        splits: splits to annotate; `None` means all. Other splits are left out.
        prefix: prefix of the features' names.
        max_rejected: largest fraction of the examples that may be rejected; the
            component fails if there are more, or if a split is empty.

    Raises:
        ValueError: if progress or `max_rejected` are not from 0 to 1.
    """

    SPEC_CLASS = CommentaryAnnotatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        commentary: types.BaseChannel,
        progress: Sequence[float] = (0.0, 0.5, 1.0),
        reading: Mapping[str, Any] | None = None,
        splits: Sequence[str] | None = None,
        prefix: str = "commentary",
        max_rejected: float = 0.01,
    ) -> None:
        if not all(0 <= p <= 1 for p in [*progress, max_rejected]):
            raise ValueError(
                "`progress` and `max_rejected` must be from 0 to 1. Received: "
                f"progress={progress}, max_rejected={max_rejected}"
            )
        spec = CommentaryAnnotatorSpec(
            examples=examples,
            commentary=commentary,
            progress=json_utils.dumps(list(progress)),
            reading=json_utils.dumps(reading),
            splits=json_utils.dumps(splits),
            prefix=prefix,
            max_rejected=float(max_rejected),
            annotated_examples=types.Channel(type=standard_artifacts.Examples),
            rejected_examples=types.Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
