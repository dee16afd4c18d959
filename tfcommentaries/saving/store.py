"""Commentaries kept with the data set that they were learned on.

In TFDS's data directory, beside the versions of a data set, lies a folder
`commentaries` with a folder per name and in it a numbered one per version:

    DATA_DIR/mnist/commentaries/weighting/1/card.json
                                            checksums.json
                                            commentary/   (the SavedModel)
                                            annotations.npz  (if there are any)

A version is written beside and renamed into place, so it is whole or not there, and
writers at the same time get numbers of their own. Nothing that is loaded is code.
Needs the extra `tfds`.
"""

import datetime
import hashlib
import io
import json
import os
import posixpath
import uuid

import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries import Commentary
from tfcommentaries.saving.export import export_commentary
from tfcommentaries.saving.manifest import read_manifest, to_json
from tfcommentaries.saving.saved_commentary import SavedCommentary

_FOLDER = "commentaries"
_SAMPLE = 10


class Stored:
    """A commentary from the store.

    Attributes:
        commentary: `SavedCommentary`.
        card: dict: what it is, on what and how it was learned, what it gained.
        annotations: dict from TFDS example ids, strings, to stored annotations, or
            `None`.
    """

    def __init__(self, directory, card):
        self.card = card
        self.commentary = SavedCommentary(posixpath.join(directory, "commentary"))
        self.annotations = None
        file = posixpath.join(directory, "annotations.npz")
        if tf.io.gfile.exists(file):
            with tf.io.gfile.GFile(file, "rb") as opened:
                arrays = np.load(io.BytesIO(opened.read()), allow_pickle=False)
            self.annotations = dict(zip(arrays["ids"].tolist(), arrays["values"]))

    def join(self, dataset, default=None):
        """Adds the stored annotations to a data set.

        Args:
            dataset: `tf.data.Dataset` of dicts with `tfds_id`, not batched, as TFDS
                gives with `ReadConfig(add_tfds_id=True)`.
            default: annotation of examples that have none; `None` makes them an error.

        Returns:
            The data set with the entry `annotation` in each element.

        Raises:
            ValueError: if there are no annotations.
        """
        if self.annotations is None:
            raise ValueError(
                f"The commentary {self.card['name']!r} was saved without annotations. "
                "Give them to `save`, or annotate with `.commentary`."
            )
        ids = tf.constant(list(self.annotations))
        values = tf.constant(np.stack(list(self.annotations.values())))
        rows = tf.range(len(self.annotations), dtype=tf.int64)
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(ids, rows), -1
        )

        def add(example):
            row = table.lookup(example["tfds_id"])
            if default is None:
                found = tf.debugging.Assert(
                    row >= 0, ["No annotation is stored for", example["tfds_id"]]
                )
                with tf.control_dependencies([found]):
                    annotation = values[row]
            else:
                other = tf.fill(tf.shape(values)[1:], tf.cast(default, values.dtype))
                annotation = tf.cond(row >= 0, lambda: values[row], lambda: other)
            return {**example, "annotation": annotation}

        return dataset.map(add)


def save(commentary, dataset, name, data_dir=None, card=None, annotations=None):
    """Saves a commentary with a data set, as a new version.

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        dataset: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        name: of the commentary.
        data_dir: TFDS data directory, any path of `tf.io.gfile`; `None` is TFDS's own.
        card: dict of what a reader should know: `description`, `student`, `gains`,
            `licence`.
        annotations: `(ids, values)`: TFDS example ids and an annotation for each.

    Returns:
        The number of the version.

    Raises:
        FileNotFoundError: if the data set is not prepared in `data_dir`.
        ValueError: if the name or the annotations cannot be stored.
    """
    _check_name(name)
    builder = _builder(dataset, data_dir)
    folder = posixpath.join(_root(builder), name)
    written = posixpath.join(folder, f".{uuid.uuid4().hex}.new")
    tf.io.gfile.makedirs(written)
    try:
        saved = posixpath.join(written, "commentary")
        if isinstance(commentary, Commentary) and not isinstance(
            commentary, SavedCommentary
        ):
            export_commentary(commentary, saved)
        else:
            source = getattr(commentary, "directory", commentary)
            read_manifest(source)
            _copy(os.fspath(source), saved)
        manifest = read_manifest(saved)
        _write(
            posixpath.join(written, "card.json"),
            to_json(
                {
                    **(card or {}),
                    "name": name,
                    "kind": manifest["kind"],
                    "learned": manifest["learned"],
                    "metrics": manifest["metrics"],
                    "dataset": builder.info.full_name,
                    "fingerprint": fingerprint(builder),
                    "saved": datetime.datetime.now(datetime.timezone.utc).isoformat(
                        timespec="seconds"
                    ),
                }
            ),
        )
        if annotations is not None:
            _write_annotations(posixpath.join(written, "annotations.npz"), annotations)
        _write(posixpath.join(written, "checksums.json"), to_json(_checksums(written)))
        return _publish(written, folder)
    finally:
        if tf.io.gfile.exists(written):
            tf.io.gfile.rmtree(written)


def list_commentaries(dataset, data_dir=None):
    """Lists what is stored with a data set.

    Args:
        dataset: TFDS name.
        data_dir: as for `save`.

    Returns:
        A list of cards, dicts, each with its `version`, by name and version.
    """
    root = _root(_builder(dataset, data_dir))
    names = tf.io.gfile.listdir(root) if tf.io.gfile.exists(root) else []
    cards = []
    for name in sorted(n.rstrip("/") for n in names):
        folder = posixpath.join(root, name)
        for version in _versions(folder):
            directory = posixpath.join(folder, str(version))
            cards.append({**_read(directory, "card.json"), "version": version})
    return cards


