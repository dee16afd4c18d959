"""Runs a pipeline locally and reports the outcome from its metadata."""

import collections
import datetime

import tensorflow_model_analysis as tfma
from tfx.orchestration import metadata
from tfx.orchestration.local import local_dag_runner

#: What TFMA adds to the names of differences from the baseline.
_DIFFERENCE = "_diff"


def run(pipeline, connection):
    """Runs a pipeline, then prints times, lineage and metrics.

    Args:
        pipeline: a TFX `Pipeline`.
        connection: connection config of its SQLite metadata.
    """
    start = datetime.datetime.now(datetime.timezone.utc)
    local_dag_runner.LocalDagRunner().run(pipeline)
    with metadata.Metadata(connection) as handle:
        store = handle.store
        print("\nComponents:")
        for name, state, seconds in times(store, start):
            print(f"  {name:<24}{state:<10}{seconds:7.1f} s")
        print("\nWhere the newest pushed model comes from:")
        for depth, line in lineage(store):
            print("  " * (depth + 1) + line)
        print("\nMetrics on the eval split:")
        for name, values in accuracies(store).items():
            text = ", ".join(f"{key} {value:.3f}" for key, value in values.items())
            print(f"  {name:<12}{text}")


def times(store, start):
    """`(component, state, seconds)` of the executions since `start`."""
    begin = start.timestamp() * 1000
    for execution in store.get_executions():
        if execution.create_time_since_epoch >= begin:
            lasted = (
                execution.last_update_time_since_epoch
                - execution.create_time_since_epoch
            )
            state = execution.State.Name(execution.last_known_state).lower()
            yield _component(store, execution), state, lasted / 1000


def _component(store, execution):
    """Name of the node that an execution belongs to."""
    for context in store.get_contexts_by_execution(execution.id):
        if store.get_context_types_by_id([context.type_id])[0].name == "node":
            return context.name.split(".", 1)[-1]
    return execution.type


def lineage(store):
    """`(depth, text)` of what the newest pushed model was made from."""
    pushed = store.get_artifacts_by_type("PushedModel")
    if not pushed:
        return
    waiting = collections.deque([(0, max(pushed, key=lambda a: a.id))])
    seen = set()
    while waiting:
        depth, artifact = waiting.popleft()
        if artifact.id in seen:
            continue
        seen.add(artifact.id)
        kind = store.get_artifact_types_by_id([artifact.type_id])[0].name
        yield depth, f"{kind} {artifact.id}: {artifact.uri}"
        makers = {
            event.execution_id
            for event in store.get_events_by_artifact_ids([artifact.id])
            if event.type == event.OUTPUT
        }
        events = store.get_events_by_execution_ids(makers) if makers else []
        ids = sorted({e.artifact_id for e in events if e.type == e.INPUT})
        waiting.extend((depth + 1, a) for a in store.get_artifacts_by_id(ids))


def accuracies(store):
    """`{model: {metric: value}}` of the newest evaluation."""
    evaluations = store.get_artifacts_by_type("ModelEvaluation")
    if not evaluations:
        return {}
    newest = max(evaluations, key=lambda a: a.id)
    overall = dict(tfma.load_eval_result(newest.uri).slicing_metrics)[()]
    found = {name: v["doubleValue"] for name, v in overall[""][""].items() if v}
    return {
        "taught": {k: v for k, v in found.items() if k + _DIFFERENCE in found},
        "untaught": {
            k.removesuffix(_DIFFERENCE): found[k.removesuffix(_DIFFERENCE)] - v
            for k, v in found.items()
            if k.endswith(_DIFFERENCE)
        },
    }
