"""A commentary of every public kind, made by what its class says that it needs."""

import inspect

import keras
import numpy as np
from models import make_student

import tfcommentaries
from tfcommentaries import Commentary, SavedCommentary

BATCH, CLASSES = 12, 3
SITES = np.array(["Rome", "Bern", "Oslo"] * (BATCH // 3))
KINDS = {
    name: kind
    for name in tfcommentaries.__all__
    if inspect.isclass(kind := getattr(tfcommentaries, name))
    and issubclass(kind, Commentary)
    and kind not in (Commentary, SavedCommentary)
}


def make(name, **options):
    """A commentary of this kind for `batch`, which sees labels if it can."""
    kind = KINDS[name]
    if kind.composed:
        curriculum = make("ExampleWeighting", curriculum=True, **options)
        return kind([curriculum, make("LabelBlending", **options)], **options)
    takes, config = inspect.signature(kind).parameters, {}
    if "groups" in kind.needs:
        config["groups"] = SITES
    if "num_classes" in takes:
        config["num_classes"] = CLASSES
    if "num_targets" in takes:
        config["num_targets"] = 2
    return kind(**{**config, **options})


def random(commentary, scale=0.5):
    """The commentary with random weights, once it has been called."""
    generator = np.random.default_rng(0)
    for variable in commentary.trainable_variables:
        variable.assign(scale * generator.normal(size=variable.shape))
    return commentary


def shape_of(commentary):
    """Shape of the inputs that a student gets: of vectors, if the kind takes these."""
    if "images" in commentary.needs:
        return (8, 8, 1)
    return (4, 2) if "elements" in commentary.needs else (5,)


def batch(commentary, dtype="float32"):
    """`(x, y)` of `BATCH` examples in three classes, with groups if it needs them."""
    generator = np.random.default_rng(0)
    x = generator.random(size=(BATCH, *shape_of(commentary))).astype(dtype)
    y = np.arange(BATCH) % CLASSES
    if "elements" in commentary.needs:
        y = np.stack([np.roll(y, shift) for shift in range(4)], -1)
    return commentary.add_groups(x, SITES) if "groups" in commentary.needs else x, y


def losses(dtype="float32"):
    """Losses of a student."""
    return np.linspace(0, 3, BATCH).astype(dtype)


def annotate(commentary):
    """The annotation of `batch`, or of `losses`."""
    if commentary.uses_student_loss:
        return np.asarray(commentary(losses()))
    x, y = batch(commentary)
    y = y if commentary.uses_labels else None
    progress = 0.3 if commentary.uses_progress else None
    return np.asarray(commentary(x, y=y, progress=progress))


def built(name):
    """`make`, called, with random weights."""
    commentary = make(name)
    annotate(commentary)
    return random(commentary)


def student(commentary, **options):
    """A compiled student for a commentary."""
    sparse = not commentary.gives_distributions
    kind = "SparseCategoricalCrossentropy" if sparse else "CategoricalCrossentropy"
    loss = getattr(keras.losses, kind)(from_logits=True)
    model = make_student(shape_of(commentary), CLASSES)
    if "elements" in commentary.needs:
        layer = keras.layers.Dense(CLASSES)
        model = keras.Sequential([keras.Input(shape_of(commentary)), layer])
    model, loss = commentary.complete_student(model, loss)
    model.compile(**{"optimizer": keras.optimizers.SGD(0.3), "loss": loss, **options})
    return model
