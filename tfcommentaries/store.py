"""Stores commentaries beside their TFDS data set.

In TFDS's data directory, beside the versions of a data set, is a folder
`commentaries` with a folder per name, which holds a numbered one per version:

    DATA_DIR/mnist/commentaries/weighting/1/card.json
                                            commentary/      (the SavedModel)
                                            annotations.npz  (if there are any)

A version is written beside its place and renamed, so it is whole or not there, and
concurrent writers get different numbers. Needs the extra `tfds`.
"""

import dataclasses
import datetime
import hashlib
import hmac
import io
import json
import os
import posixpath
import re
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfcommentaries.commentaries import Commentary
from tfcommentaries.datasets.prepared import fingerprint, prepared
from tfcommentaries.saving import SavedCommentary, export_commentary, read_manifest
from tfcommentaries.saving.json_files import read, typed
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.removing import remove_abandoned, remove_tree
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.typing import ArrayLike, Config, Path

__all__ = ["Stored", "list", "load", "remove", "save"]


class Stored:
    """A commentary from the store.

    Attributes:
        commentary: `SavedCommentary`.
        card: dict that describes the commentary, its data, its learning and its gain.
        annotations: dict from TFDS example ids, strings, to annotations, or `None`.
    """

    def __init__(self, directory: str, card: Config) -> None:
        self.card = card
        self.commentary = SavedCommentary(f"{directory}/commentary")
        self.annotations = None
        path = f"{directory}/annotations.npz"
        if tf.io.gfile.exists(path):
            arrays = np.load(io.BytesIO(_read(path)), allow_pickle=False)
            self.annotations = dict(zip(arrays["ids"].tolist(), arrays["values"]))

    def join(
        self, dataset: tf.data.Dataset, default: ArrayLike | None = None
    ) -> tf.data.Dataset:
        """Adds the stored annotations to a data set, as an entry `annotation`.

        Args:
            dataset: `tf.data.Dataset` of dicts with `tfds_id`, not batched, as TFDS
                gives with `ReadConfig(add_tfds_id=True)`.
            default: annotation of examples without one; `None` raises an error there.

        Returns:
            A `tf.data.Dataset`.

        Raises:
            ValueError: if there are no annotations.
        """
        if self.annotations is None:
            raise ValueError(
                f"The commentary {self.card['name']!r} was saved without annotations. "
                "Give them to `save`, or annotate with `.commentary`."
            )
        ids, values = [*self.annotations], np.stack([*self.annotations.values()])
        rows = tf.lookup.KeyValueTensorInitializer(ids, np.arange(len(ids)))
        table = tf.lookup.StaticHashTable(rows, len(ids))
        last = np.full_like(values[:1], 0 if default is None else default)
        values = tf.constant(np.concatenate([values, last]))

        def add(example):
            row = table.lookup(example["tfds_id"])
            found = default is not None or row < len(ids)
            tf.debugging.Assert(found, ["No annotation is stored", example["tfds_id"]])
            return {**example, "annotation": values[row]}

        return dataset.map(add)


def save(
    commentary: Commentary | Path,
    dataset: str,
    name: str,
    data_dir: Path | None = None,
    card: Config | None = None,
    annotations: tuple[Sequence[str], ArrayLike] | None = None,
    key: bytes | None = None,
) -> int:
    """Saves a commentary with a data set, as a new version.

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        dataset: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        name: name of the commentary.
        data_dir: TFDS data directory, any path of `tf.io.gfile`; `None` is TFDS's own.
        card: dict for readers, such as `description`, `student`, `gains`, `licence`.
        annotations: `(ids, values)`: TFDS example ids and an annotation for each.
        key: bytes, a secret of those who may write, to sign the version with (HMAC).

    Returns:
        The number of the version.

    Raises:
        FileNotFoundError: if the data set is not prepared in `data_dir`.
        ValueError: if the name or the annotations cannot be stored.
    """
    _check_key(key)
    builder = prepared(dataset, data_dir)
    folder = _folder(builder, name)
    remove_abandoned(folder, ".")
    written = f"{folder}/.{uuid.uuid4().hex}.new"
    tf.io.gfile.makedirs(written)
    try:
        saved = f"{written}/commentary"
        source: Any = getattr(commentary, "directory", commentary)
        if isinstance(source, Commentary):
            export_commentary(source, saved)
        else:
            read_manifest(source)
            for file in _files(os.fspath(source)):
                copied = f"{saved}/{file}"
                tf.io.gfile.makedirs(posixpath.dirname(copied))
                tf.io.gfile.copy(posixpath.join(source, file), copied)
        manifest = read_manifest(saved)
        card = {
            **(card or {}),
            **{entry: manifest[entry] for entry in ("kind", "learned", "metrics")},
            "name": name,
            "dataset": builder.info.full_name,
            "fingerprint": fingerprint(builder),
            "saved": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        }
        if annotations is not None:
            with tf.io.gfile.GFile(f"{written}/annotations.npz", "wb") as file:
                file.write(_packed(*annotations))
        card = json.loads(to_json({**card, "files": _checksums(written)}))
        seals = {"checksum": _seal(card, b"")}
        if key is not None:
            seals["signature"] = _seal(card, key)
        write_text(f"{written}/card.json", to_json({**card, **seals}))
        return _publish(written, folder)
    finally:
        if tf.io.gfile.exists(written):
            remove_tree(written)


