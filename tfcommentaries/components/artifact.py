"""The artifact type of commentaries."""

import os

from tfx.types import artifact, artifact_utils
from tfx.utils import path_utils

from tfcommentaries.saving.manifest import read_manifest


class CommentaryArtifact(artifact.Artifact):
    """A learned commentary.

    The SavedModel lies where a Model artifact has its serving model, so that either
    type can hold one. Custom properties: `kind`, `outer_metric`, `data_fingerprint`.
    """

    # `package.Class` is what Kubeflow can import; it takes no PROPERTIES.
    TYPE_NAME = "tfcommentaries.CommentaryArtifact"


def commentary_dir(uri):
    """Where the SavedModel lies in an artifact, a commentary's or a model's."""
    return path_utils.serving_model_dir(uri)


def get_commentary_dir(artifacts):
    """The SavedModel of the single commentary artifact of an input.

    Args:
        artifacts: list of artifacts, as an executor gets them.

    Returns:
        The directory, or `None` without an artifact.

    Raises:
        FileNotFoundError: if the artifact holds no commentary.
    """
    if not artifacts:
        return None
    directory = commentary_dir(artifact_utils.get_single_uri(artifacts))
    read_manifest(directory)
    return os.fspath(directory)
