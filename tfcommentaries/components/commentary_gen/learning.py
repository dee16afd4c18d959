"""Learning a commentary by a recipe."""

from typing import NamedTuple

import keras
import tensorflow as tf
import tensorflow_transform as tft
from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils

import tfcommentaries
from tfcommentaries.components.commentary_gen.pictures import write_pictures
from tfcommentaries.components.commentary_gen.reading import (
    reading_of,
    with_groups_of,
)
from tfcommentaries.components.commentary_gen.recipe import (
    recipe_of,
    with_hyperparameters,
)
from tfcommentaries.components.commentary_gen.splits import Split, check_missing
from tfcommentaries.components.commentary_gen.student import make_student
from tfcommentaries.datasets import Examples
from tfcommentaries.insights import CommentarySummaries
from tfcommentaries.learning.epochs import steps_per_epoch
from tfcommentaries.learning.workers import is_chief
from tfcommentaries.saving.example_reading import ExampleReading
from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.saving.warm_start import load_weights

#: What `strategy` of a recipe makes.
STRATEGIES = {
    None: tf.distribute.get_strategy,
    "mirrored": tf.distribute.MirroredStrategy,
    "multi_worker": tf.distribute.MultiWorkerMirroredStrategy,
}
#: Most examples, and most bytes of them, that pictures are made of.
PICTURED, PICTURED_BYTES = 512, 2**26


