"""Reading files that may be damaged, and finding out whether they have changed."""

import contextlib
import hashlib
import os
import stat


@contextlib.contextmanager
def reading(path, first=None):
    """Context in which whatever a reader raises becomes a sentence about the file.

    Args:
        path: the file or folder that is read, or a pattern for several.
        first: one of the files, if it is a pattern.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is neither a file nor a folder, or cannot be read.
    """
    try:
        mode = os.stat(first or path).st_mode
    except (OSError, ValueError) as error:
        raise FileNotFoundError(f"There is no file {path}.") from error
    # A pipe would keep a reader waiting.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ValueError(f"{path} is neither a file nor a folder. Give one of these.")
    try:
        yield
    except ImportError:
        raise
    except Exception as error:  # What readers raise on damaged files no one has listed.
        # Ours name the file; readers' are of other types, or do not.
        if type(error) is ValueError and str(path) in str(error):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        raise ValueError(
            f"{path} cannot be read ({reason}). It is damaged, too large, or not what "
            "its name says."
        ) from error


def digest(files):
    """The SHA-256 of files, names included.

    Args:
        files: dict from what to call each file to its path.

    Returns:
        64 hexadecimal digits.
    """
    whole = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(2**20):
                content.update(block)
        whole.update(name.encode(errors="surrogateescape") + content.digest())
    return whole.hexdigest()
