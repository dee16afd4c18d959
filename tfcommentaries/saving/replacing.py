"""Writing a directory so that it is either the old one or the new one."""

import contextlib
import os
import uuid

import tensorflow as tf


@contextlib.contextmanager
def replacing_directory(path):
    """Gives a new directory to write in, which then takes the place of `path`.

    Nothing at `path` changes until everything is written; if writing fails, what
    was there stays.

    Args:
        path: directory to make or to replace; any path that `tf.io.gfile` takes.

    Yields:
        The path of an empty directory beside it.
    """
    path = os.fspath(path).rstrip("/")
    beside = f"{path}.{uuid.uuid4().hex[:8]}"
    written, replaced = f"{beside}.new", f"{beside}.old"
    tf.io.gfile.makedirs(written)
    try:
        yield written
        if tf.io.gfile.exists(path):
            tf.io.gfile.rename(path, replaced)
        try:
            tf.io.gfile.rename(written, path)
        except tf.errors.OpError:
            if tf.io.gfile.exists(replaced):
                tf.io.gfile.rename(replaced, path)
            raise
        if tf.io.gfile.exists(replaced):
            tf.io.gfile.rmtree(replaced)
    finally:
        if tf.io.gfile.exists(written):
            tf.io.gfile.rmtree(written)


def write_text(path, text):
    """Writes a small file, beside and then renamed into place.

    Args:
        path: file to make or to replace; any path that `tf.io.gfile` takes.
        text: what to write.
    """
    path = os.fspath(path)
    written = f"{path}.{uuid.uuid4().hex[:8]}.new"
    with tf.io.gfile.GFile(written, "w") as file:
        file.write(text)
    tf.io.gfile.rename(written, path, overwrite=True)
