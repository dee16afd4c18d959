"""What holds for every public kind of commentary; a new one gets it by its export."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import BATCH, KINDS, annotate, batch, built, losses, make, random, student

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    export_commentary,
    teach,
)
from tfcommentaries.learning.outer_step import OuterStep
from tfcommentaries.students import FunctionalStudent

HERE = pathlib.Path(__file__).parent
OF_DATA = [name for name, kind in KINDS.items() if not kind.uses_student_loss]
ELSEWHERE = """
import sys
import numpy as np
from kinds import KINDS, annotate, batch
from tfcommentaries import SavedCommentary
for name in KINDS:
    saved = SavedCommentary(f"{sys.argv[1]}/{name}")
    np.save(f"{sys.argv[1]}/{name}.npy", annotate(saved))
"""


def every_kind(test):
    return pytest.mark.parametrize("name", list(KINDS))(test)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A directory with an export of each kind, and what another process reads there."""
    directory = tmp_path_factory.mktemp("exported")
    for name in KINDS:
        export_commentary(built(name), directory / name)
    path = os.pathsep.join([str(HERE), *sys.path])
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, directory],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=300,
    )
    return directory


@every_kind
def test_says_what_it_is(name):
    kind = KINDS[name]
    assert kind.description != "a commentary" and kind.kind != "commentary"
    assert kind.kind == re.sub("(?<=.)([A-Z])", r"_\1", name).lower()


@every_kind
def test_a_config_makes_the_same(name):
    commentary = built(name)
    config = commentary.get_config()
    copy = type(commentary).from_config(config)
    annotate(copy)
    copy.set_weights(commentary.get_weights())
    np.testing.assert_array_equal(annotate(copy), annotate(commentary))
    assert copy.get_config() == config


@every_kind
def test_another_process_reads_what_was_exported(name, exported):
    found = np.load(exported / f"{name}.npy")
    np.testing.assert_allclose(found, annotate(built(name)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OF_DATA)
def test_teaches_alike_in_fit_in_a_pipeline_and_when_exported(name, exported):
    commentary = built(name)
    x, y = batch(commentary)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH // 2)
    models = [student(commentary) for _ in range(3)]
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
    models[0].fit(data, callbacks=[CommentaryCallback(commentary)], verbose=0)
    for model, taught in zip(models[1:], (commentary, str(exported / name))):
        model.fit(teach(data, taught), verbose=0)
        for a, b in zip(model.get_weights(), models[0].get_weights()):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@every_kind
def test_its_hypergradient_agrees_with_differences(name, float64):
    commentary = make(name, dtype="float64")
    x, y = batch(commentary, "float64")
    if commentary.uses_student_loss:
        commentary(losses("float64"))
        taught = x, y
    else:
        taught = commentary.teach(x, y, progress=0.0)[:2]
    random(commentary)
    model = student(commentary)
    functional = FunctionalStudent(model)
    functional.build(*taught)
    layer = UnrolledTraining().bind(commentary, functional)

    def outer_loss(x, y, outputs, sample_weight):
        return tf.reduce_mean(model.compute_loss(x, y, outputs))

    step = OuterStep(layer, outer_loss, "end", "training", False)
    state = layer.problem.initial_state(functional.weights)
    steps = tf.nest.map_structure(lambda t: tf.stack([t, t]), (x, y))

    @tf.function(autograph=False)
    def compute():
        return step(state, steps, (x, y), tf.constant([0.0, 0.5]), 0)[:2]

    generator = np.random.default_rng(1)
    _, hypergradient = compute()
    total = {sign: 0.0 for sign in (1, -1)}
    directions = [generator.normal(size=v.shape) for v in hypergradient]
    norm = np.sqrt(sum((d**2).sum() for d in directions))
    directions = [d / norm for d in directions]
    values = [v.numpy() for v in commentary.trainable_variables]
    for sign in total:
        for variable, value, direction in zip(
            commentary.trainable_variables, values, directions
        ):
            variable.assign(value + sign * 1e-6 * direction)
        total[sign] = float(compute()[0])
    found = sum(float(tf.reduce_sum(g * d)) for g, d in zip(hypergradient, directions))
    expected = (total[1] - total[-1]) / 2e-6
    assert found != 0 and found == pytest.approx(expected, rel=1e-4, abs=1e-8)


@every_kind
def test_is_learned_by_implicit_training_and_inside_fit(name):
    def learned(learn):
        commentary = built(name)
        before = [v.numpy() for v in commentary.trainable_variables]
        learn(commentary, *batch(commentary))
        after = [v.numpy() for v in commentary.trainable_variables]
        return all(np.isfinite(a).all() for a in after) and any(
            not np.array_equal(a, b) for a, b in zip(after, before)
        )

    def implicit(commentary, x, y):
        learner = CommentaryLearner(
            commentary,
            student(commentary),
            ImplicitTraining(),
            inner_steps=2,
            student_initialization="continue",
        )
        learner.compile(keras.optimizers.SGD(10.0))
        learner.fit((x, y), (x, y), batch_size=6, steps_per_epoch=2, verbose=0)

    def inside(commentary, x, y):
        several = commentary.main_output is not None
        callback = LearnCommentaryCallback(
            commentary,
            (x, y),
            optimizer=keras.optimizers.SGD(10.0),
            warmup=0,
            loss=main_loss(commentary) if several else None,
        )
        student(commentary).fit(x, y, 6, callbacks=[callback], verbose=0)

    assert learned(implicit) and learned(inside)


def main_loss(commentary):
    """The loss of the output that is used after training."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    main = commentary.main_output
    return lambda y, outputs: loss(y[main], outputs[main])


@every_kind
def test_inputs_of_another_shape_are_refused(name):
    commentary = built(name)
    if commentary.uses_student_loss:
        with pytest.raises(TypeError, match=name):
            commentary.teach(*batch(commentary))
        return
    _, y = batch(commentary)
    wrong = np.zeros((BATCH, 7, 7, 7), "float32")  # Of groups it lacks all.
    with pytest.raises(ValueError, match="(?i)input"):
        commentary.teach(wrong, y, progress=0.0)


@pytest.mark.parametrize(
    "name", [n for n, k in KINDS.items() if not k.composed and "classes" in k.needs]
)
def test_labels_out_of_range_are_refused(name):
    x, y = batch(make(name))
    with pytest.raises(ValueError, match=f"{name} was built for 3 classes"):
        make(name).check_batch(x, y + 1)
