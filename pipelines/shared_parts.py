"""Parts that both pipelines have: their splits, and what follows the trainers."""

from tfx.components import Evaluator, Pusher
from tfx.proto import example_gen_pb2, pusher_pb2

SPLITS = ["train", "validation", "eval"]


def input_config():
    """Each split from the folder of its name."""
    return example_gen_pb2.Input(
        splits=[
            example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*")
            for name in SPLITS
        ]
    )


def evaluate_and_push(examples, taught, untaught, eval_config, serving_dir):
    """Pushes the taught model if it is better than the untaught one.

    Args:
        examples: the component that gives the examples.
        taught: the trainer of the model that is pushed.
        untaught: the trainer of the model that it is compared with.
        eval_config: `EvalConfig` with the metrics and their thresholds.
        serving_dir: where the model is pushed to.

    Returns:
        The components `[evaluator, pusher]`.
    """
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=taught.outputs["model"],
        baseline_model=untaught.outputs["model"],
        example_splits=["eval"],
        eval_config=eval_config,
    )
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=serving_dir)
    pusher = Pusher(
        model=taught.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=destination),
    )
    return [evaluator, pusher]