class Data(NamedTuple):
    """What a recipe learns from.

    Attributes:
        splits: `Split`s of training and validation.
        counts: `Counts` of each.
        reading: `ExampleReading` of both.
        groups: dict from columns to `GroupNames`.
        train: data set of single training examples.
    """

    splits: list
    counts: list
    reading: ExampleReading
    groups: dict
    train: tf.data.Dataset

    @property
    def x_spec(self):
        """`tf.TensorSpec` of the inputs of a student."""
        spec = self.train.element_spec[0]
        return spec["x"] if isinstance(spec, dict) else spec

    @property
    def labels(self):
        """`"numbers"` or `"classes"`."""
        numbers = self.train.element_spec[1].dtype.is_floating
        return "numbers" if numbers else "classes"

    def some(self):
        """`Examples` to draw."""
        spec = self.train.element_spec[0]
        number = max(16, min(PICTURED, PICTURED_BYTES // _bytes(spec)))
        return Examples(*next(self.train.batch(number).as_numpy_iterator()))


def run_fn(fn_args):
    """Learns a commentary and exports it.

    Args:
        fn_args: `CommentaryFnArgs`, whose `custom_config` is a recipe.
    """
    recipe = recipe_of(
        with_hyperparameters(fn_args.custom_config, fn_args.hyperparameters)
    )
    # Several workers find each other before anything else.
    strategy = STRATEGIES[recipe.strategy]()
    base = fn_args.base_commentary and read_manifest(fn_args.base_commentary)
    data = _read(recipe, fn_args, base)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope():
        learner, started = _make(recipe, fn_args, base, data)
    commentary = learner.commentary
    examples = data.some()
    history = _learn(recipe, fn_args, data, learner, examples)
    if not writes():
        return
    metrics = {name: values[-1] for name, values in history.items()}
    steps = metrics.pop("outer_step")
    logging.info("Learned a commentary: %s", metrics)
    lacking = {s.role: c.lacking for s, c in zip(data.splits, data.counts)}
    tfcommentaries.export_commentary(
        commentary,
        fn_args.commentary_dir,
        learned={
            "inner_steps": learner.inner_steps,
            "student": recipe.student,
            "outer_steps": steps,
            "left_out": lacking,
            **started,
        },
        metrics=metrics,
        # It sees losses, which no example holds.
        reading=None if commentary.uses_student_loss else data.reading,
    )
    write_pictures(fn_args.pictures_dir, fn_args.commentary_dir, history, examples)


def writes():
    """Whether this process, of all workers of `TF_CONFIG`, writes what is learned."""
    return is_chief(tf.distribute.cluster_resolver.TFConfigClusterResolver())


def _make(recipe, fn_args, base, data):
    """Makes the learner; gives what the manifest says about its start, too."""
    num_classes, started = data.reading.num_classes, {}
    commentary = recipe.make_commentary(num_classes, data.groups)
    if base:
        _build(commentary, data.train)
        notes = load_weights(commentary, fn_args.base_commentary)
        for what, found in notes.items():
            logging.info("Unlike in the base commentary: %s: %s", what, found)
        started["started_from"] = {"path": fn_args.base_commentary, **notes}
    student = make_student(recipe, commentary, data.x_spec, data.labels, num_classes)
    return recipe.make_learner(commentary, student, data.labels), started


def _read(recipe, fn_args, base):
    """Reads the splits as a recipe says; returns `Data`."""
    schema, named = _schema(fn_args), recipe.reading
    # A group may be a feature, too.
    names = list(dict.fromkeys([*named.features, named.label, *named.groups]))
    splits = [
        Split(fn_args, files, schema, names, role, named.image_shape is not None)
        for files, role in (
            (fn_args.train_files, "training"),
            (fn_args.eval_files, "validation"),
        )
    ]
    reading = reading_of(recipe, schema, splits[0], base)
    counts = [check_missing(split, reading, recipe.missing) for split in splits]
    groups = counts[0].groups
    if base and recipe.gone_groups == "keep":
        groups = with_groups_of(base["teaching_config"], groups)
    train, _ = (split.examples(reading) for split in splits)
    return Data(splits, counts, reading, groups, train)


def _learn(recipe, fn_args, data, learner, examples):
    """Learns; returns the history, with `outer_step`."""
    steps = fn_args.train_steps or learner.commentary.suggested["outer_steps"]
    # Weights of groups stop when those that are trusted have settled.
    per_epoch = 1 if learner.commentary.can_start else steps_per_epoch(steps)
    epochs = steps // per_epoch
    students = steps * learner.students_per_step
    sizes = (recipe.batch_size, learner.inner_steps), (recipe.validation_batch_size, 1)
    train, validation = (
        split.learned_from(
            data.reading, counts, students * size * each, recipe.seed + number
        )
        for number, (split, counts, (size, each)) in enumerate(
            zip(data.splits, data.counts, sizes)
        )
    )
    history = learner.fit(
        train,
        validation_data=validation,
        batch_size=recipe.batch_size,
        validation_batch_size=recipe.validation_batch_size,
        epochs=epochs,
        steps_per_epoch=per_epoch,
        checkpoint_dir=fn_args.checkpoint_dir,
        callbacks=[
            keras.callbacks.TensorBoard(fn_args.model_run_dir),
            CommentarySummaries(
                fn_args.model_run_dir, examples, every=max(1, epochs // 5)
            ),
        ]
        if writes()
        else [],
        verbose=2,
    ).history
    done = range(1, len(history["loss"]) + 1)
    # Learning may have ended within an epoch.
    made = int(tf.convert_to_tensor(learner.optimizer.iterations))
    return {**history, "outer_step": [min(per_epoch * n, made) for n in done]}


def _build(commentary, train):
    if commentary.uses_student_loss:
        commentary(tf.zeros(2))
    else:
        commentary.teach(*next(iter(train.batch(2))), progress=0.0)


def _bytes(spec):
    """Bytes of the inputs of one example."""
    return sum(s.shape.num_elements() * s.dtype.size for s in tf.nest.flatten(spec))


def _schema(fn_args):
    if fn_args.transform_graph_path is not None:
        return tft.TFTransformOutput(
            fn_args.transform_graph_path
        ).transformed_metadata.schema
    schema = schema_pb2.Schema()
    return io_utils.parse_pbtxt_file(fn_args.schema_path, schema)
