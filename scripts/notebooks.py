"""For `make notebooks`: makes notebooks of tutorials and runs them."""

import pathlib
import tempfile

import jupytext
import nbclient
import nbformat

TUTORIALS = pathlib.Path(__file__).parents[1] / "docs" / "tutorials"


def main():
    """Writes a notebook beside the page of each tutorial that needs only the core."""
    for name in "sources", "keras":
        notebook = jupytext.read(TUTORIALS / f"{name}.md", fmt="md")
        with tempfile.TemporaryDirectory() as folder:
            resources = {"metadata": {"path": folder}}
            nbclient.NotebookClient(notebook, resources=resources).execute()
        for cell in notebook.cells:
            # Of this run and machine alone.
            cell.metadata.clear()
            if cell.cell_type == "code":
                cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        notebook.metadata = {
            "kernelspec": {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            }
        }
        nbformat.write(notebook, TUTORIALS / f"{name}.ipynb")
        print(f"Written: docs/tutorials/{name}.ipynb")


if __name__ == "__main__":
    main()
