"""A data set that Hugging Face's `datasets` saved on disk, as a table."""

import json
import os

#: What `Dataset.save_to_disk` and `DatasetDict.save_to_disk` leave.
_STATE, _SPLITS = "state.json", "dataset_dict.json"


def is_saved_data_set(path):
    """Whether a folder was written by `save_to_disk`."""
    return any(os.path.isfile(os.path.join(path, n)) for n in (_STATE, _SPLITS))


def read_saved_data_set(path):
    """Reads the Arrow files of a folder that `Dataset.save_to_disk` wrote.

    Args:
        path: of the folder.

    Returns:
        A `pandas.DataFrame`. Classes have their names; images are dicts, as
        `read_images` takes them.

    Raises:
        ValueError: if the folder holds several data sets, or files are missing or
            damaged.
    """
    import pandas
    import pyarrow

    if os.path.isfile(os.path.join(path, _SPLITS)):
        splits = _json(path, _SPLITS)["splits"]
        raise ValueError(
            f"{path} holds several data sets. Give one of them: "
            + ", ".join(os.path.join(path, name) for name in splits)
        )
    tables = []
    for file in _json(path, _STATE)["_data_files"]:
        name = os.path.join(path, file["filename"])
        try:
            with pyarrow.memory_map(name) as source:
                tables.append(pyarrow.ipc.open_stream(source).read_all())
        except (OSError, pyarrow.ArrowInvalid) as error:
            raise ValueError(f"{name} is missing or damaged: {error}") from error
    table = pyarrow.concat_tables(tables).to_pandas()
    for name, feature in _json(path, "dataset_info.json")["features"].items():
        if feature.get("_type") == "ClassLabel" and feature.get("names"):
            # Those without a label have -1.
            names = dict(enumerate(feature["names"]))
            table[name] = table[name].map(names).astype(object)
            table[name] = table[name].where(pandas.notna(table[name]), None)
    return table


def _json(path, name):
    name = os.path.join(path, name)
    try:
        with open(name, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} is missing or damaged: {error}") from error
