"""Data sets to learn on. Those of TFDS need the extra `tfds`."""

from tfcommentaries.datasets.digits import load_digits
from tfcommentaries.datasets.episodes import episodes
from tfcommentaries.datasets.files import FileData, load_file
from tfcommentaries.datasets.image_folder import load_image_folder
from tfcommentaries.datasets.label_noise import corrupt_labels
from tfcommentaries.datasets.misleading import (
    load_coloured_digits,
    load_digits_on_scenes,
)
from tfcommentaries.datasets.rotated_digits import load_rotated_digits
from tfcommentaries.datasets.shards import FORMATS
from tfcommentaries.datasets.sources import (
    FAULTS,
    INPUT_FAULTS,
    Sources,
    spoil_sources,
)
from tfcommentaries.datasets.splits import Examples, Splits, split
from tfcommentaries.datasets.table_encoding import TableEncoding
from tfcommentaries.datasets.tfds_data import TfdsData, load_tfds, read_tfds

__all__ = [
    "FAULTS",
    "FORMATS",
    "INPUT_FAULTS",
    "Examples",
    "FileData",
    "Sources",
    "Splits",
    "TableEncoding",
    "TfdsData",
    "corrupt_labels",
    "episodes",
    "load_coloured_digits",
    "load_digits",
    "load_digits_on_scenes",
    "load_file",
    "load_image_folder",
    "load_rotated_digits",
    "load_tfds",
    "read_tfds",
    "split",
    "spoil_sources",
]
