"""Numbered directories that are whole or not there, and whose files are checked.

On any file system of `tf.io.gfile`.
"""

import hashlib
import posixpath
import re

import tensorflow as tf

#: The file with the checksums, which has no checksum itself.
CHECKSUMS = "checksums.json"
#: The file with the keyed hash of that.
SIGNATURE = "signature"


def versions_in(folder):
    """The numbers of the versions that a folder holds, ascending."""
    if not tf.io.gfile.isdir(folder):
        return []
    names = (n.rstrip("/") for n in tf.io.gfile.listdir(folder))
    return sorted(int(n) for n in names if re.fullmatch("[1-9][0-9]*", n))


def publish(written, folder):
    """Renames a whole directory to the next free number, which is returned.

    Concurrent writers get different numbers: one that is too late takes the next.

    Args:
        written: directory to rename.
        folder: where the versions are.
    """
    number = max(versions_in(folder), default=0) + 1
    while True:
        try:
            tf.io.gfile.rename(written, posixpath.join(folder, str(number)))
            return number
        except tf.errors.OpError:
            if not tf.io.gfile.exists(posixpath.join(folder, str(number))):
                raise
            number += 1


def files_in(directory):
    """Gives `(relative path, path)` of every file below a directory."""
    for parent, _, names in tf.io.gfile.walk(directory):
        for name in names:
            path = posixpath.join(parent, name)
            yield posixpath.relpath(path, directory), path


def checksums(directory):
    """The SHA-256 of every file of a version, by relative path."""
    found = {}
    for name, path in files_in(directory):
        if name not in (CHECKSUMS, SIGNATURE):
            with tf.io.gfile.GFile(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def copy(source, target):
    """Copies a directory."""
    for name, path in files_in(source):
        copied = posixpath.join(target, name)
        tf.io.gfile.makedirs(posixpath.dirname(copied))
        tf.io.gfile.copy(path, copied)
