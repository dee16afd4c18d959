"""Spans of Examples artifacts, as ExampleGen writes them."""

from absl import logging

#: Custom properties. The artifact type has properties of these names, too, which
#: ExampleGen does not write.
NAMES = "span", "version"


def number_of(artifact, name):
    """The span or version of an Examples artifact.

    Args:
        artifact: an Examples artifact.
        name: one of `NAMES`.

    Returns:
        An integer, or `None`.
    """
    if artifact.has_custom_property(name):
        return int(artifact.get_custom_property(name))
    return getattr(artifact, name, None)


def describe(artifact, like):
    """Gives an artifact the span and the version of another, as both properties."""
    for name in NAMES:
        number = number_of(like, name)
        if number is not None:
            setattr(artifact, name, number)
            artifact.set_int_custom_property(name, number)


def each_once(artifacts):
    """Examples artifacts without repeats, as a Resolver may give them.

    Args:
        artifacts: list of Examples artifacts.

    Returns:
        A list in the same order. Of several with the same place or the same input
        fingerprint the last remains, and of several versions of a span the newest.
    """
    newest = {}
    for artifact in artifacts:
        span, version = (number_of(artifact, name) for name in NAMES)
        if version is not None:
            newest[span] = max(version, newest.get(span, version))
    kept, seen = [], set()
    for artifact in reversed(artifacts):
        span, version = (number_of(artifact, name) for name in NAMES)
        same = {artifact.uri, artifact.get_string_custom_property("input_fingerprint")}
        old = version is not None and version < newest[span]
        if old or seen & (same - {""}):
            logging.warning(
                "The examples at %s are not read: they repeat others, of span %s, "
                "version %s.",
                artifact.uri,
                span,
                version if not old else newest[span],
            )
            continue
        seen |= same
        kept.append(artifact)
    return kept[::-1]