def list(dataset: str, data_dir: Path | None = None) -> Sequence[Config]:
    """Lists what is stored with a data set.

    Args:
        dataset: TFDS name.
        data_dir: as for `save`.

    Returns:
        A list of cards, dicts, each with its `version`, by name and version. Broken
        versions are left out, with a warning in the log.
    """
    root = _root(prepared(dataset, data_dir))
    names = tf.io.gfile.listdir(root) if tf.io.gfile.exists(root) else []
    cards = []
    for folder in sorted(f"{root}/{name}".rstrip("/") for name in names):
        for version in _versions(folder):
            try:
                cards.append({**_read_card(f"{folder}/{version}"), "version": version})
            except ValueError as error:
                logging.warning("A stored commentary is broken: %s", error)
    return cards


def load(
    dataset: str,
    name: str,
    version: int | None = None,
    data_dir: Path | None = None,
    key: bytes | None = None,
) -> Stored:
    """Loads a commentary that is stored with a data set.

    Args:
        dataset: TFDS name.
        name: name of the commentary.
        version: number; `None` is the newest.
        data_dir: as for `save`.
        key: bytes that it must have been saved with, kept outside the store. Without
            one checksums guard against accidents only: a SavedModel is a program.

    Returns:
        `Stored`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if its files or the data set are others, or the key is another.
    """
    _check_key(key)
    builder = prepared(dataset, data_dir)
    directory = _find(builder, name, version)
    card = _read_card(directory)
    signature = card.get("signature", "").encode()
    if key and not hmac.compare_digest(signature, _seal(card, key).encode()):
        raise ValueError(
            f"The stored commentary {directory} is not signed with this key. Do not "
            "load it, or save it again with `key=`."
        )
    saved = {**card["files"], "card.json": card["checksum"]}
    found = {**_checksums(directory), "card.json": _seal(card, b"")}
    if changed := sorted(f for f in saved | found if saved.get(f) != found.get(f)):
        raise ValueError(
            f"The stored commentary {directory} is not as it was saved: {changed[:5]} "
            "were changed, added or lost. Load another version, or save it again."
        )
    if card["fingerprint"] != fingerprint(builder):
        raise ValueError(
            f"The commentary {name!r} was saved with {card['dataset']}, but "
            f"{builder.info.full_name} in {builder.data_dir} has other data. "
            "Name the data set's version that it belongs to."
        )
    return Stored(directory, card)


def remove(
    dataset: str, name: str, version: int | None = None, data_dir: Path | None = None
) -> None:
    """Removes a version of a commentary, or all of them; arguments as for `load`.

    Raises:
        FileNotFoundError: if there is none.
    """
    directory = _find(prepared(dataset, data_dir), name, version)
    remove_tree(posixpath.dirname(directory) if version is None else directory)


def _root(builder):
    # DATA_DIR/name/[config/]version
    return os.fspath(builder.data_dir).rpartition("/")[0] + "/commentaries"


def _folder(builder, name):
    if not re.fullmatch("[A-Za-z0-9_-]{1,100}", name or ""):
        raise ValueError(
            f"A name has at most 100 letters, digits, '-' and '_'. Got: {name!r:.120}"
        )
    return f"{_root(builder)}/{name}"


def _find(builder, name, version):
    versions = _versions(folder := _folder(builder, name))
    if not versions or version not in (None, *versions):
        raise FileNotFoundError(
            f"There is no commentary {name!r} stored with {builder.info.full_name} in "
            f"{builder.data_dir}, or not as version {version}. Newest: {versions[-5:]}."
        )
    return f"{folder}/{version or versions[-1]}"


def _versions(folder):
    """The numbers of the versions that a folder holds, ascending."""
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    return sorted(int(n.strip("/")) for n in names if re.fullmatch("[1-9][0-9]*/?", n))


def _publish(written, folder):
    """Renames a directory to the first number that no other writer has taken."""
    number = max(_versions(folder), default=0)
    while True:
        number += 1
        place = f"{folder}/{number}"
        try:
            tf.io.gfile.rename(written, place)
            return number
        except tf.errors.OpError:
            if not tf.io.gfile.exists(place):
                raise


def _files(directory):
    """Relative paths of all files below a directory."""
    for parent, _, names in tf.io.gfile.walk(directory):
        yield from (posixpath.relpath(f"{parent}/{name}", directory) for name in names)


def _checksums(directory):
    """The SHA-256 of every file of a version but its card, by relative path."""
    files = set(_files(directory)) - {"card.json"}
    return {f: hashlib.sha256(_read(f"{directory}/{f}")).hexdigest() for f in files}


def _seal(card, key):
    """A keyed hash of a card, and so of all files that it lists."""
    sealed = {k: v for k, v in card.items() if k not in ("checksum", "signature")}
    text = json.dumps(sealed, sort_keys=True)
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _check_key(key):
    if key is not None and (not isinstance(key, bytes) or len(key) < 16):
        raise ValueError("`key` must be at least 16 bytes, such as `os.urandom(32)`.")


def _packed(ids, values):
    """Annotations as the bytes of an `.npz` file."""
    ids, values = [tf.compat.as_str(one) for one in ids], np.asarray(values)
    if not 0 < len({*ids}) == len(ids) == len(values) or values.dtype == object:
        raise ValueError(
            "`annotations` must be (ids, values), no id twice and values of one shape. "
            f"Received: {len(ids)} ids, {len({*ids})} different; {len(values)} values"
        )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ids=ids, values=values)
    return buffer.getvalue()


def _read(path):
    return tf.io.gfile.GFile(path, "rb").read()


@dataclasses.dataclass
class _Card:
    """What every card has, and what it may have."""

    name: str
    dataset: str
    fingerprint: str
    checksum: str
    files: dict[str, Any]
    signature: str = ""


def _read_card(directory):
    path = f"{directory}/card.json"
    card = read(path, dict[str, Any])
    typed(card, _Card, f"The file {path}", others=True)
    return card
