"""For `make docs`: pictures of the experiments, at `gallery/` in the site."""

import pathlib

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]


def on_files(files, config):
    """Called when MkDocs has found the pages; adds every picture of an experiment."""
    for picture in sorted(ROOT.glob("experiments/*/*.png")):
        name = f"gallery/{picture.parent.name}-{picture.name}"
        found = File.generated(config, name, abs_src_path=str(picture))
        files.append(found)
    return files