def load(dataset, name, version=None, data_dir=None):
    """Loads a commentary that is stored with a data set.

    Args:
        dataset: TFDS name.
        name: of the commentary.
        version: number; `None` is the newest.
        data_dir: as for `save`.

    Returns:
        `Stored`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if its files were changed, or the data set is not the one that it
            was saved with.
    """
    builder = _builder(dataset, data_dir)
    directory = _find(builder, name, version)
    expected, found = _read(directory, "checksums.json"), _checksums(directory)
    changed = sorted(k for k in {*expected, *found} if expected.get(k) != found.get(k))
    if changed:
        raise ValueError(
            f"The stored commentary {directory} is not as it was saved: {changed} "
            "were changed, added or lost. Load another version, or save it again."
        )
    card = _read(directory, "card.json")
    here = fingerprint(builder)
    differing = [key for key in here if here[key] != card["fingerprint"].get(key)]
    if differing:
        raise ValueError(
            f"The commentary {name!r} was saved with {card['dataset']}, but "
            f"{builder.info.full_name} in {builder.data_dir} has other {differing}. "
            "Name the data set's version that it belongs to."
        )
    return Stored(directory, card)


def remove(dataset, name, version=None, data_dir=None):
    """Removes one version of a commentary, or all.

    Args:
        dataset: TFDS name.
        name: of the commentary.
        version: number; `None` removes all.
        data_dir: as for `save`.

    Raises:
        FileNotFoundError: if there is none.
    """
    directory = _find(_builder(dataset, data_dir), name, version)
    if version is None:
        directory = posixpath.dirname(directory)
    tf.io.gfile.rmtree(directory)


def fingerprint(builder):
    """What tells data sets apart.

    Args:
        builder: a TFDS builder whose data set is prepared.

    Returns:
        A dict: `features`, `splits` (sizes) and `sample`, a hash of the first
        examples.
    """
    splits = {name: info.num_examples for name, info in builder.info.splits.items()}
    first = sorted(splits)[0]
    digest = hashlib.sha256()
    for example in builder.as_dataset(split=first).take(_SAMPLE).as_numpy_iterator():
        for value in tf.nest.flatten(example):
            digest.update(np.asarray(value).tobytes())
    return {
        "features": json.dumps(builder.info.features.to_json(), sort_keys=True),
        "splits": splits,
        "sample": digest.hexdigest(),
    }


def _builder(dataset, data_dir):
    # An extra, and slow to import.
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=data_dir)
        prepared = bool(builder.info.splits)
    except tfds.core.DatasetNotFoundError as error:
        raise FileNotFoundError(
            f"TFDS finds no data set {dataset!r} in {data_dir or 'its own directory'}: "
            f"{error}"
        ) from error
    if not prepared:
        raise FileNotFoundError(
            f"The data set {dataset!r} is not prepared in {builder.data_dir}. Pass the "
            "right `data_dir`, or prepare it with TFDS."
        )
    return builder


def _root(builder):
    # DATA_DIR/name/[config/]version
    return posixpath.join(posixpath.dirname(os.fspath(builder.data_dir)), _FOLDER)


def _check_name(name):
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(
            "A commentary's name consists of letters, digits, '-' and '_'. "
            f"Received: {name!r}"
        )


def _versions(folder):
    if not tf.io.gfile.exists(folder):
        return []
    names = (n.rstrip("/") for n in tf.io.gfile.listdir(folder))
    return sorted(int(n) for n in names if n.isdigit())


def _find(builder, name, version):
    _check_name(name)
    folder = posixpath.join(_root(builder), name)
    versions = _versions(folder)
    if not versions or (version is not None and version not in versions):
        raise FileNotFoundError(
            f"With {builder.info.full_name} in {builder.data_dir} no commentary "
            f"{name!r} {'' if version is None else f'of version {version} '}is stored. "
            f"Versions of that name: {versions}."
        )
    return posixpath.join(folder, str(versions[-1] if version is None else version))


def _publish(written, folder):
    """Renames to the next free number; who is too late takes the one after."""
    number = max(_versions(folder), default=0) + 1
    while True:
        try:
            tf.io.gfile.rename(written, posixpath.join(folder, str(number)))
            return number
        except tf.errors.OpError:
            if not tf.io.gfile.exists(posixpath.join(folder, str(number))):
                raise
            number += 1


def _files(directory):
    for parent, _, names in tf.io.gfile.walk(directory):
        for name in names:
            path = posixpath.join(parent, name)
            yield posixpath.relpath(path, directory), path


def _checksums(directory):
    found = {}
    for name, path in _files(directory):
        if name != "checksums.json":
            with tf.io.gfile.GFile(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def _copy(source, target):
    for name, path in _files(source):
        copied = posixpath.join(target, name)
        tf.io.gfile.makedirs(posixpath.dirname(copied))
        tf.io.gfile.copy(path, copied)


def _write(path, text):
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def _write_annotations(path, annotations):
    ids, values = (np.asarray(part) for part in annotations)
    ids = np.array([tf.compat.as_str(one) for one in ids])
    if not len(ids) or len(ids) != len(values) or len(set(ids)) != len(ids):
        raise ValueError(
            "`annotations` must be (ids, values), with one value for each id and no id "
            f"twice. Received {len(ids)} ids, {len(set(ids))} different, and "
            f"{len(values)} values"
        )
    if values.dtype == object:
        raise ValueError("Annotations must be numbers, all of the same shape.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ids=ids, values=values)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(buffer.getvalue())


def _read(directory, name):
    with tf.io.gfile.GFile(posixpath.join(directory, name)) as file:
        return json.loads(file.read())
