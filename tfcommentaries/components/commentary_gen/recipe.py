"""Learning a commentary from a description, without code."""

import collections
import importlib
import inspect

import keras
import tensorflow as tf
import tensorflow_transform as tft
from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

import tfcommentaries
from tfcommentaries import commentaries
from tfcommentaries.commentaries.group_names import as_names
from tfcommentaries.components.commentary_gen.pictures import write_pictures
from tfcommentaries.datasets import Examples
from tfcommentaries.insights import CommentarySummaries
from tfcommentaries.saving.example_reading import DEFAULTS, NO_GROUP, ExampleReading
from tfcommentaries.saving.warm_start import load_weights

#: What a recipe may say, and what it means where it does not.
RECIPE = {
    **DEFAULTS,  # see `ExampleReading`
    "commentary": "ExampleWeighting",  # class in tfcommentaries.commentaries
    "commentary_config": {},  # its arguments, but the groups of a GroupWeighting
    "student": None,  # import path of a function that makes a Keras model
    "student_config": {},  # its arguments; x's shape and num_classes if left out
    "student_learning_rate": 1e-3,  # Adam's, for a student that is not compiled
    "inner_training": "UnrolledTraining",  # or ImplicitTraining
    "learner_config": {},  # arguments of CommentaryLearner, such as inner_steps
    "learning_rate": None,  # of the outer Adam; as suits the commentary
    "batch_size": 32,
    "validation_batch_size": 256,
    "seed": 0,
}
#: Commentaries that examples alone are enough for.
_KINDS = {
    name
    for name in commentaries.__all__
    if inspect.isclass(getattr(commentaries, name))
    and issubclass(getattr(commentaries, name), commentaries.Commentary)
} - {"Commentary", "Composition"}
_INNER_TRAININGS = {"UnrolledTraining", "ImplicitTraining"}


def check_recipe(config):
    """Raises a `ValueError` if a recipe says something unknown or too little."""
    unknown = sorted(set(config) - set(RECIPE))
    missing = [key for key in ("features", "student") if not config.get(key)]
    if unknown or missing:
        raise ValueError(
            "Without a module, `custom_config` must be a recipe, with at least "
            f"'features' and 'student'. Unknown: {unknown}; missing: {missing}. "
            f"Known: {sorted(RECIPE)}. Or pass `module_file=`."
        )
    recipe = {**RECIPE, **config}
    for key, known in (("commentary", _KINDS), ("inner_training", _INNER_TRAININGS)):
        if recipe[key] not in known:
            raise ValueError(
                f"There is no `{key}` {recipe[key]!r}. Known: {sorted(known)}"
            )
    if (recipe["commentary"] == "GroupWeighting") != bool(recipe["groups"]):
        raise ValueError(
            "`groups` names the features that a GroupWeighting gives weights to; it "
            "and no other commentary needs them. Received: commentary="
            f"{recipe['commentary']!r}, groups={recipe['groups']!r}"
        )
    if "." not in config["student"]:
        raise ValueError(
            "`student` must be the import path of a function, such as "
            f"'tfcommentaries.students.cbr'. Received: {config['student']!r}"
        )


def run_fn(fn_args):
    """Learns a commentary and exports it.

    Args:
        fn_args: `CommentaryFnArgs`, `custom_config` being a recipe.
    """
    given = {**(fn_args.custom_config or {}), **_values(fn_args.hyperparameters)}
    check_recipe(given)
    recipe = {**RECIPE, **given}
    reading = ExampleReading.from_config(recipe)
    schema = _schema(fn_args)
    train = read_split(fn_args, fn_args.train_files, reading, schema, "training")
    validation = read_split(fn_args, fn_args.eval_files, reading, schema, "validation")
    seed = recipe["seed"]
    keras.utils.set_random_seed(seed)
    batch_size, validation_batch_size = (
        recipe[key] for key in ("batch_size", "validation_batch_size")
    )
    student = make_student(recipe, train)
    config = dict(recipe["commentary_config"])
    if reading.groups:
        features = _features(fn_args, fn_args.train_files, schema)
        config["groups"] = find_groups(features, reading)
    commentary = getattr(commentaries, recipe["commentary"])(**config)
    if fn_args.base_commentary is not None:
        commentary.teach(*next(iter(train.batch(2))), progress=0.0)
        load_weights(commentary, fn_args.base_commentary)
    learner = tfcommentaries.CommentaryLearner(
        commentary,
        student,
        getattr(tfcommentaries, recipe["inner_training"])(),
        seed=seed,
        **recipe["learner_config"],
    )
    rate = recipe["learning_rate"]
    learner.compile(rate and keras.optimizers.Adam(rate), metrics=["accuracy"])
    steps = fn_args.train_steps or 100
    per_epoch = min(10, steps)
    epochs = max(1, round(steps / per_epoch))
    examples = Examples(*next(train.batch(512).as_numpy_iterator()))
    history = learner.fit(
        _batched(train, batch_size, seed),
        _batched(validation, validation_batch_size, seed + 1),
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
        },
        metrics=metrics,
        reading=reading,
    )
    done = range(1, len(history["loss"]) + 1)
    history = {**history, "outer_step": [per_epoch * n for n in done]}
    write_pictures(fn_args.pictures_dir, fn_args.commentary_dir, history, examples)


