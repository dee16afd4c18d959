"""TFX components, which need the extra `tfx`."""

from tfcommentaries.components.artifact import CommentaryArtifact
from tfcommentaries.components.commentary_annotator.component import (
    CommentaryAnnotator,
)
from tfcommentaries.components.commentary_gen.component import CommentaryGen
from tfcommentaries.components.commentary_trainer.component import CommentaryTrainer

__all__ = [
    "CommentaryAnnotator",
    "CommentaryArtifact",
    "CommentaryGen",
    "CommentaryTrainer",
]
