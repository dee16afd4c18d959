"""Spans as ExampleGen writes them: custom properties."""

import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from components.artifacts import make_examples
from components.test_commentary_annotator import annotate, read
from tfx.dsl.input_resolution.strategies.span_range_strategy import SpanRangeStrategy
from tfx.proto import range_config_pb2
from tfx.types import standard_artifacts

from tfcommentaries.components.spans import each_once, number_of


def artifact(uri, span=None, version=None, fingerprint=None):
    """An Examples artifact as a driver of ExampleGen describes it."""
    found = standard_artifacts.Examples()
    found.uri = str(uri)
    for name, number in (("span", span), ("version", version)):
        if number is not None:
            found.set_int_custom_property(name, number)
    if fingerprint:
        found.set_string_custom_property("input_fingerprint", fingerprint)
    return found


def test_annotated_examples_have_the_span_that_a_window_looks_for(
    digits, commentary_artifact, tmp_path
):
    annotated = []
    for span in 1, 2, 3:
        images = digits.train.x[:20], digits.train.y[:20]
        examples = make_examples(tmp_path / f"examples-{span}", train=images)
        examples = artifact(examples.uri, span)
        examples.split_names = '["train"]'
        found, rejected = annotate(
            examples, commentary_artifact, tmp_path / f"annotated-{span}"
        )
        assert len(read(found)) == 20
        assert found.span == rejected.span == span
        annotated.append(found)
    window = range_config_pb2.RangeConfig(
        rolling_range=range_config_pb2.RollingRange(num_spans=2)
    )
    resolved = SpanRangeStrategy(window)._resolve({"examples": annotated})
    assert [number_of(one, "span") for one in resolved["examples"]] == [3, 2]


def test_a_window_with_a_span_twice_counts_it_once():
    first = artifact("/a", 1, fingerprint="one")
    again = artifact("/b", 1, fingerprint="one")
    other = artifact("/c", 2, fingerprint="two")
    assert [a.uri for a in each_once([first, other, again])] == ["/c", "/b"]
    assert [a.uri for a in each_once([other, other])] == ["/c"]


def test_of_several_versions_of_a_span_the_newest_is_read():
    versions = [artifact(f"/{v}", 3, v) for v in (1, 2, 0)] + [artifact("/x", 4, 1)]
    assert [a.uri for a in each_once(versions)] == ["/2", "/x"]


def test_examples_without_spans_are_all_read():
    assert len(each_once([artifact(f"/{i}") for i in range(3)])) == 3
    assert len(each_once([artifact(f"/{i}", 0) for i in range(3)])) == 3
