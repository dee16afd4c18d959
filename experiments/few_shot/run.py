"""Few-shot learning of characters with a commentary. See README.md beside this."""

import keras
import numpy as np
import tensorflow as tf

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import (
    ExampleWeighting,
    FewShotLearner,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import RandomWeighting, ShuffledWeighting

WAYS, SHOTS = 5, 1
OUTER_STEPS, TASKS_PER_STEP = 600, 4
INNER_STEPS = 3
#: With the first rate a CBR net hardly learns; this one by its training loss.
INNER_RATE, CBR_INNER_RATE = 0.1, 0.03


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


def narrow_net(shape, ways):
    """The network of most conditions."""
    return students.few_shot_net(shape, ways, filters=32)


def learn_and_test(
    network,
    tasks,
    unseen,
    ways,
    seed,
    commentary=None,
    inner_rate=INNER_RATE,
    **options,
):
    """MAML, perhaps with a commentary.

    Args:
        network: function `(shape, num_classes)` to a Keras model.
        tasks: to learn on.
        unseen: to test on.
        ways: classes per task.
        seed: of the initial weights.
        commentary: for the support examples; learned too if it is trainable.
        inner_rate: step size of the inner steps.
        **options: further arguments of `FewShotLearner`.

    Returns:
        Metrics.
    """
    keras.utils.set_random_seed(seed)
    model = network(tasks.element_spec[0][0].shape[1:], ways)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss)
    learner = FewShotLearner(
        model,
        commentary,
        inner_steps=protocol.fewer(INNER_STEPS, 1),
        inner_rate=inner_rate,
        **options,
    )
    outer_steps = protocol.fewer(OUTER_STEPS, 30)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, outer_steps)
    learner.compile(keras.optimizers.Adam(rate))
    # In the quick form the same few tasks again and again, to see losses fall.
    tasks = tasks.take(protocol.fewer(-1, TASKS_PER_STEP)).repeat()
    history = learner.fit(
        tasks.batch(TASKS_PER_STEP).prefetch(2),
        steps_per_epoch=outer_steps // 10,
        epochs=10,
        verbose=2,
    ).history
    found = learner.evaluate_tasks(unseen, protocol.fewer(600, 5))
    return {
        "accuracy on unseen characters": found["accuracy"],
        "half width of the 95 % interval": found["interval"],
        "mean training loss, first tenth": history["loss"][0],
        "mean training loss, last tenth": history["loss"][-1],
    }


def measure(group, seed, folder):
    """All conditions, on the same tasks."""
    train, test = make_data(group)
    ways = WAYS if FLAGS.data_dir else 3
    tasks = datasets.episodes(*train, ways, SHOTS, queries=5, seed=seed)
    unseen = datasets.episodes(*test, ways, SHOTS, queries=15, seed=100 + seed)

    def one(seed, network=narrow_net, **options):
        return learn_and_test(network, tasks, unseen, ways, seed, **options)

    weighting = ExampleWeighting(curriculum=True)
    values = {"MAML": one(seed), "commentary": one(seed, commentary=weighting)}
    if not FLAGS.quick:
        values |= {
            "MAML, learned rates": one(seed, learn_rates=True),
            "commentary, learned rates": one(
                seed, commentary=ExampleWeighting(curriculum=True), learn_rates=True
            ),
        }
    # The learned commentary stays fixed, and helps to learn other initial weights.
    weighting.trainable = False
    export_commentary(weighting, folder / "weighting", {"inner_steps": INNER_STEPS})
    shuffled = ShuffledWeighting(weighting)
    again = 1000 + seed
    transferred = {
        "MAML": None,
        "learned weighting": weighting,
        "shuffled weighting": shuffled,
        "random weighting": RandomWeighting(),
    }
    for name, kept in protocol.first(transferred, 2):
        values[f"{name}, new weights"] = one(again, commentary=kept)
    for name, kept in protocol.first(transferred, 0):
        values[f"{name} (transfer: CBR)"] = one(
            again, students.cbr, commentary=kept, inner_rate=CBR_INNER_RATE
        )
    return {"values": values}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, seeds=1)
