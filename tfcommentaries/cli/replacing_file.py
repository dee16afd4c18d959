"""Writing a file so that it is either the old one or the new one."""

import contextlib
import os
import uuid


@contextlib.contextmanager
def replacing_file(path):
    """Gives the path of a new file to write, which then takes the place of `path`.

    If writing fails, what was there stays, and nothing else is left.

    Args:
        path: of a file to make or to replace.

    Yields:
        A path beside it, with the same ending.

    Raises:
        FileExistsError: if something is there that is not a file.
    """
    if os.path.lexists(path) and not os.path.isfile(path):
        raise FileExistsError(f"{path} is not a file. Choose another path.")
    start, end = os.path.splitext(path)
    written = f"{start}.{uuid.uuid4().hex[:8]}.new{end}"
    try:
        yield written
        os.replace(written, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(written)
