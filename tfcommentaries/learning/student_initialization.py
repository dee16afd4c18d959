"""Where each student starts from."""

import warnings

import keras
import tensorflow as tf


class StudentInitialization(keras.callbacks.Callback):
    """Sets the students' initial weights before each outer step.

    Args:
        student: `FunctionalStudent`.
        mode: `"fixed"`: always the weights that the student model has;
            `"fresh"`: new ones at every outer step; an integer: that many,
            drawn once and taken in turn; `"continue"`: where the last outer step
            left the student, optimizer slots included.
        seed: integer that determines all fresh weights.
    """

    def __init__(self, student, mode, seed):
        super().__init__()
        known = mode in ("fixed", "fresh", "continue")
        if not known and not (isinstance(mode, int) and mode > 0):
            raise ValueError(
                "`student_initialization` must be 'fixed', 'fresh', 'continue' or the "
                f"number of initialisations to take in turn. Received: {mode!r}"
            )
        self.student = student
        self.mode = mode
        self.seed = seed
        self._pool = {}
        self._alike = None
        self._problem = None
        #: The student's variables, trainable and not, that `variables` are of.
        self._of = None
        self.variables = None
        self._planned = None

    @property
    def continues(self):
        """Whether one student trains on through all outer steps."""
        return self.mode == "continue"

    @property
    def draws(self):
        """Whether students start with weights that are drawn for them."""
        return self.mode not in ("fixed", "continue")

    def place(self, outer_steps, inner_steps):
        """Where the current student is in its training before an outer step.

        Args:
            outer_steps: integer, outer steps made so far.
            inner_steps: student steps in each, `T`.

        Returns:
            `(first, progress)`: how many steps it has made, and its progress at each of
            the next, `(T,)`.
        """
        first, total = 0, inner_steps
        if self.continues:
            first = tf.cast(outer_steps, tf.int32) * inner_steps
            total *= tf.cast(self._planned, tf.int32)
        steps = tf.range(inner_steps) + first
        return first, tf.cast(steps / total, tf.float32)

    def another(self, name):
        """`StudentWeights` of a student for another purpose, by its name.

        Where students are not drawn, the model's own.
        """
        if not self.draws:
            return self.student.weights
        return self.student.draw(f"{name}-{self.seed}")

    def reseed(self, seed):
        """Lets all students that are drawn from now on be others."""
        self.seed = seed
        self._pool.clear()

    def build(self, problem):
        """Makes the variables, once the student is built.

        They are made anew if by then other weights are trained, or if the optimizer has
        other slots. In the latter case a student that is continued keeps its weights.

        Args:
            problem: the `InnerProblem`, which knows the optimizer's slots.
        """
        if problem is not self._problem:
            self._problem = problem
            self._make_variables()
        if self.draws:
            if self._alike is None:
                self._alike = self._find_alike()
            self._warn_of_what_is_lost()

    def _make_variables(self):
        model = self.student.model
        of = model.trainable_variables, model.non_trainable_variables
        if self._of is None or not _same_objects(of, self._of):
            self._of, self.variables, self._alike = of, None, None
            self._pool.clear()
        weights = self.student.weights if self.variables is None else self.state.weights
        state = self._problem.initial_state(weights)
        if self.variables is None or _specs(state) != _specs(self.variables):
            self.variables = tf.nest.map_structure(
                lambda t: tf.Variable(t, trainable=False), state
            )

    def plan(self, outer_steps):
        """Says how many outer steps there will be; progress is 1 after them."""
        if self._planned is None:
            self._planned = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._planned.assign(outer_steps)

    def _find_alike(self):
        """Pairs of a variable that is the same in all new students, and its value."""
        first, second = self._draw(0), self._draw(1)
        self._pool[0] = first  # The first student.
        alike = [bool(tf.reduce_all(a == b)) for a, b in zip(first[0], second[0])]
        if all(alike):
            raise ValueError(
                f"Fresh students of {self.student.model.name!r} all start alike: "
                "its initializers have fixed seeds, or all layers are kept. Leave "
                "the seeds out, or use `student_initialization='fixed'`."
            )
        variables = self.student.model.trainable_variables
        return [(v, new) for v, new, same in zip(variables, first[0], alike) if same]

    def _warn_of_what_is_lost(self):
        """Warns if the model was trained or loaded, since new students start anew."""
        # Such as biases of zero.
        changed = [
            v.path for v, new in self._alike if not bool(tf.reduce_all(v == new))
        ]
        if changed:
            warnings.warn(
                f"The student {self.student.model.name!r} has been trained or loaded "
                f"({changed[0]} is not as its initializer makes it), but fresh "
                "students start with new weights. Name layers that should keep theirs "
                "in `kept_layers`, freeze them, or use `student_initialization="
                "'fixed'`.",
                stacklevel=2,
            )

    @property
    def state(self):
        """`TrainingState` that the next student starts from, as tensors."""
        return tf.nest.map_structure(tf.convert_to_tensor, self.variables)

    def go_on_from(self, state):
        """Called in the graph with the `TrainingState` after each outer step."""
        if self.continues:
            tf.nest.map_structure(lambda v, t: v.assign(t), self.variables, state)

    def on_train_batch_begin(self, batch, logs=None):
        if not self.draws:
            return
        step = int(tf.convert_to_tensor(self.model.optimizer.iterations))
        weights = self._draw(step if self.mode == "fresh" else step % self.mode)
        variables = self.variables.weights
        tf.nest.map_structure(lambda v, t: v.assign(t), variables, weights)

    def _draw(self, number):
        if number in self._pool:
            fresh = self.mode == "fresh"
            return self._pool.pop(number) if fresh else self._pool[number]
        weights = self.student.draw(f"learning-{self.seed}-{number}")
        if self.mode != "fresh":
            self._pool[number] = weights
        return weights


def _same_objects(ones, others):
    """Whether lists of lists hold the same objects."""
    return [[id(v) for v in one] for one in ones] == [
        [id(v) for v in other] for other in others
    ]


def _specs(state):
    """Shapes and types of a `TrainingState`."""
    return tf.nest.map_structure(lambda t: (tuple(t.shape), t.dtype), state)
