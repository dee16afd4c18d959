"""Which files a name stands for: one, the shards of one, or those in a folder."""

import glob
import os
import re

#: Formats of files, by the ends of their names without shard and compression.
FORMATS = ".npz", ".csv", ".parquet", ".tfrecord"
_SHARD = re.compile(r"-(\d{5,})-of-(\d{5,})")


def format_of(path):
    """The format of a file by its name, one of `FORMATS`, or `None`.

    Args:
        path: such as `a.csv`, `a.csv.gz`, `a-00000-of-00002.parquet`, and without any
            other ending `a-00000-of-00002.gz`, which is of tf.Examples.
    """
    name = os.path.basename(path)
    stem = _SHARD.sub("", name.removesuffix(".gz"))
    for ending in FORMATS:
        if stem.endswith(ending):
            packed = name.endswith(".gz") and ending not in (".csv", ".tfrecord")
            return None if packed else ending
    is_shard = _SHARD.search(name) and "." not in stem
    return ".tfrecord" if is_shard else None


def is_pattern(path):
    """Whether a name stands for all files that match it, such as `train-*.gz`."""
    return glob.has_magic(path) and not os.path.lexists(path)


def is_folder_of_shards(path):
    """Whether a folder holds files of a known format, not folders of images."""
    return os.path.isdir(path) and bool(_files_in(path))


def find_files(path):
    """The files that a name stands for.

    Args:
        path: of a file, of a folder of files of one format, or a pattern of such.

    Returns:
        `(paths, format)`; the former sorted, the latter one of `FORMATS`, or `None`.

    Raises:
        FileNotFoundError: if no file matches a pattern.
        ValueError: if the files are of several formats, belong to several sets of
            shards, or a shard is missing.
    """
    if is_pattern(path):
        files = sorted(filter(os.path.isfile, glob.glob(path)))
        if not files:
            raise FileNotFoundError(f"There is no file {path}.")
    elif os.path.isdir(path):
        files = _files_in(path)
    else:
        return [path], format_of(path)
    formats = {format_of(file) for file in files}
    if len(formats) > 1:
        raise ValueError(
            f"{path} stands for files of several formats, such as "
            f"{os.path.basename(files[0])} and {os.path.basename(files[-1])}. Name "
            "those of one, with a pattern such as 'folder/train-*.csv'."
        )
    _check_complete(path, files)
    return files, formats.pop()


def _files_in(folder):
    return sorted(
        entry.path
        for entry in os.scandir(folder)
        # Beam and Hadoop mark with these what is not data.
        if entry.name[0] not in "._" and format_of(entry.name) and entry.is_file()
    )


def _check_complete(path, files):
    """Raises if shards are missing, or are of several sets, as of train and test."""
    sets = {}
    for file in files:
        shard = _SHARD.search(os.path.basename(file))
        if shard:
            name = _SHARD.sub("", os.path.basename(file)), int(shard[2])
            sets.setdefault(name, set()).add(int(shard[1]))
    if len(sets) > 1:
        raise ValueError(
            f"{path} holds the shards of several sets, such as "
            f"{' and '.join(repr(name) for name, _ in list(sets)[:2])}. Name one of "
            "them, with a pattern such as 'folder/train-*'."
        )
    for (name, number), found in sets.items():
        missing = sorted(set(range(number)) - found)
        if missing:
            raise ValueError(
                f"{path} holds {len(found)} of the {number} shards of {name!r}; number "
                f"{missing[0]} is missing. Copy all, or name the files that you mean."
            )
