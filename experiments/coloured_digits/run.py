"""Coloured digits: do masks hide what misleads? See README.md beside this."""

from experiments import masks, protocol
from experiments.protocol import FLAGS
from tfcommentaries import datasets
from tfcommentaries.datasets.misleading import BALANCED

#: How often the blue digit is like the red one in the validation data.
VALIDATION = {"balanced": BALANCED, "biased": masks.AGREEMENT}


def groups():
    """Data set and kind of validation data."""
    name = "mnist" if FLAGS.data_dir else "digits"
    return [f"{name}, {kind} validation" for kind in VALIDATION]


def make_data(group, seed):
    """Training, validation and balanced test pairs, of different originals."""
    if FLAGS.data_dir:
        source = protocol.load_tfds("mnist")
        sizes = 8000, 4000, 4000
    else:
        source, sizes = datasets.load_digits(), (2000, 500, 2000)
    kind = group.split(", ")[1].removesuffix(" validation")
    sizes = protocol.fewer(sizes, (200, 100, 100))
    parts = zip(source[:3], sizes, (masks.AGREEMENT, VALIDATION[kind], 0.5))
    return [
        datasets.load_coloured_digits(part, size, agreement, seed=3 * seed + i)
        for i, (part, size, agreement) in enumerate(parts)
    ]


def measure(group, seed, folder):
    """One commentary and its students."""
    stride = 4 if FLAGS.data_dir else 2
    return masks.measure(*make_data(group, seed), seed, folder, stride=stride)


def draw(records, run_dir):
    """Test images with the masks of the first seed."""
    return {
        f"masks-{group.split(' ')[1]}.png": masks.draw(
            protocol.folder_of(run_dir, group, 0) / "masks", make_data(group, 0)[2]
        )
        for group in records
    }


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw, seeds=1)
