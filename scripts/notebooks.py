"""For `make notebooks`: makes notebooks of tutorials and runs them.

Takes the path of a Python that has TFX and TensorFlow Serving's API.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile

import jupytext
import nbclient
import nbformat

REPOSITORY = pathlib.Path(__file__).parents[1]
TUTORIALS = REPOSITORY / "docs" / "tutorials"
#: In notebooks TensorFlow's messages are no errors but output.
_QUIET = "import tensorflow; tensorflow.get_logger().setLevel('ERROR')"


def main(tfx_python):
    """Writes the notebook and the pictures of each tutorial beside its page."""
    with tempfile.TemporaryDirectory() as folder:
        _add_kernel(folder, "core", sys.executable)
        _add_kernel(folder, "tfx", tfx_python)
        os.environ["JUPYTER_PATH"] = folder
        # The TFX tutorial imports `pipelines`; in the root it would leave files.
        os.environ["PYTHONPATH"] = str(REPOSITORY)
        for name in "sources", "keras", "text", "finetuning":
            _write(name, "core")
        for name in "serving", "tfx":
            _write(name, "tfx")


def _add_kernel(folder, name, python):
    """Tells Jupyter, in a folder of its own, to run a kernel with a given Python."""
    kernel = pathlib.Path(folder, "kernels", name, "kernel.json")
    kernel.parent.mkdir(parents=True)
    command = [python, "-W", "ignore", "-m", "ipykernel_launcher"]
    command += ["-f", "{connection_file}", f"--IPKernelApp.exec_lines={_QUIET}"]
    kernel.write_text(json.dumps({"argv": command, "display_name": name}))


def _write(name, kernel):
    notebook = jupytext.read(TUTORIALS / f"{name}.md", fmt="md")
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            notebook, kernel_name=kernel, resources={"metadata": {"path": folder}}
        ).execute()
        for picture in pathlib.Path(folder).glob("*.png"):
            shutil.copy(picture, TUTORIALS / f"{name}_{picture.name}")
    for number, cell in enumerate(notebook.cells):
        # Of this run and machine alone.
        cell.id = f"cell-{number}"
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") == "stdout"]
            for output in cell.outputs:
                output.text = output.text.replace(folder, "")
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
    main(*sys.argv[1:])
