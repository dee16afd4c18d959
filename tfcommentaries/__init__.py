"""Teaching with commentaries, for Keras, TensorFlow and TFX."""

import importlib
from typing import TYPE_CHECKING

from tfcommentaries.version import __version__

if TYPE_CHECKING:  # What editors and type checkers see.
    from tfcommentaries.commentaries import (
        AttentionMask as AttentionMask,
        AuxiliaryTargets as AuxiliaryTargets,
        Commentary as Commentary,
        Composition as Composition,
        ElementWeighting as ElementWeighting,
        ExampleWeighting as ExampleWeighting,
        GroupWeighting as GroupWeighting,
        LabelBlending as LabelBlending,
        LossWeighting as LossWeighting,
        SoftLabels as SoftLabels,
        teachers as teachers,
    )
    from tfcommentaries.components.artifact import (
        CommentaryArtifact as CommentaryArtifact,
    )
    from tfcommentaries.hypergradients import (
        ImplicitTraining as ImplicitTraining,
        UnrolledTraining as UnrolledTraining,
    )
    from tfcommentaries.learning import (
        CommentaryLearner as CommentaryLearner,
        FewShotLearner as FewShotLearner,
        LearnCommentaryCallback as LearnCommentaryCallback,
        NonFiniteHypergradientError as NonFiniteHypergradientError,
    )
    from tfcommentaries.saving import (
        SavedCommentary as SavedCommentary,
        export_commentary as export_commentary,
    )
    from tfcommentaries.teaching import (
        CommentaryCallback as CommentaryCallback,
        teach as teach,
    )

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

if not TYPE_CHECKING:  # Or they would take every name for one of ours.

    def __getattr__(name):
        place = {**_PUBLIC, **_OPTIONAL}.get(name)
        if place is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{place}")
        return getattr(module, name)


def __dir__():
    return sorted(__all__)
