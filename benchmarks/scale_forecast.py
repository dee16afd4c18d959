"""Learning from very many sources: a forecast by a formula, and a run of a part of it.

    python -m benchmarks.scale --only=forecast

Students read examples that a generator makes as they are asked for, so none is stored.
CPU seconds of an outer step are taken from short runs with few sources and with three
times as many, and the formula of `docs/scale.md` foretells a long run. Then it is made.
"""

import statistics
import time

from benchmarks.harness import forget_peak, megabytes

#: Student steps of an outer step, and examples of each.
STEPS, BATCH = 20, 500
SIZE = 30
#: How often a short fit and one of three times as many steps are compared.
PAIRS = 5


def stream(sources, seed=0):
    """Endless batches `(x, y)`; a third of the sources have random labels."""
    import numpy as np
    import tensorflow as tf

    center = np.random.default_rng(0).normal(size=(3, SIZE)).astype("float32")

    def example(number):
        keys = tf.stack([tf.cast(number, tf.int64), tf.constant(seed, tf.int64)])
        source = tf.random.stateless_uniform([BATCH], keys, 0, sources, tf.int32)
        label = tf.random.stateless_uniform([BATCH], keys + 1, 0, 3, tf.int32)
        x = tf.gather(center, label)
        x += tf.random.stateless_normal([BATCH, SIZE], keys + 2)
        wrong = tf.random.stateless_uniform([BATCH], keys + 3, 0, 3, tf.int32)
        y = tf.where(source % 3 == 0, wrong, label)
        return {"x": x, "group_index": source + 1}, y

    return tf.data.Dataset.counter().map(example, tf.data.AUTOTUNE)


def made(sources):
    """A learner of weights for so many sources."""
    import numpy as np

    from benchmarks.small_student import small_student
    from tfcommentaries import CommentaryLearner, GroupWeighting

    weighting = GroupWeighting(np.arange(sources))
    learner = CommentaryLearner(
        weighting,
        small_student((SIZE,)),
        inner_steps=STEPS,
        start_from_checked=False,
    )
    learner.compile()
    return learner


def seconds(learner, sources, steps):
    """CPU seconds of a `fit` of so many outer steps, and seconds."""
    checked = stream(sources, 1).map(lambda x, y: (x["x"], y)).take(1)
    begin = time.process_time(), time.perf_counter()
    learner.fit(stream(sources), checked, steps_per_epoch=steps, verbose=0)
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


def of_a_step(several, short):
    """CPU seconds of an outer step by the number of sources, a list.

    Each is the median of differences of two short fits, made in turn for all numbers.
    """
    learners = [made(sources) for sources in several]
    for learner, sources in zip(learners, several):
        # Traces, which a longer fit does not do again.
        seconds(learner, sources, 1)
    found = [[] for _ in several]
    for _ in range(PAIRS):
        for learner, sources, ones in zip(learners, several, found):
            one, three = (seconds(learner, sources, n)[0] for n in (short, 3 * short))
            ones.append((three - one) / (2 * short))
    return [statistics.median(ones) for ones in found]


def measure(examples, sources, short):
    """Foretells and makes a run over so many examples; gives a dict.

    The forecast is `steps * (c + d * sources)`; c and d come from runs with 10 sources
    and with three times as many, since few fit into caches and cost nothing. What is
    found is the median of three runs.
    """
    steps = examples // (STEPS * BATCH)
    few, most = of_a_step([10, 3 * sources], short)
    foretold = steps * (few + (most - few) * (sources - 10) / (3 * sources - 10))
    learner = made(sources)
    before = megabytes("VmRSS")
    forget_peak()
    seconds(learner, sources, 1)
    found, wall = sorted(seconds(learner, sources, steps) for _ in range(3))[1]
    table = learner.commentary.table()
    good = [row["weight"] for row in table if row["group"] % 3 and row.get("seen")]
    bad = [row["weight"] for row in table if not row["group"] % 3 and row.get("seen")]
    return {
        "examples": examples,
        "sources": sources,
        "outer_steps": steps,
        "of_a_step_ms": [round(1000 * one, 1) for one in (few, most, found / steps)],
        "foretold_cpu_s": round(foretold, 1),
        "cpu_s": round(found, 1),
        "s": round(wall, 1),
        "ratio": round(found / foretold, 2),
        "mb": round(megabytes("VmHWM") - before),
        "seen": len(good) + len(bad),
        "mean_weight_good_and_bad": [
            round(sum(some) / len(some), 3) for some in (good, bad)
        ],
    }
