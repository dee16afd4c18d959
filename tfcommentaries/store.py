"""Commentaries kept with their data set: `store.save`, `list`, `load`, `remove`."""

from tfcommentaries.saving.store import Stored, fingerprint, load, remove, save
from tfcommentaries.saving.store import list_commentaries as list

__all__ = ["Stored", "fingerprint", "list", "load", "remove", "save"]
