"""What the two experiments with attention masks share: conditions and measures."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy.ndimage import binary_dilation

from experiments import protocol, student_training
from tfcommentaries import (
    AttentionMask,
    CommentaryLearner,
    SavedCommentary,
    export_commentary,
    students,
    teachers,
)
from tfcommentaries.teaching import Condition, evaluate

#: How often the cue agrees with the label in training data.
AGREEMENT = 0.9
BATCH = 32
INNER_STEPS = 60
#: Students are tested after as many steps as the masks were learned for, and later.
TEST_STEPS = 60, 300


class ShiftedMask(AttentionMask):
    """A learned mask laid on another image: each image gets the next one's."""

    def __init__(self, masks):
        super().__init__(masks.teacher, masks.fill)

    def call(self, x, y=None, progress=None):
        return tf.roll(super().call(x), 1, 0)


class ConstantMask(AttentionMask):
    """Everywhere the same grey, as much as a learned mask shows on average."""

    def __init__(self, value, fill):
        super().__init__(fill=fill)
        self.value = value

    def build(self, *shapes):
        self.built = True

    def call(self, x, y=None, progress=None):
        return self.value * tf.ones_like(x[..., :1])


def learn(
    train, validation, seed, stride, fill="zero", outer_steps=200, area_penalty=0.0
):
    """Learns masks by validation images that are masked too.

    Args:
        train: `Misleading`.
        validation: likewise.
        seed: integer.
        stride: of the U-Net.
        fill: of the `AttentionMask`.
        outer_steps: number of them, a multiple of 10.
        area_penalty: of the `AttentionMask`.

    Returns:
        The `AttentionMask`.
    """
    shape = train.examples.x.shape[1:]
    teacher = teachers.unet(shape, depth=2, width=8, stride=stride)
    masks = AttentionMask(teacher, fill, area_penalty=area_penalty)
    learner = CommentaryLearner(
        masks,
        student_training.make_student(students.cbr, shape, 10),
        inner_steps=protocol.fewer(INNER_STEPS, 5),
        validation_taught=True,
        seed=seed,
    )
    epochs, steps = protocol.fewer(outer_steps // 10, 1), protocol.fewer(10, 2)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, epochs * steps, alpha=0.01)
    learner.compile(keras.optimizers.Adam(rate))
    learner.fit(
        train.examples,
        validation.examples,
        batch_size=BATCH,
        validation_batch_size=protocol.fewer(500, 100),
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=2,
    )
    return masks


def measure(train, validation, test, seed, folder, **learning):
    """Learns masks and trains students with them and without.

    Args:
        train: `Misleading`.
        validation: likewise.
        test: likewise, seen by nothing else.
        seed: integer.
        folder: where the commentary goes.
        **learning: further arguments of `learn`.

    Returns:
        As `protocol.run` wants it.
    """
    masks = learn(train, validation, seed, **learning)
    export_commentary(masks, folder / "masks", {"inner_steps": INNER_STEPS})
    found = student_training.in_batches(masks, test.examples.x)[..., 0]
    relevant, distracting = (found * p for p in (test.relevant, test.distracting))
    values = {
        "masks": {
            "mean mask on the object": relevant.sum() / test.relevant.sum(),
            "mean mask on the cue": distracting.sum() / test.distracting.sum(),
            "part of the mask on the object": part_on(test.relevant, test, found),
            "part of the mask on the object and its outline": part_on(
                binary_dilation(test.relevant, np.ones((1, 3, 3))), test, found
            ),
        }
    }
    alone, both = train.examples, protocol.join(train.examples, validation.examples)
    shifted = ShiftedMask(masks)
    constant = ConstantMask(float(found.mean()), masks.fill)
    conditions = {
        "plain": (alone, test, None, None),
        "plain, validation data added": (both, test, None, None),
        "plain, validation data only": (validation.examples, test, None, None),
        "masks": (alone, test, masks, masks),
        "masks, validation data added": (both, test, masks, masks),
        "masks in training only": (alone, test, masks, None),
        "masks of other images": (alone, test, shifted, shifted),
        "constant mask": (alone, test, constant, constant),
        # As much as hiding all but the object can give.
        "the object alone, known": (
            object_alone(train).examples,
            object_alone(test),
            None,
            None,
        ),
    }
    steps = [protocol.fewer(n, n // 20) for n in TEST_STEPS]
    networks = {"": students.cbr, " (transfer: few-shot net)": students.few_shot_net}
    for suffix, network in protocol.first(networks):

        def make_student(network=network):
            keras.utils.set_random_seed(1000 + seed)
            return student_training.make_student(network, alone.x.shape[1:], 10)

        compared = teach_students(make_student, conditions, [seed], steps)
        for name, found in student_training.by_condition(compared).items():
            values.setdefault(name + suffix, {}).update(found)
    return {"values": values}


def object_alone(part):
    """`Misleading` images, black where the object is not."""
    examples = part.examples
    x = examples.x * part.relevant[..., None]
    return part._replace(examples=examples._replace(x=x))


def part_on(place, test, found):
    """Part of masks that lies on a place, of what lies on it or on the cue."""
    return (found * place).sum() / (found * (place | test.distracting)).sum()


def teach_students(student, conditions, seeds, steps):
    """Trains students under each condition and tests them.

    Args:
        student: as for `evaluate`.
        conditions: `{name: (examples, test, teaching, testing)}`: `Examples` to train
            on, `Misleading` to test on, and masks in each, or `None`; or a
            `Condition` instead of the name.
        seeds: as for `evaluate`.
        steps: likewise.

    Returns:
        A `Comparison` of "accuracy, aligned" and "accuracy, conflicting".
    """

    def test(model, condition):
        _, part, _, masks = tested[condition.name]

        def outputs(x):
            return model(x if masks is None else masks.teach(x, None)[0])

        found = student_training.in_batches(outputs, part.examples.x).argmax(-1)
        right = found == part.examples.y
        return {
            "accuracy, aligned": right[part.aligned].mean(),
            "accuracy, conflicting": right[~part.aligned].mean(),
        }

    tested = {getattr(c, "name", c): parts for c, parts in conditions.items()}
    taught = [
        dataclasses.replace(
            condition if isinstance(condition, Condition) else Condition(condition),
            data=tuple(examples),
            commentary=teaching,
        )
        for condition, (examples, _, teaching, _) in conditions.items()
    ]
    return evaluate(student, taught, test, steps, seeds, BATCH)


def draw(directory, test, count=4):
    """Two rows of test images, each with the masks of a SavedModel below."""
    x = test.examples.x[: 2 * count]
    masks = SavedCommentary(directory)(x).numpy()[..., 0]
    parts = [part[i * count : (i + 1) * count] for i in (0, 1) for part in (x, masks)]
    return protocol.draw_images(parts)
