"""What the commands take."""

import argparse

from absl import flags

from tfcommentaries.cli import arguments

_DESCRIPTION = """\
Learn which of your training data to trust, and teach new models with that.
A table train.csv with the columns label, annotator (who labelled a row) and
checked (1 where you have checked the label yourself), and a test.csv:

  tfcommentaries learn --run_dir=runs/mine --dataset=train.csv \\
      --label_column=label --group_column=annotator \\
      --checked_column=checked --test_data=test.csv
  tfcommentaries evaluate --run_dir=runs/mine
  tfcommentaries report   runs/mine
  tfcommentaries teach    --run_dir=runs/mine --model=taught.keras

Without a file of your own, to try it: learn --run_dir=runs/try --spoiled_sources
"""


def parse(argv):
    """Parses the command line; returns an `argparse.Namespace`."""
    parser = argparse.ArgumentParser(
        prog="tfcommentaries",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_learn(commands)
    _add_evaluate(commands)
    _add_teach(commands)
    _add_report(commands)
    _add_inspect(commands)
    _add_store(commands)
    # Flags that other libraries define in this process are not ours.
    flags.FLAGS.mark_as_parsed()
    return parser.parse_args(argv[1:])


def _add_learn(commands):
    parser = commands.add_parser(
        "learn",
        help="learn how much training examples should count, or another commentary",
        description="Learns a weight for each training example, or for each source if "
        "the data have sources, or what --commentary says, and exports it to "
        "RUN_DIR/commentary as a SavedModel, with pictures beside it. To resume after "
        "an interruption, run the same command again.",
    )
    arguments.add_run_dir(parser)
    arguments.add_task_arguments(parser)
    group = parser.add_argument_group("learning")
    group.add_argument(
        "--commentary",
        metavar="KINDS",
        help="what to learn: one kind, or several separated by commas, such as "
        "soft_labels or attention_mask,label_blending; the documents list all. "
        "Default: group_weighting if the data have sources, else example_weighting",
    )
    group.add_argument(
        "--commentary_config",
        type=arguments.json_object,
        default={},
        metavar="JSON",
        help="other arguments of its class, such as '{\"num_targets\": 20}'",
    )
    group.add_argument(
        "--inner_training",
        choices=("UnrolledTraining", "ImplicitTraining"),
        default="UnrolledTraining",
        help="how to differentiate through the student's training. Default: "
        "UnrolledTraining",
    )
    group.add_argument(
        "--outer_steps",
        type=arguments.positive,
        help="most updates of the commentary. Default: 100; 10 for weights of sources, "
        "which stop when the trusted sources stay the same for 3",
    )
    group.add_argument(
        "--inner_steps",
        type=arguments.positive,
        help="training steps of the student before each update. Default: 100; 1 for "
        "loss_weighting",
    )
    group.add_argument(
        "--outer_learning_rate",
        type=arguments.rate,
        help="learning rate of the commentary's Adam. Default: 0.001; 0.2 for weights "
        "of sources, also among several kinds",
    )
    group.add_argument(
        "--steps_per_epoch",
        type=arguments.positive,
        help="updates between two checkpoints, a divisor of --outer_steps. Default: "
        "the one nearest to 10; 1 for weights of sources",
    )
    group.add_argument(
        "--truncate",
        type=arguments.positive,
        help="differentiate only through this many of the last student steps",
    )
    group.add_argument(
        "--start_from_checked",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether weights of sources start from how often their labels agree with "
        "a student of the checked examples",
    )
    group.add_argument(
        "--repeats",
        type=arguments.positive,
        help="learn weights of sources so many times more, with other students and "
        "checked examples drawn anew, to see how sure they are, such as 5",
    )
    group.add_argument(
        "--see_label",
        action=argparse.BooleanOptionalAction,
        help="whether weights of examples depend on the label, which label noise "
        "needs. Default: they do",
    )
    group.add_argument(
        "--curriculum",
        action=argparse.BooleanOptionalAction,
        help="whether weights change during training. Default: they do not",
    )
    group.add_argument(
        "--normalize",
        action=argparse.BooleanOptionalAction,
        help="whether weights are divided by their mean. Default: they are; "
        "--no-normalize is the paper's form",
    )


def _add_evaluate(commands):
    parser = commands.add_parser(
        "evaluate",
        help="measure what a commentary gains on new students",
        description="Trains new students with and without the commentary of a run, "
        "prints their test accuracy and writes RUN_DIR/metrics.json and pictures.",
    )
    arguments.add_run_dir(parser)
    arguments.add_student_arguments(parser, default=None)
    parser.add_argument(
        "--steps",
        type=arguments.positive,
        default=300,
        help="training steps of each student",
    )
    parser.add_argument(
        "--every",
        type=arguments.positive,
        help="steps between two tests. Default: 4 tests or fewer",
    )
    parser.add_argument(
        "--seeds",
        type=arguments.positive,
        default=5,
        help="students per condition. Default: 5",
    )


def _add_teach(commands):
    parser = commands.add_parser(
        "teach",
        help="train a student with a commentary",
        description="Trains one student with the commentary of a run, tests it and "
        "saves it as a Keras model.",
    )
    arguments.add_run_dir(parser)
    parser.add_argument("--model", required=True, help="file to write, .keras")
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="train on the trusted sources and the checked examples, all alike, "
        "instead of using the weights",
    )
    arguments.add_student_arguments(parser, default=None)
    parser.add_argument(
        "--epochs", type=arguments.positive, default=10, help="epochs. Default: 10"
    )
    parser.add_argument(
        "--student_seed", type=int, default=0, help="seed of the initial weights"
    )


def _add_report(commands):
    parser = commands.add_parser(
        "report",
        help="write a readable page about a commentary",
        description="Writes one HTML file: what was learned, whether it helped, which "
        "labels it suspects, how to use it. It needs no network.",
    )
    parser.add_argument("path", help="folder of a run, or directory of a SavedModel")
    parser.add_argument(
        "--dataset",
        help="for a SavedModel, examples to show: what `learn --dataset` takes; not "
        "needed for a run",
    )
    arguments.add_data_dir(parser)
    parser.add_argument(
        "--output",
        help="file to write. Default: report.html in the run's folder, or beside the "
        "SavedModel",
    )


def _add_inspect(commands):
    parser = commands.add_parser(
        "inspect",
        help="show what an exported commentary is",
        description="Prints the manifest of an exported commentary: what it is, what "
        "it takes, how it was learned.",
    )
    parser.add_argument("commentary", help="directory of the SavedModel")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def _add_store(commands):
    parser = commands.add_parser(
        "store",
        help="keep commentaries with a TFDS data set",
        description="Commentaries kept in TFDS's data directory, with the data set "
        "that they were learned on.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in (
        ("list", "list what is stored"),
        ("show", "check one and print its card"),
        ("add", "store an exported commentary as a new version"),
        ("remove", "remove a version, or all"),
    ):
        one = actions.add_parser(action, help=text, description=text)
        one.add_argument("dataset", help="TFDS name, such as cifar10 or mnist:3.*.*")
        arguments.add_data_dir(one)
        if action != "list":
            one.add_argument("--name", required=True, help="name of the commentary")
        if action in ("show", "remove"):
            one.add_argument("--version", type=int, help="number of the version")
        if action == "add":
            one.add_argument("commentary", help="directory of the SavedModel")
            one.add_argument("--description", help="what it teaches")
            one.add_argument("--licence", help="licence under which others may use it")
