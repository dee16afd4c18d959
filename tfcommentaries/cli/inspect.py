"""`tfcommentaries inspect`."""

from tfcommentaries.saving.manifest import read_manifest, to_json


def run(args):
    """Prints the manifest of an exported commentary."""
    manifest = read_manifest(args.commentary)
    if args.json:
        print(to_json(manifest), end="")
        return
    print(f"{manifest['kind']}, exported {manifest['created']}")
    for title in ("inputs", "learned", "metrics", "versions"):
        print(f"{title}:")
        for name, value in manifest[title].items():
            if isinstance(value, dict):
                value = f"{value['dtype']} {tuple(value['shape'])}"
            elif isinstance(value, float):
                value = f"{value:.4g}"
            print(f"  {name}: {value}")
