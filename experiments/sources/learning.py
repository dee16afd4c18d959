"""Learning weights of sources, through whole trainings and inside one `fit`."""

import time

import keras

from experiments import protocol
from experiments.sources.problems import BATCH
from tfcommentaries import CommentaryLearner, GroupWeighting, LearnCommentaryCallback


def learn(setting, data, seed):
    """A group weighting, learned through whole trainings: 40 steps from equal weights.

    As it was when most settings were measured.
    """
    return _learn(setting, data, seed, 4, start_from_checked=False)


def learn_from_start(setting, data, seed, **options):
    """A group weighting, learned with the defaults of now, or other options."""
    return _learn(setting, data, seed, 1, **options)


def _learn(setting, data, seed, epochs, **options):
    weighting = GroupWeighting(data.source)
    learner = CommentaryLearner(
        weighting,
        setting.problem.make_student(data.train.x.shape[1:]),
        inner_steps=protocol.fewer(setting.problem.inner_steps, 5),
        seed=seed,
        **options,
    )
    learner.compile()
    learner.fit(
        data.train._replace(x=weighting.add_groups(data.train.x, data.source)),
        data.checked,
        batch_size=BATCH,
        epochs=protocol.fewer(epochs, 1),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=0,
    )
    return weighting


def learn_inside_fit(setting, data, seed, inner_training=None):
    """A group weighting and the model that was taught with it at the same time."""
    keras.utils.set_random_seed(seed)
    model = setting.problem.make_student(data.train.x.shape[1:])
    weighting = GroupWeighting(data.source)
    callback = LearnCommentaryCallback(weighting, data.checked, inner_training)
    fit_inside(setting, model, weighting, data, [callback])
    return weighting, model


def fit_inside(setting, model, weighting, data, callbacks):
    """One `fit` of all epochs; gives its seconds."""
    x = weighting.add_groups(data.train.x, data.source) if callbacks else data.train.x
    began = time.monotonic()
    model.fit(
        x,
        data.train.y,
        batch_size=BATCH,
        epochs=protocol.fewer(setting.problem.epochs, 1),
        callbacks=callbacks,
        verbose=0,
    )
    return time.monotonic() - began
