"""`tfcommentaries inspect`."""

from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.insights.pictures import ends_of
from tfcommentaries.saving.manifest import read_manifest, to_json

#: Groups to print; of more, the first half and the last.
_ROWS = 40


def run(args):
    """Prints the manifest of an exported commentary."""
    manifest = read_manifest(args.commentary)
    if args.json:
        print(to_json(manifest), end="")
        return
    print(f"{manifest['kind']}, exported {manifest['created']}")
    table = manifest.get("table")
    if table:
        first, last = ends_of(table, _ROWS)
        print(GroupTable([*first, *last], manifest.get("doubt")))
        if last:
            print(f"The first and the last of {len(table)} groups; --json prints all.")
    elif manifest.get("doubt"):
        print(manifest["doubt"])
    for title in ("inputs", "learned", "metrics", "versions"):
        print(f"{title}:")
        for name, value in manifest[title].items():
            if value is None:
                continue
            if isinstance(value, dict):
                value = f"{value['dtype']} {tuple(value['shape'])}"
            elif isinstance(value, float):
                value = f"{value:.4g}"
            elif isinstance(value, list) and all(isinstance(v, dict) for v in value):
                value = "".join(f"\n    {_row(one)}" for one in value)
            print(f"  {name}: {value}")


def _row(one):
    """What a dict says, in a line; as the encoding has for each column of a table."""
    said = {k: v for k, v in one.items() if v is not None and v is not False}
    return ", ".join(f"{key}: {value}" for key, value in said.items())
