"""Teaching with commentaries, for Keras, TensorFlow and TFX."""

import importlib

from tfcommentaries.version import __version__

# Imported when first used: TensorFlow takes seconds, which `tfcommentaries --help`
# need not.
_PUBLIC = {
    "AttentionMask": "commentaries",
    "Commentary": "commentaries",
    "CommentaryCallback": "teaching",
    "CommentaryLearner": "learning",
    "Composition": "commentaries",
    "ExampleWeighting": "commentaries",
    "ImplicitTraining": "hypergradients",
    "LabelBlending": "commentaries",
    "LearnCommentaryCallback": "learning",
    "NonFiniteHypergradientError": "learning",
    "SavedCommentary": "saving",
    "SoftLabels": "commentaries",
    "UnrolledTraining": "hypergradients",
    "export_commentary": "saving",
    "teach": "teaching",
    "teachers": "commentaries",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)


def __dir__():
    return sorted(__all__)
