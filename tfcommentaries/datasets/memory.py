"""Whether data fit into memory, before they are read."""

import os


def check_fits(size, what, mend):
    """Raises if data need more than the memory of this machine.

    Args:
        size: in bytes.
        what: what they are, for the error.
        mend: what to do, a sentence.

    Raises:
        ValueError: if they are too large.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Not every system tells.
        return
    if size > memory:
        raise ValueError(
            f"{what} would take {size / 2**30:.0f} GiB, but this machine has "
            f"{memory / 2**30:.0f} GiB of memory. {mend}"
        )
