"""`tfcommentaries inspect`."""

from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.saving.manifest import read_manifest, to_json

#: Characters of a value to print; `--json` prints all.
_MOST = 500
#: Groups to print; of more, the first half and the last.
_ROWS = 40


def run(args):
    """Prints the manifest of an exported commentary."""
    manifest = read_manifest(args.commentary)
    if args.json:
        print(to_json(manifest), end="")
        return
    created = manifest.get("created", "at an unknown time")
    print(_plain(f"{manifest['kind']}, exported {created}"))
    if entries := manifest.get("group_table"):
        table = GroupTable(entries)
        first, last = table.ends(_ROWS)
        text = str(GroupTable.joined([first, last], manifest.get("doubt")))
        print("\n".join(map(_plain, text.splitlines())))
        if last:
            print(f"The first and the last of {len(table)} groups; --json prints all.")
    elif manifest.get("doubt"):
        print(_plain(manifest["doubt"]))
    for title in ("inputs", "learned", "metrics", "versions"):
        print(f"{title}:")
        for name, value in manifest.get(title, {}).items():
            if value is None:
                continue
            if title == "inputs":
                value = f"{value['dtype']} {tuple(value['shape'])}"
            elif isinstance(value, float):
                value = f"{value:.4g}"
            elif isinstance(value, list) and all(isinstance(v, dict) for v in value):
                print(_plain(f"  {name}:"))
                for one in value:
                    print(_plain(f"    {_row(one)}"))
                continue
            print(_plain(f"  {name}: {value}"))


def _row(one):
    """What a dict says, in a line; as the encoding has for each column of a table."""
    said = {k: v for k, v in one.items() if v is not None and v is not False}
    return ", ".join(f"{key}: {value}" for key, value in said.items())


def _plain(text):
    """One line without what would command a terminal."""
    text = text if len(text) <= _MOST else f"{text[:_MOST]}..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
