"""Only graphs that compute are exported and loaded."""

import keras
import pytest
import tensorflow as tf
from saving.refused_operations import REFUSED
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.client import pywrap_tf_session

from tfcommentaries import ExampleWeighting, SavedCommentary, export_commentary
from tfcommentaries.saving import allow_operations, graph_check
from tfcommentaries.saving.operations import OPERATIONS
from tfcommentaries.saving.warm_start import load_weights


def registered():
    """Every operation of the installed TensorFlow."""
    operations = op_def_pb2.OpList()
    buffer = pywrap_tf_session.TF_GetAllOpList()
    operations.ParseFromString(bytes(pywrap_tf_session.TF_GetBuffer(buffer)))
    return {operation.name: operation for operation in operations.op}


def test_every_operation_of_tensorflow_is_on_one_of_two_lists():
    names = set(registered())
    assert len(names) > 1500
    undecided = sorted(names - OPERATIONS - set(REFUSED))
    assert not undecided, "Put each on one list: does it only compute?"
    assert not OPERATIONS & set(REFUSED)
    assert len(REFUSED) == len(set(REFUSED))


def test_operations_that_call_functions_are_followed():
    kinds = "func", "list(func)"
    calling = {
        name
        for name, operation in registered().items()
        if any(attribute.type in kinds for attribute in operation.attr)
    }
    assert calling & OPERATIONS == graph_check.CALLING


REACH_FURTHER = """
Abort CollectiveGather CollectiveReduceV2 CopyHost DecodeProtoV2 DumpTensor EagerPyFunc
FixedUnigramCandidateSampler GenerateVocabRemapping ImmutableConst
InitializeTableFromTextFileV2 LoadAndRemapMatrix MatchingFiles Print PrintV2 PyFunc
ReadFile RecordInput RemoteCall RestoreV2 RpcCall SaveV2 Skipgram TFRecordDataset
WriteFile XlaCustomCall _HostSend
"""


@pytest.mark.parametrize("name", REACH_FURTHER.split())
def test_what_reaches_further_is_refused(name):
    assert name in REFUSED


def write_file(x):
    tf.io.write_file("/tmp/never", "code")


def print_to_file(x):
    tf.print("code", output_stream="file:///tmp/never")


def restore(x):
    tf.raw_ops.RestoreV2(
        prefix="/etc/x", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.string]
    )


def remap(x):
    tf.raw_ops.LoadAndRemapMatrix(
        ckpt_path="/etc/x",
        old_tensor_name="x",
        row_remapping=[0],
        col_remapping=[],
        initializing_values=[],
        num_rows=1,
        num_cols=1,
    )


REACHING = {
    "WriteFile": write_file,
    "PrintV2": print_to_file,
    "RestoreV2": restore,
    "LoadAndRemapMatrix": remap,
}


def nested(function):
    """A layer that runs a function in a branch of a loop of a function."""

    class Reaching(keras.layers.Layer):
        def call(self, x):
            @tf.function
            def inner(x):
                def step(i, total):
                    def run():
                        function(x)
                        return tf.zeros([])

                    return i + 1, total + tf.cond(i > 0, run, lambda: 0.0)

                return tf.while_loop(lambda i, _: i < 3, step, (tf.size(x), 0.0))[1]

            return tf.reduce_sum(x, -1) + inner(x)

    return Reaching()


@pytest.fixture
def plain(vectors, tmp_path):
    """A commentary without anything in particular, and where it is exported."""
    weighting = ExampleWeighting()
    weighting(vectors[0])
    export_commentary(weighting, tmp_path / "plain")
    return weighting, tmp_path / "plain"


