"""CommentaryAnnotator."""

import json
import pathlib

import chaos
import forks
import numpy as np
import pytest
import tensorflow as tf
from components import learn_here
from components.artifacts import make_example, make_examples
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from tfcommentaries import AttentionMask, LabelBlending, export_commentary, teachers
from tfcommentaries.components import CommentaryAnnotator, CommentaryArtifact
from tfcommentaries.components.artifact import commentary_dir
from tfcommentaries.components.commentary_annotator.executor import Executor

READING = {"features": "image", "image_shape": [8, 8, 1], "num_classes": 10}


IN_MEMORY = ["--direct_running_mode=in_memory"]
#: Beam's own job service, and workers beside it that get all by gRPC.
PORTABLE = [
    "--runner=PortableRunner",
    "--job_endpoint=embed",
    "--environment_type=LOOPBACK",
]


def annotate(examples, commentary, tmp_path, beam=IN_MEMORY, **properties):
    """Runs the executor on one artifact or several; gives the two output artifacts."""
    several = examples if isinstance(examples, list) else [examples]
    found = standard_artifacts.Examples(), standard_artifacts.Examples()
    for name, artifact in zip(("annotated", "rejected"), found):
        artifact.uri = str(tmp_path / name)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=beam,
        tmp_dir=str(tmp_path / "tmp"),
        unique_id="1",
    )
    Executor(context).Do(
        {"examples": several, "commentary": [commentary]},
        {"annotated_examples": [found[0]], "rejected_examples": [found[1]]},
        {
            "progress": "[0.0, 1.0]",
            "reading": "null",
            "splits": "null",
            "prefix": "commentary",
            "max_rejected": 0.0,
            **properties,
        },
    )
    return found


def read(artifact, split="train"):
    files = sorted(pathlib.Path(artifact.uri, f"Split-{split}").glob("*.gz"))
    records = tf.data.TFRecordDataset([str(f) for f in files], "GZIP")
    return [tf.train.Example.FromString(r.numpy()) for r in records]


def feature(example, name):
    return list(example.features.feature[name].float_list.value)


def weights_of(example):
    """An example without its weights, and these."""
    names = "commentary_0", "commentary_100"
    weights = [feature(example, name) for name in names]
    for name in names:
        del example.features.feature[name]
    return example.SerializeToString(deterministic=True), weights


def test_a_portable_runner_writes_the_same(artifacts, commentary_artifact, tmp_path):
    found = [
        annotate(artifacts.examples, commentary_artifact, tmp_path / beam[0], beam)[0]
        for beam in (IN_MEMORY, PORTABLE)
    ]
    in_memory, portable = ([weights_of(e) for e in read(one)] for one in found)
    assert sorted(example for example, _ in in_memory) == sorted(
        example for example, _ in portable
    )
    # Batches differ, so sums in the teacher are rounded in another order.
    of_portable = dict(portable)
    for example, weights in in_memory:
        np.testing.assert_allclose(of_portable[example], weights, rtol=1e-4)


def test_writes_weights_beside_the_examples(
    artifacts, commentary_artifact, weighting, tmp_path, digits
):
    annotated, rejected = annotate(artifacts.examples, commentary_artifact, tmp_path)
    examples = read(annotated)
    assert len(examples) == 200 and len(read(annotated, "eval")) == 80
    assert not read(rejected) and not read(rejected, "eval")
    # In the order of the input, one shard; and nothing else has changed.
    x, y = digits.train.x[:200], digits.train.y[:200]
    for progress in (0.0, 1.0):
        seen = np.round(255 * x) / 255  # what an 8-bit PNG keeps
        weights = weighting(seen, y=y, progress=progress)
        name = f"commentary_{round(100 * progress)}"
        found = [feature(e, name) for e in examples]
        np.testing.assert_allclose(np.ravel(found), weights, rtol=1e-3)
    for example, image, label in zip(examples, x, y):
        for name in ("commentary_0", "commentary_100"):
            del example.features.feature[name]
        assert example == make_example(image, label)
    for artifact in (annotated, rejected):
        assert (artifact.span, artifact.version) == (7, 2)
        splits = artifact_utils.decode_split_names(artifact.split_names)
        assert splits == ["train", "eval"]


def exported(commentary, digits, directory):
    commentary.teach(digits.train.x[:2], digits.train.y[:2])
    artifact = CommentaryArtifact()
    artifact.uri = str(directory)
    export_commentary(commentary, commentary_dir(artifact.uri))
    return artifact


