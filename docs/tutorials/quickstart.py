"""Quick start, cell by cell: VS Code, Spyder and Jupytext open it as a notebook.

Half a minute on two CPU cores: `python docs/tutorials/quickstart.py`.
"""

# %% Data: digits, 45 % of the training labels one too high; 50 right ones.
import keras

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    insights,
    students,
)

data = datasets.load_digits(validation_size=50)
noisy, wrong = datasets.corrupt_labels(data.train.y, 0.45, 10, seed=0, kind="pair")
train = datasets.Examples(data.train.x, noisy)


# %% A student: your own compiled Keras model.
def make_model():
    """A small convolutional network."""
    model = students.cbr((8, 8, 1), num_classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


# %% Learn which examples to trust.
learner = CommentaryLearner(
    ExampleWeighting(num_classes=10), make_model(), inner_steps=50
)
learner.compile(keras.optimizers.Adam(2e-3), metrics=["accuracy"])
learner.fit(train, validation_data=data.validation, epochs=5, verbose=2)

# %% Train a new student with it and one without.
for name, callbacks in (
    ("with the commentary", [CommentaryCallback(learner.commentary)]),
    ("without", []),
):
    model = make_model()
    model.fit(*train, epochs=10, callbacks=callbacks, verbose=0)
    print(f"{name}: test accuracy {model.evaluate(*data.test, verbose=0)[1]:.3f}")

# %% Which labels look wrong?
suspects = insights.suspected_labels(learner.commentary, train, num_classes=10)
print(f"of the 100 most suspected labels {wrong[suspects.index[:100]].sum()} are wrong")
