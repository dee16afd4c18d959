"""Coloured digits: do masks hide what misleads? See README.md beside this."""

import json
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from matplotlib.figure import Figure

from tfcommentaries import (
    AttentionMask,
    CommentaryLearner,
    datasets,
    export_commentary,
    students,
    teachers,
)
from tfcommentaries.datasets.coloured_digits import BALANCED
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.students import FunctionalStudent

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "TFDS data directory: MNIST, else digits.")
flags.DEFINE_string("run_dir", "runs/coloured_digits", "What is done is kept here.")
flags.DEFINE_integer("seeds", 5, "Commentaries learned, and students of each kind.")
flags.DEFINE_bool("quick", False, "A few steps, to see that it runs.")

AGREEMENT = 0.9
#: How often the blue digit is like the red one in the validation data.
VALIDATION = {"balanced": BALANCED, "biased": AGREEMENT}
INNER_STEPS = 60
BATCH = 32


class ShiftedMask(AttentionMask):
    """A learned mask laid on another image: each image gets the next one's."""

    def __init__(self, masks):
        super().__init__(masks.teacher, masks.fill)

    def call(self, x, y=None, progress=None):
        return tf.roll(super().call(x), 1, 0)


class ConstantMask(AttentionMask):
    """Everywhere the same grey, as much as a learned mask shows on average."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def build(self, *shapes):
        self.built = True

    def call(self, x, y=None, progress=None):
        return self.value * tf.ones_like(x[..., :1])


def make_data(source, kind, seed):
    """Training, validation and balanced test pairs, of different originals."""
    sizes = (2000, 500, 2000) if FLAGS.data_dir is None else (8000, 4000, 4000)
    if FLAGS.quick:
        sizes = (200, 100, 100)
    parts = zip(source[:3], sizes, (AGREEMENT, VALIDATION[kind], 0.5))
    return [
        datasets.load_coloured_digits(part, size, agreement, seed=3 * seed + i)
        for i, (part, size, agreement) in enumerate(parts)
    ]


def make_student(shape, network=students.cbr):
    """A compiled student for ten classes."""
    model = network(shape, 10)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def learn(train, validation, seed):
    """Learns masks."""
    keras.utils.set_random_seed(seed)
    shape = train.examples.x.shape[1:]
    masks = AttentionMask(teachers.unet(shape, depth=2, width=8, stride=4))
    learner = CommentaryLearner(
        masks,
        make_student(shape),
        inner_steps=5 if FLAGS.quick else INNER_STEPS,
        validation_taught=True,
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-2))
    learner.fit(
        train.examples,
        validation.examples,
        batch_size=BATCH,
        validation_batch_size=100 if FLAGS.quick else 500,
        epochs=1 if FLAGS.quick else 12,
        steps_per_epoch=2 if FLAGS.quick else 10,
        verbose=2,
    )
    return masks


def train(student, weights, examples, masks, steps, seed):
    """Trains one student, with masks or without."""
    student.assign(weights)
    model = student.model
    for variable in model.optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    # Keras keeps the rate among the optimizer's variables.
    model.optimizer.learning_rate = 1e-3
    data = tf.data.Dataset.from_tensor_slices(tuple(examples))
    data = data.shuffle(len(examples.y), seed=seed).repeat().batch(BATCH)
    if masks is not None:
        data = data.map(lambda x, y: masks.teach(x, y)[:2])
    model.fit(data, steps_per_epoch=steps, verbose=0)


def accuracies(model, test, masks):
    """Accuracy on the aligned and on the conflicting test pairs."""
    x = test.examples.x
    if masks is not None:
        x = np.concatenate(
            [masks.teach(part, None)[0] for part in np.array_split(x, 8)]
        )
    right = model.predict(x, batch_size=500, verbose=0).argmax(-1) == test.examples.y
    return {
        "accuracy, aligned": right[test.aligned].mean(),
        "accuracy, conflicting": right[~test.aligned].mean(),
    }


def measure(kind, seed, source, run_dir):
    """Learns one commentary and trains students with it and without."""
    training, validation, test = make_data(source, kind, seed)
    masks = learn(training, validation, seed)
    export_commentary(masks, run_dir / f"masks-{kind}-{seed}")
    found = np.concatenate(
        [masks(part).numpy()[..., 0] for part in np.array_split(test.examples.x, 8)]
    )
    ink = test.examples.x.max(-1) > 0.2
    share = (found * (ink & test.red)).sum() / (found * ink).sum()
    values = {
        "masks": {
            "on the red digit": float(found[ink & test.red].mean()),
            "on the blue digit": float(found[ink & ~test.red].mean()),
            "mask on the red digit, of that on digits": float(share),
        }
    }
    both = datasets.Examples(
        *(np.concatenate(p) for p in zip(training.examples, validation.examples))
    )
    conditions = {
        "plain": (training.examples, None, None),
        "plain, training and validation data": (both, None, None),
        "masks": (training.examples, masks, masks),
        "masks in training only": (training.examples, masks, None),
        "masks of other images": (
            training.examples,
            ShiftedMask(masks),
            ShiftedMask(masks),
        ),
        "constant mask": (
            training.examples,
            ConstantMask(found.mean()),
            ConstantMask(found.mean()),
        ),
    }
    shape = training.examples.x.shape[1:]
    for suffix, network in (
        ("", students.cbr),
        (", few-shot net", students.few_shot_net),
    ):
        student = FunctionalStudent(make_student(shape, network))
        student.build(training.examples.x[:2], training.examples.y[:2])
        student.model.optimizer.build(student.model.trainable_variables)
        weights = student.draw(f"test-{seed}")
        for name, (examples, teaching, testing) in conditions.items():
            if suffix and "mask" in name and name != "masks":
                continue
            steps = 10 if FLAGS.quick else 300
            train(student, weights, examples, teaching, steps, seed)
            values.setdefault(name + suffix, {}).update(
                accuracies(student.model, test, testing)
            )
            print(f"{kind}, seed {seed}, {name + suffix}:", values[name + suffix])
    return values


def draw(run_dir, kind, source):
    """Test images with their masks, of the first seed."""
    from tfcommentaries import SavedCommentary

    test = make_data(source, kind, 0)[2]
    x = test.examples.x[:6]
    masks = SavedCommentary(run_dir / f"masks-{kind}-0")(x).numpy()
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for column, axes in enumerate(figure.subplots(2, 6).T):
        axes[0].imshow(x[column])
        axes[1].imshow(masks[column], cmap="gray", vmin=0, vmax=1)
        axes[0].set_title(f"label {test.examples.y[column]}", fontsize=9)
        for a in axes:
            a.axis("off")
    return figure


def main(_):
    """Measures what is missing, then writes results.json and the pictures."""
    name = "digits" if FLAGS.data_dir is None else "mnist"
    run_dir = pathlib.Path(FLAGS.run_dir + ("-quick" if FLAGS.quick else "")) / name
    run_dir.mkdir(parents=True, exist_ok=True)
    if FLAGS.data_dir is None:
        source = datasets.load_digits()
    else:
        source = datasets.load_tfds("mnist", FLAGS.data_dir)
    here = run_dir if FLAGS.quick else pathlib.Path(__file__).parent
    rows = []
    for kind in VALIDATION:
        found = {}
        for seed in range(1 if FLAGS.quick else FLAGS.seeds):
            file = run_dir / f"{kind}-{seed}.json"
            if not file.exists():
                write_text(file, to_json(measure(kind, seed, source, run_dir)))
            for condition, metrics in json.loads(file.read_text()).items():
                for metric, value in metrics.items():
                    found.setdefault((condition, metric), []).append(value)
        for (condition, metric), values in found.items():
            rows.append(
                {
                    "condition": f"{condition} ({kind} validation)",
                    "metric": metric,
                    "mean": np.mean(values),
                    "std": np.std(values, ddof=1) if len(values) > 1 else 0.0,
                    "seeds": len(values),
                }
            )
        draw(run_dir, kind, source).savefig(here / f"masks-{name}-{kind}.png", dpi=100)
    write_text(here / f"results-{name}.json", to_json(rows))
    for row in rows:
        title = f"{row['condition']:<62} {row['metric']:<42}"
        print(f"{title}{row['mean']:.3f} ± {row['std']:.3f}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)
