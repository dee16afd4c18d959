"""For `make docs`: each tutorial as a notebook, beside its page in the site."""

import jupytext
from mkdocs.structure.files import File

FOLDER = "tutorials/"


def on_files(files, config):
    """Called when MkDocs has found the pages; adds a notebook for every tutorial."""
    pages = [f for f in files.documentation_pages() if f.src_uri.startswith(FOLDER)]
    for page in pages:
        notebook = jupytext.reads(page.content_string, fmt="md")
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        name = page.src_uri.replace(".md", ".ipynb")
        content = jupytext.writes(notebook, fmt="ipynb")
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Called with the text of each page; gives tutorials a link to their notebook."""
    if not page.file.src_uri.startswith(FOLDER):
        return markdown
    title, rest = markdown.split("\n", 1)
    name = page.file.src_uri.removeprefix(FOLDER).replace(".md", ".ipynb")
    return f"{title}\n\n[As a notebook]({name}){{ download }}\n{rest}"
