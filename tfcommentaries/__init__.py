"""Teaching with commentaries, for Keras, TensorFlow and TFX."""

import importlib

from tfcommentaries.version import __version__

# Imported on first use: TensorFlow takes seconds to import, and `tfcommentaries
# --help` does not need it.
_PUBLIC = {
    "AttentionMask": "commentaries",
    "AuxiliaryTargets": "commentaries",
    "Commentary": "commentaries",
    "CommentaryCallback": "teaching",
    "CommentaryLearner": "learning",
    "Composition": "commentaries",
    "ElementWeighting": "commentaries",
    "ExampleWeighting": "commentaries",
    "FewShotLearner": "learning",
    "GroupWeighting": "commentaries",
    "ImplicitTraining": "hypergradients",
    "LabelBlending": "commentaries",
    "LearnCommentaryCallback": "learning",
    "LossWeighting": "commentaries",
    "NonFiniteHypergradientError": "learning",
    "SavedCommentary": "saving",
    "SoftLabels": "commentaries",
    "UnrolledTraining": "hypergradients",
    "export_commentary": "saving",
    "teach": "teaching",
    "teachers": "commentaries",
}

# Kubeflow imports the artifact type by this name. It needs the extra `tfx`, so
# `import *` leaves it out.
_OPTIONAL = {"CommentaryArtifact": "components.artifact"}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name):
    place = {**_PUBLIC, **_OPTIONAL}.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{place}")
    return getattr(module, name)


def __dir__():
    return sorted(__all__)
