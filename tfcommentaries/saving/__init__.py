"""The SavedModel of a commentary."""

from tfcommentaries.saving.export import export_commentary
from tfcommentaries.saving.graph_check import allow_operations
from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.saving.saved_commentary import SavedCommentary, load_commentary
from tfcommentaries.saving.warmup import write_warmup_requests

__all__ = [
    "SavedCommentary",
    "allow_operations",
    "export_commentary",
    "load_commentary",
    "read_manifest",
    "write_warmup_requests",
]
