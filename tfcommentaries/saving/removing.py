"""Removing a directory, and nothing outside it."""

import contextlib
import os
import posixpath
import re
import shutil
import time

import tensorflow as tf

#: Longer than any commentary takes to write, in seconds.
ABANDONED = 24 * 3600


def remove_tree(path):
    """Removes a directory with all that it holds; symbolic links are not followed.

    `tf.io.gfile.rmtree` follows them, and removes what they point to.

    Args:
        path: any path that `tf.io.gfile` takes; if it is a link, the link is removed.
    """
    path = os.fspath(path).rstrip("/")
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
    else:
        # On another file system, where there are no links.
        tf.io.gfile.rmtree(path)


def remove_abandoned(folder, prefix):
    """Removes the leftovers of writers that were killed a day ago or earlier.

    What cannot be listed or removed stays, and so does everything on a file system that
    does not know when directories changed, as in clouds.

    Args:
        folder: where they wrote, any path that `tf.io.gfile` takes.
        prefix: what their directories' names begin with, before digits and `.new`.
    """
    begun = re.compile(re.escape(prefix) + r"[0-9a-f]{8,32}\.new")
    # Another writer may do the same at the same time.
    with contextlib.suppress(OSError, tf.errors.OpError):
        for name in tf.io.gfile.listdir(folder or "."):
            path = posixpath.join(folder, name.rstrip("/"))
            if begun.fullmatch(name.rstrip("/")) and _is_abandoned(path):
                with contextlib.suppress(OSError, tf.errors.OpError):
                    remove_tree(path)


def _is_abandoned(path):
    changed = 0
    with contextlib.suppress(tf.errors.OpError):
        if tf.io.gfile.isdir(path):
            changed = tf.io.gfile.stat(path).mtime_nsec / 1e9
    return changed > 0 and time.time() - changed > ABANDONED
