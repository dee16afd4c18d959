"""Few-shot learning of characters with a commentary. See README.md beside this."""

import keras
import numpy as np
import tensorflow as tf

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import ExampleWeighting, FewShotLearner, datasets, students

WAYS, SHOTS = 5, 1
OUTER_STEPS, TASKS_PER_STEP = 600, 4
CONDITIONS = {
    "MAML": {},
    "commentary": {"commentary": True},
    "MAML, learned rates": {"learn_rates": True},
    "commentary, learned rates": {"commentary": True, "learn_rates": True},
}


def groups():
    """Which part is learned on and which is tested."""
    if FLAGS.data_dir is None:
        return ["digits 0-6 to 7-9"]
    return ["small1 to small2", "small2 to small1"]


def load_characters(split):
    """Omniglot characters at 28x28, 1 where there is ink; labels by character."""
    import tensorflow_datasets as tfds

    builder = tfds.builder("omniglot", data_dir=FLAGS.data_dir)
    images, labels = [], []
    for example in builder.as_dataset(split=split):
        small = tf.image.resize(example["image"][..., :1], (28, 28), "area")
        images.append(1 - small.numpy() / 255)
        labels.append(int(example["label"]))
    return datasets.Examples(np.array(images, "float32"), np.array(labels))


def rotated(examples):
    """Characters turned by quarters are characters too: four times the classes."""
    turns = [np.rot90(examples.x, k, (1, 2)) for k in range(4)]
    classes = examples.y.max() + 1
    labels = [examples.y + k * classes for k in range(4)]
    return datasets.Examples(np.concatenate(turns), np.concatenate(labels))


def make_data(group):
    """What to learn on and what to test on."""
    if FLAGS.data_dir is None:
        digits = datasets.load_digits().train
        seen = digits.y < 7
        return protocol.take(digits, seen), protocol.take(digits, ~seen)
    train, test = group.split(" to ")
    return rotated(load_characters(train)), load_characters(test)


def measure(group, seed, folder):
    """Learns under all conditions on the same tasks."""
    train, test = make_data(group)
    ways = WAYS if FLAGS.data_dir else 3
    tasks = datasets.episodes(*train, ways, SHOTS, queries=5, seed=seed)
    unseen = datasets.episodes(*test, ways, SHOTS, queries=15, seed=100 + seed)
    values = {}
    for name, options in CONDITIONS.items():
        options = dict(options)
        if options.pop("commentary", False):
            options["commentary"] = ExampleWeighting()
        keras.utils.set_random_seed(seed)
        model = students.few_shot_net(train.x.shape[1:], ways, filters=32)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(loss=loss)
        learner = FewShotLearner(model, inner_steps=3, inner_rate=0.1, **options)
        rate = keras.optimizers.schedules.CosineDecay(
            2e-3, protocol.fewer(OUTER_STEPS, 40)
        )
        learner.compile(keras.optimizers.Adam(rate))
        history = learner.fit(
            tasks.batch(TASKS_PER_STEP).prefetch(2),
            steps_per_epoch=protocol.fewer(OUTER_STEPS // 2, 20),
            epochs=2,
            verbose=2,
        ).history
        found = learner.evaluate_tasks(unseen, protocol.fewer(600, 5))
        values[name] = {
            "accuracy on unseen characters": found["accuracy"],
            "half width of the 95 % interval": found["interval"],
            "mean training loss, first half": history["loss"][0],
            "mean training loss, second half": history["loss"][1],
        }
        model.save_weights(folder / f"{name}.weights.h5")
    return {"values": values}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure)
