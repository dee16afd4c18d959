"""For `make lint`: mypy, over the package and the code of README and tutorials.

The blocks of a page become one file, with the lines of the page, and errors name these.
"""

import pathlib
import re
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/tutorials/*.md"))]
FOLDER = REPOSITORY / "runs" / "types"


def code_of(page):
    """The Python of a page, at the lines where it stands."""
    lines, inside = [], False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines) + "\n"


def main():
    """Runs mypy; the exit status is its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = []
    for page in PAGES:
        code = code_of(page)
        if code.strip():
            name = re.sub(r"\W", "_", str(page.relative_to(REPOSITORY).with_suffix("")))
            file = FOLDER / f"{name}.py"
            file.write_text(code)
            files.append(str(file))
    command = [sys.executable, "-m", "mypy", "tfcommentaries", *files]
    tutorials = map(str, REPOSITORY.glob("docs/tutorials/*.py"))
    sys.exit(subprocess.run([*command, *tutorials], cwd=REPOSITORY).returncode)


if __name__ == "__main__":
    main()
