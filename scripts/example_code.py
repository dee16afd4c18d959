"""For `make docs`: examples in docstrings are code, for which Markdown wants fences."""

import re

import griffe


class ExampleCode(griffe.Extension):
    """Puts fences around examples while the sources are read."""

    def on_object(self, *, obj, **_):
        """Called with each module, class and function."""
        if obj.docstring:
            # From a prompt to the next empty line.
            obj.docstring.value = re.sub(
                r"(?m)^>>> .*(?:\n.+)*", r"```pycon\n\g<0>\n```", obj.docstring.value
            )
