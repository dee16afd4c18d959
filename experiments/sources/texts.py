"""Lines of the documentation of three libraries, and a student for them."""

import inspect

import keras
import numpy as np
import pandas as pd

from tfcommentaries import datasets

#: Lines of each library.
LINES = 1200
WORDS, LENGTH, WIDTH = 5000, 20, 32


def lines(*sources):
    """What the documentation of the members of some modules and classes says."""
    found = set()
    for _, member in (one for s in sources for one in inspect.getmembers(s)):
        for line in map(str.strip, (inspect.getdoc(member) or "").splitlines()):
            if len(line.split()) >= 6 and line[0].isalpha():
                found.add(line)
    return sorted(found)


def load_lines(checked, test, seed):
    """`datasets.Splits` of lines as integers; which library is each from?

    Args:
        checked: number of validation examples.
        test: number of test examples; the rest is for training.
        seed: of the choice and the order.
    """
    libraries = (
        lines(np, np.ndarray, np.linalg, np.random),
        lines(pd, pd.DataFrame, pd.Series),
        lines(keras.ops, keras.layers, keras.losses, keras.metrics),
    )
    generator = np.random.default_rng(seed)
    texts = [generator.choice(some, LINES, replace=False) for some in libraries]
    order = generator.permutation(len(libraries) * LINES)
    texts = np.concatenate(texts)[order]
    labels = np.repeat(np.arange(len(libraries)), LINES)[order]
    ends = len(order) - checked - test, len(order) - test
    vectorize = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    vectorize.adapt(texts[: ends[0]])
    parts = zip(np.split(vectorize(texts).numpy(), ends), np.split(labels, ends))
    parts = (datasets.Examples(*part) for part in parts)
    return datasets.Splits(*parts, len(libraries), "text")


def bag_of_words(shape, num_classes):
    """A mean of embeddings and a dense layer."""
    layers = keras.layers
    embedding = layers.Embedding(WORDS, WIDTH)
    network = [embedding, layers.GlobalAveragePooling1D(), layers.Dense(num_classes)]
    return keras.Sequential([keras.Input(shape, dtype="int32"), *network])
