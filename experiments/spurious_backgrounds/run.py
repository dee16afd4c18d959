"""Digits on photographs that go along with them. See README.md beside this."""

from experiments import masks, protocol
from experiments.protocol import FLAGS
from tfcommentaries import datasets
from tfcommentaries.datasets.misleading import BALANCED

#: How often the scene is of the digit's class in the validation data.
VALIDATION = {"balanced": BALANCED, "biased": masks.AGREEMENT}


def groups():
    """Kinds of validation data."""
    if not FLAGS.data_dir:
        raise SystemExit("This experiment needs MNIST and CIFAR-10: pass --data_dir.")
    return [f"{kind} validation" for kind in VALIDATION]


def make_data(group, seed):
    """Training, validation and balanced test images, of different originals."""
    digits, scenes = protocol.load_tfds("mnist"), protocol.load_tfds("cifar10")
    agreement = VALIDATION[group.split(" ")[0]]
    sizes = protocol.fewer((8000, 4000, 4000), (200, 100, 100))
    parts = zip(digits[:3], scenes[:3], sizes, (masks.AGREEMENT, agreement, 0.5))
    return [
        datasets.load_digits_on_scenes(digit, scene, size, part, seed=3 * seed + i)
        for i, (digit, scene, size, part) in enumerate(parts)
    ]


def measure(group, seed, folder):
    """One commentary and its students."""
    return masks.measure(
        *make_data(group, seed), seed, folder, stride=1, fill="mean", area_penalty=1.0
    )


def draw(records, run_dir):
    """Test images with the masks of the first seed."""
    return {
        f"masks-{group.split(' ')[0]}.png": masks.draw(
            protocol.folder_of(run_dir, group, 0) / "masks", make_data(group, 0)[2]
        )
        for group in records
    }


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw, seeds=1)
