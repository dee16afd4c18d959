"""Keeps TensorFlow from a rewrite that breaks loops."""

import contextlib

from tensorflow.python.eager import context


@contextlib.contextmanager
def no_memory_rewrites():
    """Functions called within are not optimised for memory by TensorFlow.

    Where a graph seems to need more than 0.8 of a device's memory, which for a CPU is
    205 MB whatever there is, Grappler makes sums of three or more tensors in temporary
    variables. In a `while_loop` one is left over after the last iteration, and the
    next call of the function ends with an `AlreadyExistsError`. Gradients of gradients
    are full of such sums: of a regularised student's weights, for one. There is no
    public switch for this rewrite alone.
    """
    here = context.context()
    before = here.function_call_options
    config = here.config
    options = config.graph_options.rewrite_options
    options.memory_optimization = options.NO_MEM_OPT
    here.function_call_options = context.FunctionCallOptions(
        before.executor_type, config
    )
    try:
        yield
    finally:
        here.function_call_options = before
