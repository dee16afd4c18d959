"""For `make docs`: griffe shows "Examples:" as code, and Keras writes "Example:"."""

import griffe


class ExampleSections(griffe.Extension):
    """Renames the sections while the sources are read."""

    def on_object(self, *, obj, **_):
        """Called with each module, class and function."""
        if obj.docstring:
            text = obj.docstring.value
            obj.docstring.value = text.replace("\nExample:\n", "\nExamples:\n")
