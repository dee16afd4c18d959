"""Writing files and directories so that they are either the old or the new ones."""

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
    if os.path.lexists(path) or tf.io.gfile.exists(path):
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


def check_file(path, ours=lambda path: True):
    """Raises if a file may not be written at a path.

    Args:
        path: any path that `tf.io.gfile` takes.
        ours: function of a path that says whether the regular file there may be
            replaced.

    Raises:
        FileExistsError: if something else is there: a directory, a device, a pipe, a
            link to such, or a file that is not ours.
    """
    path = os.fspath(path)
    local = os.path.lexists(path)
    if not local and not tf.io.gfile.exists(path):
        return
    is_file = os.path.isfile(path) if local else not tf.io.gfile.isdir(path)
    if not is_file:
        raise FileExistsError(
            f"{path} is a directory, a device, a pipe or a broken link, over which no "
            "file is written. Choose another path."
        )
    if not ours(path):
        raise FileExistsError(
            f"The file {path} was not written by tfcommentaries and is not "
            "overwritten. Choose another path, or move that file away."
        )


@contextlib.contextmanager
def replacing_file(path, ours=lambda path: True, suffix=""):
    """Gives the path of a new file to write, which is then renamed to `path`.

    Args:
        path: file to make or to replace; any path that `tf.io.gfile` takes.
        ours: as for `check_file`.
        suffix: what the name of the new file must end with.

    Yields:
        A path beside it.

    Raises:
        FileExistsError: if something is there that may not be replaced.
    """
    path = os.fspath(path)
    check_file(path, ours)
    written = f"{path}.{uuid.uuid4().hex[:8]}.new{suffix}"
    try:
        yield written
        check_file(path, ours)  # Others write too.
        tf.io.gfile.rename(written, path, overwrite=True)
    except BaseException:
        if tf.io.gfile.exists(written):
            tf.io.gfile.remove(written)
        raise


def write_text(path, text, ours=lambda path: True):
    """Writes a small file beside its place, then renames it.

    Args:
        path: file to make or to replace; any path that `tf.io.gfile` takes.
        text: what to write.
        ours: as for `check_file`.

    Raises:
        FileExistsError: if something is there that may not be replaced.
    """
    with replacing_file(path, ours) as written, tf.io.gfile.GFile(written, "w") as file:
        file.write(text)