def read_split(fn_args, files, reading, schema, name):
    """Makes a data set of single examples `(x, y)`.

    Args:
        fn_args: `FnArgs`, whose data accessor reads.
        files: patterns.
        reading: `ExampleReading`.
        schema: of the examples.
        name: what to call the split in errors.

    Returns:
        A `tf.data.Dataset`, in the order of the files.

    Raises:
        ValueError: if there is no example or they do not fit, by what the first
            tells.
    """
    known = {feature.name for feature in schema.feature}
    wanted = {*reading.features, *reading.groups, reading.label} - {None}
    missing = wanted - known
    if missing:
        raise ValueError(
            f"The examples have no feature {sorted(missing)}; their schema has "
            f"{sorted(known)}. Name the right `features`, `label` and `groups`."
        )
    dataset = _features(fn_args, files, schema).map(reading.read)
    try:
        first = next(iter(dataset.take(1)), None)
    except tf.errors.OpError as error:
        raise ValueError(
            f"The {name} examples in {files} cannot be read as {reading.get_config()}: "
            f"{error.message}"
        ) from error
    if first is None:
        raise ValueError(
            f"The {name} split is empty: there is no example in {files}. Name another "
            "split in `train_args` or `eval_args`, or fill it."
        )

    def shaped(x, y):
        # What is read may have any size as far as a graph can tell.
        return tf.nest.map_structure(
            lambda one, seen: tf.ensure_shape(one, [None, *seen.shape[1:]]), x, first[0]
        ), y

    return dataset.map(shaped).unbatch()


def find_groups(features, reading):
    """The groups of each column, and how many examples they have.

    Args:
        features: batches of features, of which nothing but the groups is read: images
            are not decoded.
        reading: `ExampleReading`.

    Returns:
        A dict from columns to `GroupNames`, without what stands for none.
    """
    found = {name: collections.Counter() for name in reading.groups}
    for batch in features.map(reading.read_groups).as_numpy_iterator():
        for name, column in batch.items():
            found[name].update(as_names(column, name).tolist())
    for counter in found.values():
        for none in NO_GROUP:
            counter.pop(none, None)
    return {
        name: commentaries.GroupNames(*zip(*sorted(counter.items())))
        for name, counter in found.items()
    }


def _features(fn_args, files, schema):
    """Batches of the features of examples, in the order of the files."""
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=256, shuffle=False, num_epochs=1
    )
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema)


def make_student(recipe, data):
    """A compiled student for the recipe."""
    path, name = recipe["student"].rsplit(".", 1)
    try:
        function = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"The student {recipe['student']!r} cannot be imported: {error}"
        ) from error
    config = dict(recipe["student_config"])
    x_spec = data.element_spec[0]
    x_spec = x_spec["x"] if isinstance(x_spec, dict) else x_spec
    config.setdefault("input_shape", tuple(x_spec.shape))
    takes = inspect.signature(function).parameters
    if recipe["num_classes"] is not None and "num_classes" in takes:
        config.setdefault("num_classes", recipe["num_classes"])
    model = function(**config)
    if not getattr(model, "compiled", False):
        model.compile(
            keras.optimizers.Adam(recipe["student_learning_rate"]),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    return model


def _batched(dataset, batch_size, seed):
    dataset = dataset.shuffle(20_000, seed=seed).repeat()
    return dataset.batch(batch_size, drop_remainder=True)


def _schema(fn_args):
    if fn_args.transform_graph_path is not None:
        return tft.TFTransformOutput(
            fn_args.transform_graph_path
        ).transformed_metadata.schema
    schema = schema_pb2.Schema()
    return io_utils.parse_pbtxt_file(fn_args.schema_path, schema)


def _values(hyperparameters):
    """Values of what Tuner found."""
    if not hyperparameters:
        return {}
    return hyperparameters.get("values", hyperparameters)
