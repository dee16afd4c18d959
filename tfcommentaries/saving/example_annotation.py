"""From serialized tf.Examples to annotations."""

import tensorflow as tf

from tfcommentaries.saving.example_groups import first_group, group_parsing_spec
from tfcommentaries.upstream.empty_batches import annotate_any


class ExampleAnnotation:
    """A function from serialized examples to annotations.

    Args:
        commentary: a `Commentary`.
        reading: `ExampleReading` of the examples.
        x_spec: `tf.TensorSpec` of the commentary's inputs, or a dict of such.
        progress: points at which a curriculum is evaluated.
        prefix: prefix of the annotations' names; the progress in per cent is added.
    """

    def __init__(
        self, commentary, reading, x_spec, progress=(0.0, 0.5, 1.0), prefix="annotation"
    ):
        self.commentary = commentary
        self.reading = reading.fitted(x_spec, commentary.uses_labels)
        specs = x_spec if isinstance(x_spec, dict) else {"x": x_spec}
        #: Names of the features that are needed: groups alone need no others.
        self.names = [name for name in specs if name != "x"]
        self.names += self.reading.features if "x" in specs else []
        self.names += [] if self.reading.label is None else [self.reading.label]
        self.spec = {
            # A missing group is an unknown group.
            name: group_parsing_spec(specs[name].dtype)
            if name in specs and name != "x"
            else self.reading.column(name).parsing_spec()
            for name in self.names
        }
        self._takes_x = "x" in specs
        self.points = {prefix: None}
        if commentary.uses_progress:
            self.points = {f"{prefix}_{round(100 * p)}": p for p in progress}

    def __call__(self, serialized):
        """Annotates examples, all of which must be complete.

        Args:
            serialized: tf.Examples, strings `(batch,)`.

        Returns:
            A dict from names to annotations `(batch, ...)`.
        """
        dense, complete = self._parse(serialized)
        needed = [name for name in self.names if name not in self.reading.groups]
        message = f"An example lacks one of {needed}, or it is not finite"
        with tf.control_dependencies(
            [tf.debugging.assert_equal(complete, True, message)]
        ):
            return self._annotate(tf.nest.map_structure(tf.identity, dense))

    def annotate_complete(self, serialized):
        """Annotates the examples that are complete.

        Args:
            serialized: tf.Examples, strings `(batch,)`.

        Returns:
            `(annotations, complete)`: a dict from names to annotations of those, and
            which they are, booleans `(batch,)`.
        """
        dense, complete = self._parse(serialized)
        dense = {n: tf.boolean_mask(values, complete) for n, values in dense.items()}
        return self._annotate(dense), complete

    def _parse(self, serialized):
        """Values of the features that are needed, and which examples are complete."""
        features = tf.io.parse_example(serialized, self.spec)
        groups = {
            n: first_group(features[n]) for n in self.names if n in self.reading.groups
        }
        found = {
            name: self.reading.column(name).dense(features[name])
            for name in self.names
            if name not in groups
        }
        every = tf.ones(tf.shape(serialized), tf.bool)
        complete = [self.reading.column(n).complete(v) for n, v in found.items()]
        return found | groups, tf.reduce_all([every, *complete], 0)

    def _annotate(self, dense):
        if self._takes_x:
            x, y = self.reading.read(dense)
        else:
            x = {
                name: dense[name] for name in self.names if name in self.reading.groups
            }
            y = None if self.reading.label is None else self.reading.read_label(dense)
        return {
            name: annotate_any(self.commentary, x, y, point)
            for name, point in self.points.items()
        }
