"""Removing a directory, and nothing that lies elsewhere."""

import os
import shutil

import tensorflow as tf


def remove_tree(path):
    """Removes a directory with all that it holds; symbolic links are not followed.

    `tf.io.gfile.rmtree` follows them, and removes what they point to.

    Args:
        path: any path that `tf.io.gfile` takes; of a link, the link is removed.
    """
    path = os.fspath(path).rstrip("/")
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
    else:
        # On another file system, where there are no links.
        tf.io.gfile.rmtree(path)
