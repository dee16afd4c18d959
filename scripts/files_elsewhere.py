"""For `make docs`: experiments, benchmarks and the changelog are pages too.

Their links and those to them are written for the repository and changed for the site,
where the folder `docs` is the root.
"""

import pathlib
import posixpath
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
ELSEWHERE = (
    "CHANGELOG.md",
    "benchmarks/RESULTS.md",
    "experiments/README.md",
    "experiments/*/*.md",
    "experiments/*/*.png",
)


def on_files(files, config):
    """Called when MkDocs has found the pages."""
    for pattern in ELSEWHERE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Called with the text of each page."""
    name = page.file.src_uri
    folder = posixpath.dirname(name if page.file.generated_by else f"docs/{name}")

    def change(link):
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        here = folder.removeprefix("docs").removeprefix("/")
        return f"]({posixpath.relpath(target.removeprefix('docs/'), here or '.')}"

    return re.sub(r"\]\(([^):#]+)", change, markdown)
