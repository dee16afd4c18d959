"""Executor of CommentaryGen."""

import hashlib
import json
import os

import attr
import tensorflow as tf
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from tfcommentaries.components.artifact import (
    check_payload_format,
    commentary_dir,
    get_commentary_dir,
)
from tfcommentaries.components.commentary_gen import learning
from tfcommentaries.components.commentary_gen.properties import describe
from tfcommentaries.components.spans import each_once
from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.saving.removing import remove_tree

BASE_COMMENTARY_KEY = "base_commentary"
COMMENTARY_KEY = "commentary"
COMMENTARY_RUN_KEY = "commentary_run"
MODEL_KEY = "model"


@attr.s
class CommentaryFnArgs(fn_args_utils.FnArgs):
    """What a user's `run_fn` gets: `FnArgs` of Trainer, and where to write.

    Attributes:
        commentary_dir: where `export_commentary` must write.
        pictures_dir: where to put pictures for people, beside the commentary.
        base_commentary: SavedModel of a commentary to continue from, or `None`.
        checkpoint_dir: for `CommentaryLearner.fit(checkpoint_dir=)`: the same when
            the same work is run again after a crash, and removed when it is done.
    """

    commentary_dir = attr.ib(type=str, default=None)
    pictures_dir = attr.ib(type=str, default=None)
    base_commentary = attr.ib(type=str, default=None)
    checkpoint_dir = attr.ib(type=str, default=None)


class Executor(base_executor.BaseExecutor):
    """Learns a commentary by a user's `run_fn` or by a recipe."""

    def Do(self, input_dict, output_dict, exec_properties):
        """Learns a commentary.

        Args:
            input_dict: artifacts `examples`, and optionally `transform_graph`,
                `schema`, `base_commentary`, `hyperparameters`.
            output_dict: artifacts `commentary`, `commentary_run` and `model`.
            exec_properties: `train_args`, `eval_args`, `custom_config`, and
                `module_file` or `module_path`, or none of them.

        Raises:
            ValueError: if the data do not fit, before learning.
            RuntimeError: if a user's `run_fn` wrote no commentary.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = each_once(input_dict[standard_component_specs.EXAMPLES_KEY])
        input_dict = {**input_dict, standard_component_specs.EXAMPLES_KEY: examples}
        identities = {key: _identities(input_dict[key]) for key in sorted(input_dict)}
        fn_args = self._fn_args(input_dict, output_dict, exec_properties, identities)
        if exec_properties.get(standard_component_specs.MODULE_FILE_KEY) or (
            exec_properties.get(standard_component_specs.MODULE_PATH_KEY)
        ):
            run_fn = udf_utils.get_fn(exec_properties, "run_fn")
        else:
            run_fn = learning.run_fn
            check_payload_format(
                input_dict[standard_component_specs.EXAMPLES_KEY],
                "A recipe of CommentaryGen",
                "Write a module with `run_fn`, which may read anything",
            )
        run_fn(fn_args)
        if not learning.writes():
            return
        try:
            manifest = read_manifest(fn_args.commentary_dir)
        except (FileNotFoundError, ValueError) as error:
            raise RuntimeError(
                "run_fn wrote no commentary. It must call `export_commentary("
                f"commentary, fn_args.commentary_dir)`. {error}"
            ) from error
        model_uri = artifact_utils.get_single_uri(output_dict[MODEL_KEY])
        io_utils.copy_dir(fn_args.commentary_dir, commentary_dir(model_uri))
        artifact = artifact_utils.get_single_instance(output_dict[COMMENTARY_KEY])
        describe(artifact, manifest, _fingerprint(identities["examples"]))
        if fileio.exists(fn_args.checkpoint_dir):
            remove_tree(fn_args.checkpoint_dir)

    def _fn_args(self, input_dict, output_dict, exec_properties, identities):
        common = fn_args_utils.get_common_fn_args(input_dict, exec_properties)
        uri = artifact_utils.get_single_uri(output_dict[COMMENTARY_KEY])
        run_uri = artifact_utils.get_single_uri(output_dict[COMMENTARY_RUN_KEY])
        base = get_commentary_dir(input_dict.get(BASE_COMMENTARY_KEY))
        hyperparameters = None
        if input_dict.get(standard_component_specs.HYPERPARAMETERS_KEY):
            found = input_dict[standard_component_specs.HYPERPARAMETERS_KEY]
            file = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(found))
            with fileio.open(file) as opened:
                hyperparameters = json.loads(opened.read())
        work = _fingerprint(
            identities,
            {k: v for k, v in exec_properties.items() if v is not None},
        )
        values = {a.name: getattr(common, a.name) for a in attr.fields(type(common))}
        return CommentaryFnArgs(
            **{
                **values,
                "transform_output": common.transform_graph_path,
                "schema_file": common.schema_path,
                "model_run_dir": run_uri,
                "hyperparameters": hyperparameters,
                "commentary_dir": commentary_dir(uri),
                "pictures_dir": os.path.join(uri, "pictures"),
                "base_commentary": base,
                # Beside the outputs of all executions of this component.
                "checkpoint_dir": os.path.join(
                    os.path.dirname(os.path.dirname(uri.rstrip("/"))),
                    f".learning-{work}",
                ),
            }
        )


def _identities(artifacts):
    """What identifies artifacts: where they are, their fingerprints, their files."""
    return [
        (
            artifact.uri,
            artifact.get_string_custom_property("input_fingerprint"),
            _digest(artifact.uri),
        )
        for artifact in artifacts
    ]


def _digest(directory):
    """The SHA-256 of all files of a directory."""
    found = hashlib.sha256()
    for folder, _, names in sorted(fileio.walk(directory)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            found.update(os.path.relpath(path, directory).encode())
            with fileio.open(path, "rb") as file:
                while block := file.read(2**20):
                    found.update(block)
    return found.hexdigest()


def _fingerprint(*values):
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(tf.compat.as_bytes(text)).hexdigest()[:16]
