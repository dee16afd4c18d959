"""Commentaries that apply annotations, made from a config in a file.

A file may come from anybody. So only commentary classes that are registered in this
process are made, with arguments that are numbers, texts, lists and dicts. Keras's own
deserialisation is not used, since it can import and run what a file names.
"""

import keras

from tfcommentaries.commentaries.commentary import Commentary

_DTYPES = "float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"
#: Keys by which Keras recognises a dict that stands for an object.
_OBJECT = {"class_name", "module", "registered_name"}
#: Types of values that hold no others; lists of names may be very long.
_SCALARS = {str, int, float, bool, type(None)}


def make_applying(class_name, config):
    """Makes a commentary that can `apply`, without its teacher.

    Args:
        class_name: registered name of the class, such as
            `"tfcommentaries>LabelBlending"`.
        config: from `Commentary.get_teaching_config`.

    Raises:
        ValueError: if there is no such commentary, or the config has anything but
            plain values.
    """
    cls = keras.saving.get_registered_object(class_name)
    if not isinstance(cls, type) or not issubclass(cls, Commentary):
        raise ValueError(
            f"It is of the class {class_name}, which is not known here. Import the "
            "module that registers it with `keras.saving.register_keras_serializable`."
        )
    if not isinstance(config, dict):
        raise ValueError(f"Its config must be a dict. Received: {config!r:.80}")
    config = {**config, "dtype": _dtype(config.get("dtype", "float32"))}
    _check_plain(config)
    try:
        return cls.from_teaching_config(config)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"Its config does not fit {class_name}: {error}") from error


def _dtype(config):
    """The name of a policy that Keras wrote as an object, or as its name."""
    if isinstance(config, dict) and config.get("class_name") == "DTypePolicy":
        config = (config.get("config") or {}).get("name")
    if config not in _DTYPES:
        raise ValueError(
            f"Its dtype must be one of {_DTYPES}. Received: {config!r:.80}"
        )
    return config


def _check_plain(value):
    if isinstance(value, dict):
        if set(value) == {"class", "teaching_config"}:
            return  # A part, which is made in the same way.
        if _OBJECT & set(value):
            raise ValueError(
                "Its config names an object of Keras, which no exported commentary "
                f"does: {value!r:.80}. Do not trust this file."
            )
        for one in value.values():
            _check_plain(one)
    elif isinstance(value, list | tuple) and not {*map(type, value)} <= _SCALARS:
        for one in value:
            _check_plain(one)
