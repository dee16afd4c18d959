"""A table as it comes, in a pipeline without Transform."""

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from sklearn.datasets import load_wine
from tfx.components import (
    BulkInferrer,
    CsvExampleGen,
    SchemaGen,
    StatisticsGen,
    Trainer,
)
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import bulk_inferrer_pb2, trainer_pb2

from pipelines.shared_parts import input_config
from tfcommentaries import SavedCommentary
from tfcommentaries.components import CommentaryAnnotator, CommentaryGen


def write_wine(root):
    """178 wines, a third labelled by each annotator; gives the rows that are whole."""
    x, y = load_wine(return_X_y=True, as_frame=True)
    table = x[["alcohol", "magnesium"]].astype({"magnesium": "Int64"})
    table["kind"] = y.astype("Int64")
    table["annotator"] = np.array(["ann", "bob", "eve"])[np.arange(len(y)) % 3]
    table = table.sample(frac=1.0, random_state=0, ignore_index=True)
    for row, column in (3, "alcohol"), (5, "magnesium"), (8, "annotator"), (11, "kind"):
        table.loc[row, column] = None
    whole = table[["alcohol", "magnesium", "kind"]].notna().all(axis=1)
    parts = {
        "train": slice(0, 100),
        "validation": slice(100, 140),
        "eval": slice(140, 178),
    }
    for name, rows in parts.items():
        (root / name).mkdir(parents=True)
        table[rows].to_csv(root / name / "wine.csv", index=False)
    return table, whole


def artifacts_of(root, component, output):
    (found,) = (root / component / output).iterdir()
    return found


def examples_in(directory):
    files = sorted(str(file) for file in directory.glob("*.gz"))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(r).features.feature for r in records]


def test_from_csv_to_what_serves(tmp_path):
    table, whole = write_wine(tmp_path / "data")
    examples = CsvExampleGen(
        input_base=str(tmp_path / "data"), input_config=input_config()
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    commentary = CommentaryGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        custom_config={
            "features": ["alcohol", "magnesium"],
            "label": "kind",
            "num_classes": 3,
            "commentary": "GroupWeighting",
            "groups": "annotator",
            "student": "tfcommentaries.students.mlp",
            "student_config": {"units": [8]},
            "learner_config": {"inner_steps": 3},
            "validation_batch_size": 32,
        },
        train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=15),
        eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
    )
    annotator = CommentaryAnnotator(
        examples=examples.outputs["examples"],
        commentary=commentary.outputs["commentary"],
    )
    trainer = Trainer(
        run_fn="components.table_trainer.run_fn",
        examples=annotator.outputs["annotated_examples"],
        train_args=trainer_pb2.TrainArgs(num_steps=5),
        eval_args=trainer_pb2.EvalArgs(),
    )
    column = bulk_inferrer_pb2.PredictOutputCol(
        output_key="annotation", output_column="weight"
    )
    columns = bulk_inferrer_pb2.OutputColumnsSpec(
        signature_name="serve_examples",
        predict_output=bulk_inferrer_pb2.PredictOutput(output_columns=[column]),
    )
    inferrer = BulkInferrer(
        examples=examples.outputs["examples"],
        model=commentary.outputs["model"],
        data_spec=bulk_inferrer_pb2.DataSpec(example_splits=["train"]),
        model_spec=bulk_inferrer_pb2.ModelSpec(model_signature_name=["serve_examples"]),
        output_example_spec=bulk_inferrer_pb2.OutputExampleSpec(
            output_columns_spec=[columns]
        ),
    )
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="wine",
            pipeline_root=str(tmp_path / "artifacts"),
            components=[
                examples,
                statistics,
                schema,
                commentary,
                annotator,
                trainer,
                inferrer,
            ],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(tmp_path / "metadata.sqlite")
            ),
            beam_pipeline_args=["--direct_running_mode=in_memory"],
        )
    )
    root = tmp_path / "artifacts"
    found = artifacts_of(root, "CommentaryGen", "commentary")
    saved = SavedCommentary(found / "Format-Serving")
    learned = saved.manifest["learned"]
    assert 3 <= learned["outer_steps"] <= 15  # Until the trusted sources are settled.
    assert learned["left_out"] == {
        "training": int((~whole[:100]).sum()),
        "validation": 0,
    }
    rows = saved.table()
    number = sum(row["examples"] for row in rows)
    mean = sum(row["weight"] * row["examples"] for row in rows) / number
    weights = {row["group"]: row["weight"] / mean for row in rows}
    assert set(weights) == {"ann", "bob", "eve"}
    # Weights of annotators need no number and no label: nothing is rejected.
    rejected = artifacts_of(root, "CommentaryAnnotator", "rejected_examples")
    assert not examples_in(rejected / "Split-train")
    annotated = artifacts_of(root, "CommentaryAnnotator", "annotated_examples")
    inferred = artifacts_of(root, "BulkInferrer", "output_examples")
    names = [n if isinstance(n, str) else None for n in table["annotator"][:100]]
    rows = examples_in(annotated / "Split-train")
    assert sorted(
        (row["annotator"].bytes_list.value or [b""])[0].decode() for row in rows
    ) == sorted(name or "" for name in names)
    for row in rows:
        (name,) = row["annotator"].bytes_list.value or [b""]
        if name:
            (weight,) = row["commentary"].float_list.value
            assert weight == pytest.approx(weights[name.decode()], rel=1e-5)
    np.testing.assert_allclose(
        sorted(
            row["weight"].float_list.value[0]
            for row in examples_in(inferred / "Split-train")
        ),
        sorted(row["commentary"].float_list.value[0] for row in rows),
        rtol=1e-5,
    )
    model = artifacts_of(root, "Trainer", "model") / "Format-Serving"
    model = tf.saved_model.load(str(model))
    served = model.serve(tf.constant([[13.0, 100.0]]))
    np.testing.assert_allclose(np.sum(served), 1, rtol=1e-5)