@pytest.mark.parametrize("name", REACHING)
def test_nested_functions_are_neither_exported_nor_loaded(
    name, plain, tmp_path, vectors, monkeypatch
):
    weighting = ExampleWeighting(nested(REACHING[name]))
    weighting(vectors[0])  # More than three numbers: nothing runs.
    path, message = tmp_path / "it", rf"needs \({name}\).*allow_operations\('{name}'\)"
    with pytest.raises(ValueError, match=message):
        export_commentary(weighting, path)
    assert not path.exists()
    with monkeypatch.context() as patch:
        patch.setattr(graph_check, "_allowed", set())
        allow_operations(name)
        export_commentary(weighting, path)
    for load in (SavedCommentary, lambda path: load_weights(plain[0], path)):
        with pytest.raises(ValueError, match=message) as caught:
            load(path)
        assert len(str(caught.value)) - len(str(path)) < 350
    monkeypatch.setattr(graph_check, "_allowed", set())
    allow_operations(name)
    SavedCommentary(path)


def changed(path, change):
    """Changes the graph of a SavedModel."""
    file = path / "saved_model.pb"
    message = saved_model_pb2.SavedModel()
    message.ParseFromString(file.read_bytes())
    change(message.meta_graphs[0])
    file.write_bytes(message.SerializeToString())


def saver_function(graph, name):
    """Name of the function that a node of TensorFlow's saver calls."""
    node = next(n for n in graph.graph_def.node if n.name == name)
    return node.attr["f"].func.name


def call_the_saver_elsewhere(graph):
    name = saver_function(graph, graph.saver_def.save_tensor_name.split(":")[0])
    node = graph.graph_def.node.add(name="mine", op="StatefulPartitionedCall")
    node.attr["f"].func.name = name


def serve_the_saver(graph):
    signature = graph.signature_def["annotate"]
    signature.outputs["annotation"].name = graph.saver_def.save_tensor_name


def use_the_saver(graph):
    name = graph.saver_def.save_tensor_name.split(":")[0]
    graph.graph_def.node.add(name="mine", op="NoOp", input=[f"^{name}"])


def save_when_restoring(graph):
    saving = saver_function(graph, graph.saver_def.save_tensor_name.split(":")[0])
    node = graph.saver_def.restore_op_name
    node = next(n for n in graph.graph_def.node if n.name == node)
    node.attr["f"].func.name = saving


def in_the_main_graph(graph):
    graph.graph_def.node.add(name="mine", op="SaveV2")


def in_a_function_that_nothing_calls(graph):
    graph.graph_def.library.function.add().node_def.add(name="mine", op="SaveV2")


@pytest.mark.parametrize(
    "change",
    [
        call_the_saver_elsewhere,
        serve_the_saver,
        use_the_saver,
        save_when_restoring,
        in_the_main_graph,
        in_a_function_that_nothing_calls,
    ],
)
def test_only_tensorflows_saver_saves(change, plain):
    changed(plain[1], change)
    with pytest.raises(ValueError, match="SaveV2"):
        SavedCommentary(plain[1])


def test_layers_of_tables_and_texts_are_allowed(tmp_path):
    layers = keras.layers
    words = keras.Input((1,), name="words", dtype="string")
    numbers = keras.Input((3,), name="numbers")
    texts = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=2)
    features = [
        layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(words),
        layers.Flatten()(layers.Embedding(5, 2)(texts(words))),
        layers.Hashing(7, output_mode="one_hot")(words),
        layers.GRU(2)(layers.Reshape((3, 1))(numbers)),
        layers.Flatten()(layers.Discretization([0.0], output_mode="one_hot")(numbers)),
    ]
    model = keras.Model([words, numbers], layers.Concatenate()(features))
    model.export(str(tmp_path / "it"), verbose=False)
    graph_check.check_graph(tmp_path / "it")


@pytest.mark.parametrize("file", ["saved_model.pb", "variables"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99, None])
def test_what_is_cut_off_is_named(file, keep, plain):
    path = plain[1] / file
    if path.is_dir():
        path = next(path.glob("*.data-*"))
    content = path.read_bytes()
    path.unlink()
    if keep is not None:
        path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises((ValueError, FileNotFoundError), match=str(plain[1])) as caught:
        SavedCommentary(plain[1])
    assert len(str(caught.value)) - len(str(plain[1])) < 400
