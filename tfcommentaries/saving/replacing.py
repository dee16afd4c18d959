"""Writing a directory so that it is either the old one or the new one."""

import contextlib
import ctypes
import os
import uuid

import tensorflow as tf

from tfcommentaries.saving.removing import remove_abandoned, remove_tree

#: Of Linux's `renameat2`: AT_FDCWD, RENAME_EXCHANGE.
_HERE, _EXCHANGE = -100, 2


@contextlib.contextmanager
def replacing_directory(path, ours=lambda path: False):
    """Gives a new directory to write in, which then takes the place of `path`.

    Nothing at `path` changes until everything is written; if writing fails, what
    was there stays. On Linux's own file systems the two are exchanged in one step, so
    readers find either of them, even after a crash; elsewhere there is a moment
    between two renamings.

    Args:
        path: directory to make or to replace; any path that `tf.io.gfile` takes.
        ours: function of a path that says whether the directory there may be replaced.
            An empty one always may.

    Yields:
        The path of an empty directory beside it.

    Raises:
        FileExistsError: if something is there that may not be replaced.
    """
    path = os.fspath(path).rstrip("/")
    if tf.io.gfile.exists(path):
        _check_may_go(path, ours)
    beside = f"{path}.{uuid.uuid4().hex[:8]}"
    written, replaced = f"{beside}.new", f"{beside}.old"
    folder, name = os.path.split(path)
    remove_abandoned(folder, f"{name}.")
    tf.io.gfile.makedirs(written)
    try:
        yield written
        if tf.io.gfile.exists(path):
            if _exchange(written, path):
                return
            tf.io.gfile.rename(path, replaced)
        try:
            tf.io.gfile.rename(written, path)
        except tf.errors.OpError:
            if tf.io.gfile.exists(replaced):
                tf.io.gfile.rename(replaced, path)
            raise
        if tf.io.gfile.exists(replaced):
            remove_tree(replaced)
    finally:
        if tf.io.gfile.exists(written):
            remove_tree(written)


def _exchange(one, other):
    """Exchanges two paths in one step; returns whether that was possible."""
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False  # Not Linux, or an old C library.
    paths = [os.fsencode(os.path.abspath(path)) for path in (one, other)]
    # Paths of other file systems, such as gs://, do not exist for this call.
    return exchange(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0


def _check_may_go(path, ours):
    if not tf.io.gfile.isdir(path):
        raise FileExistsError(
            f"{path} is a file, but a directory must be written there. Choose another "
            "path."
        )
    names = sorted(name.rstrip("/") for name in tf.io.gfile.listdir(path))
    if names and not ours(path):
        raise FileExistsError(
            f"The directory {path} holds something else that is not overwritten: "
            f"{names[:5]}. Nothing was changed. Choose a new directory, or an empty "
            "one."
        )


def write_text(path, text):
    """Writes a small file beside its place, then renames it.

    Args:
        path: file to make or to replace; any path that `tf.io.gfile` takes.
        text: what to write.
    """
    path = os.fspath(path)
    written = f"{path}.{uuid.uuid4().hex[:8]}.new"
    with tf.io.gfile.GFile(written, "w") as file:
        file.write(text)
    tf.io.gfile.rename(written, path, overwrite=True)
