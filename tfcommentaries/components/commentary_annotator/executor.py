"""Executor of CommentaryAnnotator."""

import os

import apache_beam as beam
from tfx.components.util import examples_utils, tfxio_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, json_utils

from tfcommentaries.components.artifact import (
    check_payload_format,
    get_commentary_dir,
)
from tfcommentaries.components.commentary_annotator.annotate import REJECTED, Annotate
from tfcommentaries.components.spans import NAMES, describe, each_once, number_of
from tfcommentaries.saving.example_reading import ExampleReading
from tfcommentaries.saving.manifest import inputs_of, read_manifest

COMMENTARY_KEY = "commentary"
ANNOTATED_KEY = "annotated_examples"
REJECTED_KEY = "rejected_examples"
PROGRESS_KEY = "progress"
READING_KEY = "reading"
SPLITS_KEY = "splits"
PREFIX_KEY = "prefix"
THRESHOLD_KEY = "max_rejected"

#: Maximum number of examples that are annotated at once.
BATCH = 1024


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the annotation as a Beam pipeline."""

    def Do(self, input_dict, output_dict, exec_properties):
        """Annotates examples.

        Args:
            input_dict: artifacts `examples` and `commentary`.
            output_dict: artifacts `annotated_examples` and `rejected_examples`.
            exec_properties: `progress`, `reading`, `splits`, `prefix`,
                `max_rejected`; see `CommentaryAnnotator`.

        Raises:
            ValueError: if the commentary does not say how examples are read, a split
                is missing or empty, or too many examples are rejected.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        directory = get_commentary_dir(input_dict[COMMENTARY_KEY])
        reading = json_utils.loads(exec_properties.get(READING_KEY) or "null")
        manifest = read_manifest(directory)
        if manifest["uses_student_loss"]:
            raise ValueError(
                f"The commentary at {directory} weighs by the losses of a student, "
                "which no example has. Teach with CommentaryTrainer instead."
            )
        reading = reading or manifest.get("reading")
        if not reading:
            raise ValueError(
                f"The commentary at {directory} does not say which features of an "
                "example it takes. Pass `reading=` to CommentaryAnnotator."
            )
        ExampleReading.from_config(reading).check_fits(inputs_of(manifest))
        sources = each_once(input_dict[standard_component_specs.EXAMPLES_KEY])
        wanted = json_utils.loads(exec_properties.get(SPLITS_KEY) or "null")
        splits = _splits(sources, wanted)
        check_payload_format(
            sources, "CommentaryAnnotator", "Let the ExampleGen write these"
        )
        for key in (ANNOTATED_KEY, REJECTED_KEY):
            _describe_like(
                artifact_utils.get_single_instance(output_dict[key]), sources, splits
            )
        make_tfxio = tfxio_utils.get_tfxio_factory_from_artifact(
            sources,
            ["CommentaryAnnotator"],
            schema=None,
            read_as_raw_records=True,
            raw_record_column_name="unused",
        )
        annotate = Annotate(
            directory,
            reading,
            json_utils.loads(exec_properties[PROGRESS_KEY]),
            exec_properties[PREFIX_KEY],
        )
        with self._make_beam_pipeline() as pipeline:
            for split in splits:
                files = [
                    io_utils.all_files_pattern(uri)
                    for uri in artifact_utils.get_split_uris(sources, split)
                ]
                records = (
                    pipeline
                    | f"Read[{split}]" >> make_tfxio(files).RawRecordBeamSource()
                    | f"Batch[{split}]"
                    >> beam.BatchElements(min_batch_size=16, max_batch_size=BATCH)
                    | f"Annotate[{split}]"
                    >> beam.ParDo(annotate).with_outputs(REJECTED, main="annotated")
                )
                for key, part in (
                    (ANNOTATED_KEY, records.annotated),
                    (REJECTED_KEY, records[REJECTED]),
                ):
                    artifact = output_dict[key]
                    uri = artifact_utils.get_split_uri(artifact, split)
                    _ = part | f"Write {key}[{split}]" >> beam.io.WriteToTFRecord(
                        os.path.join(uri, "data_tfrecord"), file_name_suffix=".gz"
                    )
                _check(split, records, exec_properties[THRESHOLD_KEY])


def _check(split, records, threshold):
    """Makes the pipeline fail if a split is empty or too much is rejected."""
    rejected = (
        records[REJECTED]
        | f"Count rejected[{split}]" >> beam.combiners.Count.Globally()
    )
    counts = (
        records.annotated
        | f"Count annotated[{split}]" >> beam.combiners.Count.Globally()
    )
    _ = counts | f"Check[{split}]" >> beam.Map(
        _raise_if_too_many, beam.pvalue.AsSingleton(rejected), split, threshold
    )


def _raise_if_too_many(annotated, rejected, split, threshold):
    total = annotated + rejected
    if total == 0:
        raise ValueError(
            f"The split {split!r} is empty. Leave it out with `splits=`, or fill it."
        )
    if rejected > threshold * total:
        raise ValueError(
            f"{rejected} of {total} examples of the split {split!r} cannot be "
            f"annotated, more than max_rejected={threshold}. The log says why; check "
            "that they have the features, the label and the image format that the "
            "commentary was learned on."
        )


def _splits(sources, wanted):
    """Names of the splits to annotate, which all artifacts must have."""
    known = artifact_utils.decode_split_names(sources[0].split_names)
    for examples in sources:
        found = artifact_utils.decode_split_names(examples.split_names)
        missing = sorted(set(wanted or known) - set(found))
        if missing:
            raise ValueError(
                f"The examples at {examples.uri} have no split {missing}. They have "
                f"{found}."
            )
    return wanted or known


def _describe_like(artifact, sources, splits):
    """Describes an output like its inputs, with the span of the newest."""
    source = max(sources, key=lambda one: [number_of(one, n) or 0 for n in NAMES])
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    examples_utils.set_payload_format(
        artifact, examples_utils.get_payload_format(source)
    )
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    describe(artifact, source)
