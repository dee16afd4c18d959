"""The artifact type of commentaries."""

import os

from absl import logging
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact
from tfx.utils import path_utils

from tfcommentaries.saving.manifest import read_manifest


class CommentaryArtifact(artifact.Artifact):
    """A learned commentary.

    The SavedModel lies in the same place as in a Model artifact, so that either type
    can hold one. Custom properties: `kind`, `outer_metric`, `data_fingerprint`.
    """

    # `package.Class` is what Kubeflow can import; it takes no PROPERTIES.
    TYPE_NAME = "tfcommentaries.CommentaryArtifact"


def commentary_dir(uri):
    """Where the SavedModel is in an artifact, a commentary's or a model's."""
    return path_utils.serving_model_dir(uri)


def get_commentary_dir(artifacts):
    """The SavedModel of an input's commentary.

    Args:
        artifacts: list of artifacts, as an executor gets them. If there are several,
            as a Resolver may give, the one with the highest id, the newest, is taken.

    Returns:
        The directory, or `None` without an artifact.

    Raises:
        FileNotFoundError: if the artifact holds no commentary.
    """
    if not artifacts:
        return None
    newest = max(artifacts, key=lambda artifact: artifact.id)
    directory = commentary_dir(newest.uri)
    if len(artifacts) > 1:
        logging.info("The newest of %d commentaries: %s", len(artifacts), directory)
    read_manifest(directory)
    return os.fspath(directory)


def check_payload_format(examples, who, instead):
    """Raises a `ValueError` if examples are not tf.Examples.

    Args:
        examples: list of Examples artifacts.
        who: name of what takes them.
        instead: what the user can do.
    """
    for one in examples:
        found = examples_utils.get_payload_format(one)
        if found != example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE:
            name = examples_utils.get_payload_format_string(one)
            raise ValueError(
                f"{who} takes tf.Examples, but those at {one.uri} are {name}. "
                f"{instead}."
            )
