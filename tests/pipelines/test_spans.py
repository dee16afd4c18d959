"""Two spans of data: learning continues where sources come and go."""

import numpy as np
import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from ml_metadata.metadata_store import metadata_store
from sklearn.datasets import load_wine
from tfx.components import CsvExampleGen, SchemaGen, StatisticsGen
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import (
    LatestArtifactStrategy,
)
from tfx.dsl.input_resolution.strategies.span_range_strategy import SpanRangeStrategy
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import example_gen_pb2, range_config_pb2, trainer_pb2
from tfx.types import Channel, standard_artifacts

from tfcommentaries import SavedCommentary
from tfcommentaries.components import (
    CommentaryAnnotator,
    CommentaryArtifact,
    CommentaryGen,
)

RECIPE = {
    "features": ["alcohol", "flavanoids", "proline"],
    "label": "kind",
    "num_classes": 3,
    "commentary": "GroupWeighting",
    "groups": "annotator",
    "student": "tfcommentaries.students.mlp",
    "student_config": {"units": [8]},
    "student_learning_rate": 0.03,
    "learner_config": {"inner_steps": 8},
    "validation_batch_size": 32,
}


def write_span(root, span, annotators):
    """Wines in files sorted by annotator; the labels of bert are wrong."""
    x, y = load_wine(return_X_y=True, as_frame=True)
    table = x[["alcohol", "flavanoids", "proline"]]
    table = (table - table.mean()) / table.std()
    table = table.assign(kind=y).sample(frac=1.0, random_state=0, ignore_index=True)
    checked, train = table[:58], table[58:].copy()
    train["annotator"] = np.repeat(annotators, 40)
    wrong = train["annotator"] == "bert"
    train.loc[wrong, "kind"] = (train.loc[wrong, "kind"] + 1) % 3
    for split in "train", "eval":
        (root / f"span-{span}" / split).mkdir(parents=True)
    for name, rows in train.groupby("annotator"):
        rows.to_csv(root / f"span-{span}" / "train" / f"{name}.csv", index=False)
    # A shard in which there is nothing but the names of columns.
    train[:0].to_csv(root / f"span-{span}" / "train" / "zoe.csv", index=False)
    checked = checked.assign(annotator="checker")
    checked.to_csv(root / f"span-{span}" / "eval" / "checked.csv", index=False)


def make_components(root, second):
    """ExampleGen to annotator; in the second span learning continues."""
    splits = [
        example_gen_pb2.Input.Split(name=name, pattern=f"span-{{SPAN}}/{name}/*")
        for name in ("train", "eval")
    ]
    examples = CsvExampleGen(
        input_base=str(root), input_config=example_gen_pb2.Input(splits=splits)
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    resolved, base, read = [], None, examples.outputs["examples"]
    if second:
        latest = Resolver(
            strategy_class=LatestArtifactStrategy,
            base=Channel(type=CommentaryArtifact),
        ).with_id("base")
        window = range_config_pb2.RangeConfig(
            rolling_range=range_config_pb2.RollingRange(num_spans=1)
        )
        newest = Resolver(
            strategy_class=SpanRangeStrategy,
            config={"range_config": window},
            examples=Channel(
                type=standard_artifacts.Examples, producer_component_id="CsvExampleGen"
            ),
        ).with_id("window")
        newest.add_upstream_node(examples)
        resolved = [latest, newest]
        base, read = latest.outputs["base"], newest.outputs["examples"]
    commentary = CommentaryGen(
        examples=read,
        schema=schema.outputs["schema"],
        base_commentary=base,
        custom_config=RECIPE,
        train_args=trainer_pb2.TrainArgs(
            splits=["train"], num_steps=1 if second else 30
        ),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
    )
    annotator = CommentaryAnnotator(
        examples=read, commentary=commentary.outputs["commentary"], splits=["train"]
    )
    return [examples, statistics, schema, *resolved, commentary, annotator]


def test_sources_keep_their_weights_over_spans(tmp_path):
    connection = metadata.sqlite_metadata_connection_config(
        str(tmp_path / "metadata.sqlite")
    )
    tables = []
    for span, names in (1, "anna bert carl"), (2, "bert carl dora"):
        write_span(tmp_path / "data", span, names.split())
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="spans",
                pipeline_root=str(tmp_path / "artifacts"),
                components=make_components(tmp_path / "data", span == 2),
                metadata_connection_config=connection,
                beam_pipeline_args=["--direct_running_mode=in_memory"],
            )
        )
        folder = tmp_path / "artifacts" / "CommentaryGen" / "commentary"
        newest = max(folder.iterdir(), key=lambda path: int(path.name))
        saved = SavedCommentary(newest / "Format-Serving")
        tables.append({row["group"]: row for row in saved.table()})
    first, second = tables
    assert set(first) == {"anna", "bert", "carl"}
    assert first["bert"]["weight"] < 0.5 * min(
        first["anna"]["weight"], first["carl"]["weight"]
    )
    assert all(row["seen"] > 0 for row in first.values())
    assert set(second) == {"bert", "carl", "dora"}
    # One outer step changes a logit by at most 0.2.
    for name in "bert", "carl":
        logits = [np.log(t[name]["weight"] / (1 - t[name]["weight"])) for t in tables]
        assert abs(logits[1] - logits[0]) < 0.25
    assert second["dora"]["new"] and "new" not in second["carl"]
    started = saved.manifest["learned"]["started_from"]
    assert started["new groups of 'annotator'"] == ["dora"]
    assert started["gone groups of 'annotator'"] == ["anna"]

    store = metadata_store.MetadataStore(connection)
    annotated = [
        artifact.custom_properties["span"].int_value
        for artifact in store.get_artifacts_by_type("Examples")
        if "annotated_examples" in artifact.uri
    ]
    assert sorted(annotated) == [1, 2]
