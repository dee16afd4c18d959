"""Which kind of commentary a run learns. Imports no TensorFlow."""

import argparse
import os

#: What `--commentary` may be, and what it learns.
KINDS = {
    "examples": "a weight for each example",
    "sources": "a weight for each source of the data, which --group_column names",
    "soft_labels": "a distribution over classes in place of each label",
    "blending": "how much of two images is blended, by their classes",
    "masks": "which part of an image a student sees",
}
#: Those that hand distributions over classes to the student.
WITH_DISTRIBUTIONS = "soft_labels", "blending"
#: Options of `learn` that only apply to weights of examples.
_OF_EXAMPLES = "see_label", "curriculum"


def kinds(text):
    """Parses one kind, or several separated by commas, for argparse."""
    for name in text.split(","):
        if name not in KINDS or text.split(",").count(name) > 1:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(KINDS)}, or several separated by commas, "
                f"not {text!r}"
            )
    return text


def kinds_of(args):
    """The kinds that arguments ask for, a tuple.

    Raises:
        ValueError: if the arguments do not go together.
    """
    has_sources = bool(args.spoiled_sources or args.group_column)
    default = "sources" if has_sources else "examples"
    found = tuple((args.commentary or default).split(","))
    if ("sources" in found) != has_sources:
        raise ValueError(
            "--commentary=sources, alone or among others, needs --group_column (or "
            "--spoiled_sources), and no other kind takes them. Received: "
            f"--commentary={','.join(found)}"
        )
    for name in _OF_EXAMPLES:
        if "examples" not in found and not getattr(args, name):
            raise ValueError(
                f"--no-{name} is for --commentary=examples, not {','.join(found)}."
            )
    return found


def applied(settings, kinds):
    """The settings of a run without those that had no part in it.

    Args:
        settings: dict of the arguments of `learn`.
        kinds: from `kinds_of`.
    """
    unused = {key for key, value in settings.items() if value is None}
    if "examples" not in kinds:
        unused.update(_OF_EXAMPLES)
    if not {"examples", "sources"} & {*kinds}:
        unused.add("normalize")
    if not settings["label_noise"]:
        unused.update(("label_noise", "label_noise_kind"))
    if not settings["spoiled_sources"]:
        unused.add("spoiled_sources")
    if settings["checked_column"] or settings["validation_data"]:
        unused.add("validation_size")
    is_folder = os.path.isdir(settings["dataset"])
    if not (settings["image_column"] or is_folder):
        unused.add("image_size")
    return {key: value for key, value in settings.items() if key not in unused}


def make_commentary(kinds, args, data):
    """Makes the commentary of a run.

    Args:
        kinds: keys of `KINDS`; several make a `Composition`, applied in this order.
        args: arguments of `learn`.
        data: `NoisyData`.

    Raises:
        ValueError: if a kind cannot be learned on such data.
    """
    from tfcommentaries import commentaries

    parts = [_make(kind, args, data) for kind in kinds]
    return parts[0] if len(parts) == 1 else commentaries.Composition(parts)


def _make(kind, args, data):
    from tfcommentaries import commentaries

    classes = data.splits.num_classes
    normalize = {} if args.normalize else {"normalize": None}
    if kind == "examples":
        return commentaries.ExampleWeighting(
            curriculum=args.curriculum,
            num_classes=classes if args.see_label else None,
            **normalize,
        )
    if kind == "sources":
        return commentaries.GroupWeighting(data.groups, **normalize)
    if kind in WITH_DISTRIBUTIONS and classes is None:
        raise ValueError(
            f"--commentary={kind} is for classes, but the labels of "
            f"{data.splits.name} are numbers."
        )
    if kind == "soft_labels":
        return commentaries.SoftLabels(classes)
    if kind == "blending":
        return commentaries.LabelBlending(classes)
    if data.splits.train.x.ndim != 4:
        raise ValueError(
            f"--commentary=masks is for images, but {data.splits.name} has inputs of "
            f"shape {data.splits.train.x.shape[1:]}."
        )
    return commentaries.AttentionMask()
