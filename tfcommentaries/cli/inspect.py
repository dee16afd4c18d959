"""`tfcommentaries inspect`."""

from tfcommentaries.saving.manifest import read_manifest, to_json

#: Characters of a value to print; `--json` prints all.
_MOST = 500


def run(args):
    """Prints the manifest of an exported commentary."""
    manifest = read_manifest(args.commentary)
    if args.json:
        print(to_json(manifest), end="")
        return
    created = manifest.get("created", "at an unknown time")
    print(_plain(f"{manifest['kind']}, exported {created}"))
    for title in ("inputs", "learned", "metrics", "versions"):
        print(f"{title}:")
        for name, value in manifest.get(title, {}).items():
            if title == "inputs":
                value = f"{value['dtype']} {tuple(value['shape'])}"
            elif isinstance(value, float):
                value = f"{value:.4g}"
            print(_plain(f"  {name}: {value}"))


def _plain(text):
    """One line without what would command a terminal."""
    text = text if len(text) <= _MOST else f"{text[:_MOST]}..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
