"""Commentaries kept with the data set that they were learned on.

In TFDS's data directory, beside the versions of a data set, is a folder
`commentaries` with a folder per name, which holds a numbered one per version:

    DATA_DIR/mnist/commentaries/weighting/1/card.json
                                            checksums.json
                                            signature  (if it was saved with a key)
                                            commentary/   (the SavedModel)
                                            annotations.npz  (if there are any)

A version is written beside its place and then renamed, so it is whole or not there, and
concurrent writers get different numbers. Checksums guard against accidents only: a
SavedModel is a program, and anyone who can write to the store can write another.
Needs the extra `tfds`.
"""

import datetime
import hashlib
import hmac
import json
import os
import posixpath
import re
import uuid

import numpy as np
import tensorflow as tf
from absl import logging

from tfcommentaries.commentaries import Commentary
from tfcommentaries.saving.export import export_commentary
from tfcommentaries.saving.json_files import read_json
from tfcommentaries.saving.manifest import read_manifest, to_json
from tfcommentaries.saving.removing import remove_abandoned, remove_tree
from tfcommentaries.saving.saved_commentary import SavedCommentary
from tfcommentaries.saving.stored import Stored, write_annotations
from tfcommentaries.saving.versions import (
    CHECKSUMS,
    SIGNATURE,
    checksums,
    copy,
    publish,
    versions_in,
)

_FOLDER = "commentaries"
_CARD = "card.json"
_OF_CARD = {"name": str, "dataset": str, "fingerprint": dict}
_SAMPLE = 10


def save(
    commentary,
    dataset,
    name,
    data_dir=None,
    card=None,
    annotations=None,
    key=None,
):
    """Saves a commentary with a data set, as a new version.

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        dataset: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        name: name of the commentary.
        data_dir: TFDS data directory, any path of `tf.io.gfile`; `None` is TFDS's own.
        card: dict of what a reader should know: `description`, `student`, `gains`,
            `licence`.
        annotations: `(ids, values)`: TFDS example ids and an annotation for each.
        key: bytes, a secret of those who may write. The version is signed with it, by
            HMAC-SHA256 over its checksums, and `load(key=)` refuses all that are not.

    Returns:
        The number of the version.

    Raises:
        FileNotFoundError: if the data set is not prepared in `data_dir`.
        ValueError: if the name or the annotations cannot be stored.
    """
    _check_name(name)
    _check_key(key)
    builder = _builder(dataset, data_dir)
    folder = posixpath.join(_root(builder), name)
    written = posixpath.join(folder, f".{uuid.uuid4().hex}.new")
    remove_abandoned(folder, ".")
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
            copy(os.fspath(source), saved)
        manifest = read_manifest(saved)
        _write(
            posixpath.join(written, _CARD),
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
            write_annotations(written, annotations)
        _write(posixpath.join(written, CHECKSUMS), to_json(checksums(written)))
        if key is not None:
            _write(posixpath.join(written, SIGNATURE), _sign(written, key) + "\n")
        return publish(written, folder)
    finally:
        if tf.io.gfile.exists(written):
            remove_tree(written)


def list_commentaries(dataset, data_dir=None):
    """Lists what is stored with a data set.

    Args:
        dataset: TFDS name.
        data_dir: as for `save`.

    Returns:
        A list of cards, dicts, each with its `version`, by name and version. Broken
        versions are left out, with a warning in the log.
    """
    root = _root(_builder(dataset, data_dir))
    names = tf.io.gfile.listdir(root) if tf.io.gfile.exists(root) else []
    cards = []
    for name in sorted(n.rstrip("/") for n in names):
        folder = posixpath.join(root, name)
        for version in versions_in(folder):
            directory = posixpath.join(folder, str(version))
            try:
                cards.append({**_read_card(directory), "version": version})
            except ValueError as error:
                logging.warning("Left out %s, which is broken: %s", directory, error)
    return cards


def load(dataset, name, version=None, data_dir=None, key=None):
    """Loads a commentary that is stored with a data set.

    Args:
        dataset: TFDS name.
        name: name of the commentary.
        version: number; `None` is the newest.
        data_dir: as for `save`.
        key: bytes that it must have been saved with, kept outside the store. Without
            one the checksums guard against accidents only: a SavedModel is a program,
            and anyone who can write to the store can write another.

    Returns:
        `Stored`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if its files were changed, it is not signed with the key, or the
            data set is not the one that it was saved with.
    """
    _check_key(key)
    builder = _builder(dataset, data_dir)
    directory = _find(builder, name, version)
    if key is not None:
        # Before anything else in the folder is trusted.
        _check_signature(directory, key)
    expected = read_json(posixpath.join(directory, CHECKSUMS), {})
    found = checksums(directory)
    changed = sorted(k for k in {*expected, *found} if expected.get(k) != found.get(k))
    if changed:
        raise ValueError(
            f"The stored commentary {directory} is not as it was saved: {changed} "
            "were changed, added or lost. Load another version, or save it again."
        )
    card = _read_card(directory)
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
        name: name of the commentary.
        version: number; `None` removes all.
        data_dir: as for `save`.

    Raises:
        FileNotFoundError: if there is none.
    """
    directory = _find(_builder(dataset, data_dir), name, version)
    if version is None:
        directory = posixpath.dirname(directory)
    remove_tree(directory)


def fingerprint(builder):
    """What identifies a data set.

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
    except Exception as error:
        # Of the file system too: a cloud's without credentials, an unknown scheme.
        raise FileNotFoundError(
            f"TFDS finds no data set {dataset!r} in {data_dir or 'its own directory'}: "
            f"{str(error)[:300]}"
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
    if not re.fullmatch("[A-Za-z0-9_-]{1,100}", name or ""):
        raise ValueError(
            "A commentary's name consists of at most 100 letters, digits, '-' and '_'. "
            f"Received: {name!r:.120}"
        )


def _find(builder, name, version):
    _check_name(name)
    folder = posixpath.join(_root(builder), name)
    versions = versions_in(folder)
    if not versions or (version is not None and version not in versions):
        raise FileNotFoundError(
            f"There is no commentary {name!r} "
            f"{'' if version is None else f'of version {version} '}stored with "
            f"{builder.info.full_name} in {builder.data_dir}. Versions of that name: "
            f"{versions}."
        )
    return posixpath.join(folder, str(versions[-1] if version is None else version))


def _write(path, text):
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def _read_card(directory):
    return read_json(posixpath.join(directory, _CARD), _OF_CARD)


def _sign(directory, key):
    """A keyed hash of the checksums, and so of all files that they cover."""
    with tf.io.gfile.GFile(posixpath.join(directory, CHECKSUMS), "rb") as file:
        return hmac.new(key, file.read(), "sha256").hexdigest()


def _check_key(key):
    if key is not None and (not isinstance(key, bytes) or len(key) < 16):
        raise ValueError("`key` must be at least 16 bytes, such as `os.urandom(32)`.")


def _check_signature(directory, key):
    file = posixpath.join(directory, SIGNATURE)
    found = ""
    if tf.io.gfile.exists(file):
        with tf.io.gfile.GFile(file) as opened:
            found = opened.read().strip()
    expected = _sign(directory, key)
    if not hmac.compare_digest(found.encode(), expected.encode()):
        raise ValueError(
            f"The stored commentary {directory} "
            + ("is not signed with this key" if found else "is not signed")
            + ". Do not load it, or save it again with `key=`."
        )
