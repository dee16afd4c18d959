"""Which rewrites TensorFlow applies to graphs that learn."""

import contextlib

from tensorflow.python.eager import context

#: Students with this many variables have graphs that take long to rewrite, and run no
#: faster after a second pass. Small ones do: implicit learning with a student of six
#: variables takes 1.6 times as long after one (measured; MobileNetV2 has 262).
MANY_VARIABLES = 100
#: Rewrites that take longer for these than they save in ten outer steps. What is left
#: joins equal operations and removes what is not needed.
_SLOW = "constant_folding", "remapping", "loop_optimization"


@contextlib.contextmanager
def chosen_rewrites(student):
    """Context in which TensorFlow rewrites called functions as suits learning.

    Not for memory: if a graph seems to need more than 0.8 of a device's memory, which
    for any CPU is 205 MB, Grappler makes sums of three or more tensors in temporary
    variables. In a `while_loop` one is left over after the last iteration, and the next
    call of the function ends with an `AlreadyExistsError`. Gradients of gradients are
    full of such sums, for example of a regularised student's weights. There is no
    public switch for this rewrite alone, nor for the number of passes, of which graphs
    of large students get one, without the rewrites that do not pay for themselves.

    TensorFlow 2.16 to 2.21: https://github.com/tensorflow/tensorflow/issues/23780

    Args:
        student: the `keras.Model` of the learner.
    """
    here = context.context()
    before = here.function_call_options
    config = here.config
    options = config.graph_options.rewrite_options
    options.memory_optimization = options.NO_MEM_OPT
    if len(student.variables) >= MANY_VARIABLES:
        options.meta_optimizer_iterations = options.ONE
        for name in _SLOW:
            setattr(options, name, options.OFF)
        if not here.list_logical_devices("GPU"):
            options.layout_optimizer = options.OFF  # It only helps there.
    here.function_call_options = context.FunctionCallOptions(
        before.executor_type, config
    )
    try:
        yield
    finally:
        here.function_call_options = before
