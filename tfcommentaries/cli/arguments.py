"""Command-line arguments that several commands share. Imports no TensorFlow."""

import argparse
import json

STUDENTS = ("mlp", "cbr", "resnet18", "resnet34", "few_shot_net")


def positive(text):
    """Parses a whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def rate(text):
    """Parses a number above 0, for argparse."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return number


def json_object(text):
    """Parses a JSON object, for argparse."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"must be a JSON object, not {text:.80}")
    return value


def add_run_dir(parser):
    """Adds `--run_dir`, which every command on a run needs."""
    parser.add_argument("--run_dir", required=True, help="folder of the run")


def add_data_dir(parser):
    """Adds `--data_dir`, where TFDS keeps its data sets."""
    parser.add_argument(
        "--data_dir", help="TFDS data directory. Default: TFDS's own default"
    )


def add_task_arguments(parser):
    """Adds the arguments that make a `Task`."""
    group = parser.add_argument_group("data and student")
    group.add_argument(
        "--dataset",
        default="digits",
        help="a file of yours: .npz with arrays x and y, or a table with a column "
        "'label' (.csv, .parquet, .tfrecord of tf.Examples, or a folder that Hugging "
        "Face's save_to_disk wrote), or a folder with a folder of images for each "
        "class; or "
        "'digits' (scikit-learn's, no download); or the name of a data set of TFDS, "
        "such as mnist. Default: digits",
    )
    group.add_argument(
        "--label_column",
        help="column of a file, or feature of a TFDS data set, with the labels. "
        "Default: y or label",
    )
    group.add_argument(
        "--true_label_column",
        help="of a TFDS data set: the feature with the right labels, which validation "
        "and test examples get, where --label_column has mistakes",
    )
    group.add_argument(
        "--labels",
        choices=("classes", "numbers"),
        help="whether labels are classes, or numbers to predict. Default: "
        "numbers if they have decimals, else classes",
    )
    group.add_argument(
        "--group_column",
        help="column or feature with the source of each example, such as its "
        "annotator; learns one weight for each source",
    )
    group.add_argument(
        "--checked_column",
        help="column of a file: 1 or true for examples that you have checked; they "
        "become the validation examples",
    )
    group.add_argument(
        "--validation_data",
        help="a file or folder like --dataset, with checked examples only",
    )
    group.add_argument(
        "--test_data",
        help="a file or folder like --dataset, which `evaluate` tests on",
    )
    group.add_argument(
        "--image_column",
        help="of a table: paths of images, or images; they are all that a student "
        "sees. Of a TFDS data set: the feature that holds them. Default: image",
    )
    group.add_argument(
        "--image_size",
        type=positive,
        default=32,
        help="height and width that images of a folder or a column get. Default: 32",
    )
    group.add_argument(
        "--spoiled_sources",
        action="store_true",
        help="deal the training examples out to ten sources, seven of them bad, and "
        "learn one weight for each",
    )
    add_data_dir(group)
    group.add_argument(
        "--train_size",
        type=positive,
        help="number of training examples. Default: all that remain",
    )
    group.add_argument(
        "--validation_size",
        type=int,
        default=300,
        help="examples kept for the outer loss; their labels stay right. Default: 300",
    )
    group.add_argument(
        "--test_size", type=positive, help="test examples. Default: all (digits: 497)"
    )
    group.add_argument(
        "--label_noise",
        type=float,
        default=0.0,
        help="fraction of the training labels to spoil, 0 to 1. Default: 0",
    )
    group.add_argument(
        "--label_noise_kind",
        choices=("random", "pair"),
        default="random",
        help="'random' labels, or 'pair': each class is mistaken for the next one. "
        "Default: random",
    )
    add_student_arguments(group)
    group.add_argument(
        "--seed", type=int, default=0, help="seed of splits, noise and learning"
    )


def add_student_arguments(parser, default="cbr for images, else mlp"):
    """Adds the arguments that say how a student trains."""
    parser.add_argument(
        "--student",
        help=f"one of {', '.join(STUDENTS)}, or 'module:function' of a function "
        "(input_shape, num_classes) that makes a Keras model with logits or "
        "probabilities, or a .keras file of such a model, from which new ones are "
        "made; to predict numbers, a model with one output. "
        f"Default: {default or 'the one of the run; a function must be named again'}",
    )
    parser.add_argument(
        "--learning_rate",
        type=rate,
        default=default and 3e-3,
        help="learning rate of the student's Adam. "
        f"Default: {0.003 if default else 'the one of the run'}",
    )
    parser.add_argument(
        "--batch_size",
        type=positive,
        default=default and 32,
        help="batch size of the student. "
        f"Default: {32 if default else 'the one of the run'}",
    )


def overrides(args):
    """The student arguments that were given, as a dict."""
    names = ("student", "learning_rate", "batch_size")
    return {n: getattr(args, n) for n in names if getattr(args, n) is not None}
