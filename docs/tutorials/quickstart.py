"""Quick start, cell by cell: VS Code, Spyder and Jupytext open it as a notebook.

Half a minute on two CPU cores: `python docs/tutorials/quickstart.py`.
"""

# %% Data: digits from ten sources, seven of them bad; 50 checked examples.
import keras

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    GroupWeighting,
    datasets,
    students,
)

digits = datasets.load_digits(validation_size=50)
(x, y), source, faults = datasets.spoil_sources(digits.train, num_classes=10)


# %% A student: your own compiled Keras model.
def make_model():
    """A small convolutional network."""
    model = students.cbr((8, 8, 1), num_classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


# %% Learn which sources to trust.
weighting = GroupWeighting(source)
x_grouped = weighting.add_groups(x, source)
learner = CommentaryLearner(weighting, make_model(), inner_steps=50)
learner.fit((x_grouped, y), validation_data=digits.validation)
print(weighting.table())
print("What is wrong with each:", faults)

# %% Train a new student with it and one without.
for name, inputs, callbacks in (
    ("with the commentary", x_grouped, [CommentaryCallback(weighting)]),
    ("without", x, []),
):
    model = make_model()
    model.fit(inputs, y, epochs=8, callbacks=callbacks, verbose=0)
    print(f"{name}: test accuracy {model.evaluate(*digits.test, verbose=0)[1]:.3f}")