def test_rows_of_proportions_are_lists(artifacts, tmp_path, digits):
    blending = LabelBlending(10)
    blending.logits.assign(np.random.default_rng(0).normal(size=(10, 10)))
    commentary = exported(blending, digits, tmp_path / "blending")
    annotated, _ = annotate(
        artifacts.examples, commentary, tmp_path, reading=json.dumps(READING)
    )
    rows = np.array([feature(e, "commentary") for e in read(annotated)])
    expected = blending(digits.train.x[:200], y=digits.train.y[:200])
    np.testing.assert_allclose(rows, expected, rtol=1e-5)


def test_masks_are_pngs(artifacts, tmp_path, digits):
    masks = AttentionMask(teachers.unet((8, 8, 1), depth=1, width=4))
    commentary = exported(masks, digits, tmp_path / "masks")
    masks.teacher.layers[-1].kernel.assign(np.full((1, 1, 4, 1), 0.3))
    commentary = exported(masks, digits, tmp_path / "masks")
    annotated, _ = annotate(
        artifacts.examples, commentary, tmp_path, reading=json.dumps(READING)
    )
    png = read(annotated)[3].features.feature["commentary"].bytes_list.value[0]
    expected = masks(digits.train.x[3:4])[0]
    found = tf.io.decode_png(png).numpy() / 255
    np.testing.assert_allclose(found, expected, atol=1 / 255)


def test_what_cannot_be_annotated_is_kept_apart(
    artifacts, commentary_artifact, tmp_path, digits
):
    x, y = digits.train.x[:100], digits.train.y[:100].copy()
    y[7] = 10
    examples = make_examples(tmp_path / "some", train=(x, y))
    with pytest.raises(Exception, match="1 of 100 examples.*max_rejected=0.0"):
        annotate(examples, commentary_artifact, tmp_path / "strict")
    annotated, rejected = annotate(
        examples, commentary_artifact, tmp_path, max_rejected=0.02
    )
    assert len(read(annotated)) == 99
    assert read(rejected) == [make_example(x[7], 10)]


def test_a_missing_feature_is_rejected(artifacts, commentary_artifact, tmp_path):
    reading = json.dumps({**READING, "features": "picture"})
    with pytest.raises(Exception, match="(200 of 200|80 of 80) examples.*cannot"):
        annotate(artifacts.examples, commentary_artifact, tmp_path, reading=reading)


def test_refuses_before_it_runs(artifacts, commentary_artifact, tmp_path, digits):
    with pytest.raises(ValueError, match=r"no split \['test'\]"):
        annotate(artifacts.examples, commentary_artifact, tmp_path, splits='["test"]')
    reading = json.dumps({**READING, "image_shape": [9, 8, 1]})
    with pytest.raises(ValueError, match=r"\(8, 8, 1\).*learned on other features"):
        annotate(artifacts.examples, commentary_artifact, tmp_path, reading=reading)
    plain = exported(LabelBlending(10), digits, tmp_path / "plain")
    with pytest.raises(ValueError, match="Pass `reading=`"):
        annotate(artifacts.examples, plain, tmp_path)


def test_killed_and_run_again_it_annotates_all(
    artifacts, commentary_artifact, tmp_path
):
    generator = np.random.default_rng(0)
    forks.prepare("components.learn_here")
    arguments = learn_here.annotate, str(tmp_path), commentary_artifact.uri
    for execution in range(2):
        chaos.killed(generator, 4.0, *arguments, execution)
    forks.finish(*arguments, 2)
    found = standard_artifacts.Examples()
    found.uri = str(tmp_path / "annotated" / "2")
    assert len(read(found)) == 200 and len(read(found, "eval")) == 80


def test_an_empty_split_is_named(commentary_artifact, tmp_path, digits):
    empty = make_examples(tmp_path / "empty", train=(digits.train.x[:0], ()))
    with pytest.raises(Exception, match="split 'train' is empty"):
        annotate(empty, commentary_artifact, tmp_path)


def test_a_corrupt_file_fails(artifacts, commentary_artifact, tmp_path):
    file = pathlib.Path(artifacts.examples.uri) / "Split-train" / "data.gz"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(Exception, match="Not a valid TFRecord"):
        annotate(artifacts.examples, commentary_artifact, tmp_path)


def test_component_has_its_channels():
    examples = channel_utils.as_channel([standard_artifacts.Examples()])
    commentary = channel_utils.as_channel([CommentaryArtifact()])
    found = CommentaryAnnotator(examples=examples, commentary=commentary)
    assert set(found.outputs) == {"annotated_examples", "rejected_examples"}
    with pytest.raises(ValueError, match="must be from 0 to 1"):
        CommentaryAnnotator(examples=examples, commentary=commentary, progress=[2.0])
