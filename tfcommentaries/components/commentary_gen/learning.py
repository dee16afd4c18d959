"""Learning a commentary by a recipe."""

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
    RECIPE,
    check_recipe,
    with_hyperparameters,
)
from tfcommentaries.components.commentary_gen.splits import Split, check_missing
from tfcommentaries.components.commentary_gen.student import (
    auxiliary_outputs,
    kinds_of,
    make_commentary,
    make_student,
)
from tfcommentaries.datasets import Examples
from tfcommentaries.insights import CommentarySummaries
from tfcommentaries.learning.epochs import steps_per_epoch
from tfcommentaries.saving.example_reading import ExampleReading
from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.saving.warm_start import load_weights
from tfcommentaries.students.outputs import metrics_for

#: Most examples, and most bytes of them, that pictures are made of.
PICTURED, PICTURED_BYTES = 512, 2**26
#: How a LossWeighting is learned, unless the recipe says otherwise.
_OF_LOSSES = {"inner_steps": 1, "student_initialization": "continue"}


def run_fn(fn_args):
    """Learns a commentary and exports it.

    Args:
        fn_args: `CommentaryFnArgs`, whose `custom_config` is a recipe.
    """
    given = with_hyperparameters(fn_args.custom_config, fn_args.hyperparameters)
    check_recipe(given)
    recipe = {**RECIPE, **given}
    kinds = kinds_of(recipe["commentary"], recipe["commentary_config"])
    schema = _schema(fn_args)
    named = ExampleReading.from_config(recipe)
    # A group may be a feature, too.
    names = list(dict.fromkeys([*named.features, named.label, *named.groups]))
    splits = [
        Split(fn_args, files, schema, names, role)
        for files, role in (
            (fn_args.train_files, "training"),
            (fn_args.eval_files, "validation"),
        )
    ]
    base = fn_args.base_commentary and read_manifest(fn_args.base_commentary)
    reading = reading_of(recipe, schema, splits[0], base)
    recipe["num_classes"] = reading.num_classes
    counts = {s.role: check_missing(s, reading, recipe["missing"]) for s in splits}
    left_out = {role: count.lacking for role, count in counts.items()}
    groups = counts["training"].groups
    if base and recipe["gone_groups"] == "keep":
        groups = with_groups_of(base["teaching_config"], groups)
    train, _ = (split.examples(reading) for split in splits)
    seed = recipe["seed"]
    keras.utils.set_random_seed(seed)
    x_spec = train.element_spec[0]
    regression = train.element_spec[1].dtype.is_floating
    student = make_student(
        recipe, x_spec["x"] if isinstance(x_spec, dict) else x_spec, regression
    )
    commentary = make_commentary(
        recipe["commentary"],
        recipe["commentary_config"],
        reading.num_classes,
        groups,
    )
    started = {}
    if base:
        _build(commentary, train)
        notes = load_weights(commentary, fn_args.base_commentary)
        for what, found in notes.items():
            logging.info("Unlike in the base commentary: %s: %s", what, found)
        started["started_from"] = {"path": fn_args.base_commentary, **notes}
    learner = tfcommentaries.CommentaryLearner(
        commentary,
        student,
        getattr(tfcommentaries, recipe["inner_training"])(),
        seed=seed,
        **(_OF_LOSSES if commentary.uses_student_loss else {})
        | recipe["learner_config"],
    )
    rate = recipe["learning_rate"]
    labels = "numbers" if regression else "classes"
    compiling = {"metrics": metrics_for(student, labels)}
    if "AuxiliaryTargets" in kinds:
        main, auxiliary = auxiliary_outputs(recipe)
        compiling = {
            "loss_weights": {main: 1.0, auxiliary: 0.0},
            "metrics": {main: compiling["metrics"]},
        }
    learner.compile(rate and keras.optimizers.Adam(rate), **compiling)
    steps = fn_args.train_steps or 100
    per_epoch = steps_per_epoch(steps)
    epochs = steps // per_epoch
    number = max(16, min(PICTURED, PICTURED_BYTES // _bytes(x_spec)))
    examples = Examples(*next(train.batch(number).as_numpy_iterator()))
    students = steps * learner.students_per_step
    data = [
        split.batches(
            reading, counts[split.role], size, students * size * each, seed + i
        )
        for i, (split, size, each) in enumerate(
            (
                (splits[0], recipe["batch_size"], learner.inner_steps),
                (splits[1], recipe["validation_batch_size"], 1),
            )
        )
    ]
    history = learner.fit(
        *data,
        epochs=epochs,
        steps_per_epoch=per_epoch,
        checkpoint_dir=fn_args.checkpoint_dir,
        callbacks=[
            keras.callbacks.TensorBoard(fn_args.model_run_dir),
            CommentarySummaries(
                fn_args.model_run_dir, examples, every=max(1, epochs // 5)
            ),
        ],
        verbose=2,
    ).history
    metrics = {name: values[-1] for name, values in history.items()}
    logging.info("Learned a commentary: %s", metrics)
    tfcommentaries.export_commentary(
        commentary,
        fn_args.commentary_dir,
        learned={
            "inner_steps": learner.inner_steps,
            "student": recipe["student"],
            "outer_steps": steps,
            "left_out": left_out,
            **started,
        },
        metrics=metrics,
        # It sees losses, which no example holds.
        reading=None if commentary.uses_student_loss else reading,
    )
    done = range(1, len(history["loss"]) + 1)
    history = {**history, "outer_step": [per_epoch * n for n in done]}
    write_pictures(fn_args.pictures_dir, fn_args.commentary_dir, history, examples)


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
