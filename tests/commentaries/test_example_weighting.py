"""Example weightings: what the teacher sees, and what teaching does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import ExampleWeighting, teachers


class SumTeacher(keras.layers.Layer):
    """Shows what the teacher got: the sum over all but the batch axis."""

    def call(self, x):
        parts = tf.nest.flatten(x)
        return sum(tf.reduce_sum(tf.reshape(p, [p.shape[0], -1]), -1) for p in parts)


def logit(weights):
    return np.log(weights / (1 - weights))


def test_progress_and_label_are_extra_channels_of_an_image():
    weighting = ExampleWeighting(SumTeacher(), curriculum=True, num_classes=4)
    x = np.zeros((2, 3, 3, 1), "float32")
    weights = weighting(x, y=np.array([0, 3]), progress=0.1)
    # 9 pixels of progress 0.1, and 9 of the one in the one-hot label.
    np.testing.assert_allclose(logit(weights.numpy()), [9.9, 9.9], rtol=1e-3)


def test_progress_may_differ_per_example():
    weighting = ExampleWeighting(SumTeacher(), curriculum=True)
    weights = weighting(np.zeros((2, 3), "float32"), progress=np.array([0.0, 1.0]))
    np.testing.assert_allclose(logit(weights.numpy()), [0, 1], atol=1e-5)


def test_one_hot_labels_are_the_same_as_integers():
    weighting = ExampleWeighting(num_classes=3)
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    weighting(x, y=np.array([0, 1, 2]))
    for variable in weighting.trainable_variables:
        variable.assign(tf.random.normal(variable.shape))
    expected = weighting(x, y=np.array([0, 1, 2]))
    for y in (np.eye(3, dtype="float32"), np.array([[0], [1], [2]]), [0, 1, 2]):
        np.testing.assert_allclose(weighting(x, y=y), expected, rtol=1e-6)


def test_may_be_a_layer_of_a_functional_model(tmp_path):
    weighting = ExampleWeighting()
    inputs = keras.Input((4,))
    model = keras.Model(inputs, weighting(inputs))
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(model(x, training=True), weighting(x))
    model.save(tmp_path / "it.keras")
    loaded = keras.models.load_model(tmp_path / "it.keras")
    np.testing.assert_allclose(loaded(x), weighting(x))


def test_a_dict_teacher_gets_named_entries():
    seen = {}

    class Teacher(keras.layers.Layer):
        def call(self, inputs):
            seen.update({k: tuple(v.shape) for k, v in inputs.items()})
            return inputs["progress"]

    x = np.zeros((2, 6), "float32")
    weighting = ExampleWeighting(
        Teacher(), curriculum=True, num_classes=3, conditioning="dict"
    )
    weighting(x, y=np.array([1, 2]), progress=0.5)
    assert seen == {"x": (2, 6), "progress": (2, 1), "label": (2, 3)}


def test_inputs_that_are_a_dict_keep_their_names():
    seen = {}

    class Teacher(keras.layers.Layer):
        def call(self, inputs):
            seen.update(inputs)
            return inputs["progress"]

    weighting = ExampleWeighting(Teacher(), curriculum=True)
    weighting({"age": np.ones((2, 1), "float32")}, progress=0.5)
    assert set(seen) == {"age", "progress"}


def test_default_teachers_fit_images_and_vectors():
    for x in (np.zeros((2, 28, 28, 1), "float32"), np.zeros((2, 5), "float32")):
        weights = ExampleWeighting(num_classes=3)(x, y=np.array([0, 1]))
        # Learning starts from equal weights.
        np.testing.assert_allclose(weights, [0.5, 0.5])


@pytest.mark.parametrize("given", [None, np.array([1.0, 2.0, 3.0])])
def test_teaching_divides_by_the_batch_mean_and_multiplies_given_weights(given):
    weighting = ExampleWeighting(SumTeacher())
    x = np.array([[-1.0], [0.0], [1.0]], "float32")
    y = np.array([0, 1, 2])
    new_x, new_y, weights = weighting.teach(x, y, given)
    annotation = 1 / (1 + np.exp(-x[:, 0]))
    expected = annotation / annotation.mean() * (1 if given is None else given)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert new_x is x
    assert new_y is y


def test_the_papers_plain_form():
    weighting = ExampleWeighting(SumTeacher(), normalize=None)
    _, _, weights = weighting.teach(np.array([[0.0], [1.0]], "float32"), None)
    np.testing.assert_allclose(weights, [0.5, 0.7310586], rtol=1e-6)


def table():
    return ExampleWeighting(teachers.Table(4), teacher_key="id", student_key="image")


def test_a_table_weights_examples_by_id():
    weighting = table()
    x = {"id": np.array([3, 1]), "image": np.zeros((2, 5), "float32")}
    weighting(x)
    weighting.teacher.logits.assign([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(logit(weighting(x).numpy()), [3, 1], rtol=1e-5)
    taught, _, _ = weighting.teach(x, None)
    assert taught is x["image"]


def test_an_id_outside_the_table_is_named():
    x = {"id": np.array([4]), "image": np.zeros((1, 5), "float32")}
    with pytest.raises(tf.errors.InvalidArgumentError, match="holds 4 examples"):
        table()(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExampleWeighting(num_classes=3, curriculum=True, normalize=None),
        lambda: ExampleWeighting(teachers.mlp((9,)), curriculum=True, num_classes=3),
    ],
)
def test_survives_the_keras_format(make, tmp_path):
    weighting = make()
    x, y = keras.Input((5,)), keras.Input((), dtype="int32")
    progress = keras.Input(())
    model = keras.Model([x, y, progress], weighting(x, y=y, progress=progress))
    for variable in weighting.trainable_variables:
        variable.assign(tf.random.normal(variable.shape))
    model.save(tmp_path / "it.keras")
    loaded = keras.models.load_model(tmp_path / "it.keras")
    data = [np.ones((2, 5), "float32"), np.array([0, 2]), np.array([0.0, 1.0])]
    np.testing.assert_allclose(loaded(data), model(data), rtol=1e-6)
    found, expected = loaded.layers[-1].get_config(), weighting.get_config()
    assert (found.pop("teacher") is None) == (expected.pop("teacher") is None)
    assert found == expected


def test_stays_in_float32_under_mixed_precision(mixed_float16):
    x = tf.zeros((2, 8, 8, 1), tf.float16)
    weighting = ExampleWeighting(curriculum=True)
    assert weighting(x, progress=0.5).dtype == tf.float32
    assert {v.dtype for v in weighting.variables} == {"float32"}
    assert teachers.Table(2)(tf.range(2)).dtype == tf.float32
    half = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    weighting = ExampleWeighting(half)
    assert weighting(x).dtype == tf.float32
    assert half.compute_dtype == "float16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conditioning": "film"}, "'channels' or 'dict'.*'film'"),
        ({"normalize": "sum"}, "'batch_mean' or None.*'sum'"),
        ({"num_classes": 1}, "at least 2.*num_classes=1"),
    ],
)
def test_refuses_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ExampleWeighting(**arguments)


def test_missing_progress_and_labels_are_named(vectors):
    x, _ = vectors
    with pytest.raises(ValueError, match=r"is a curriculum.*Pass `progress`"):
        ExampleWeighting(curriculum=True)(x)
    with pytest.raises(ValueError, match=r"sees the label.*Pass `y`"):
        ExampleWeighting(num_classes=3)(x)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (12, "built for 3 classes but got label 12. Pass num_classes=13"),
        (-1, "built for 3 classes but got label -1"),
    ],
)
def test_a_label_out_of_range_is_named(vectors, label, message):
    x, y = vectors
    wrong = np.where(np.arange(12) == 5, label, y)
    with pytest.raises(ValueError, match=message):
        ExampleWeighting(num_classes=3).check_batch(x, wrong)
    with pytest.raises(tf.errors.InvalidArgumentError, match="built for 3 classes"):
        ExampleWeighting(num_classes=3)(x, y=wrong)


def test_labels_of_several_outputs_are_named(vectors):
    x, y = vectors
    labels = {"digit": y, "size": y}
    weighting = ExampleWeighting(num_classes=3)
    with pytest.raises(ValueError, match=r"outputs: \['digit', 'size'\].*num_classes"):
        weighting.check_batch(x, labels)
    with pytest.raises(ValueError, match="several outputs"):
        weighting.teach(x, labels)


def test_several_inputs_are_named(vectors):
    x, y = vectors
    with pytest.raises(ValueError, match="default teacher only for a tensor"):
        ExampleWeighting()((x, x))
    with pytest.raises(ValueError, match="one tensor.*x holds 2"):
        ExampleWeighting(keras.layers.Dense(1), num_classes=3)((x, x), y)


def test_labels_of_another_shape_are_named(vectors):
    x, _ = vectors
    with pytest.raises(ValueError, match=r"one-hot labels \(batch, 3\).*\(12, 7\)"):
        ExampleWeighting(num_classes=3).check_batch(x, np.zeros((12, 7)))


def test_inputs_of_another_shape_are_named(vectors):
    weighting = ExampleWeighting()
    weighting(vectors[0])
    with pytest.raises(ValueError, match=r"\(None, 5\).*got.*\(None, 4\)"):
        weighting(vectors[0][:, :4])


def test_a_missing_entry_is_named():
    with pytest.raises(ValueError, match=r"entry 'id'.*Received: \['image'\]"):
        table()({"image": np.zeros((2, 5))})


def test_there_is_no_default_teacher_for_a_dict():
    with pytest.raises(ValueError, match="default teacher only for a tensor"):
        ExampleWeighting()({"a": np.zeros((2, 5), "float32")})
