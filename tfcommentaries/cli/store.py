"""`tfcommentaries store`."""

from tfcommentaries import store
from tfcommentaries.saving.manifest import to_json


def run(args):
    """Lists, shows, adds or removes commentaries stored with a data set."""
    if args.action == "add":
        card = {"description": args.description, "licence": args.licence}
        version = store.save(
            args.commentary,
            args.dataset,
            args.name,
            args.data_dir,
            {key: value for key, value in card.items() if value},
        )
        print(f"Stored {args.name} {version} with {args.dataset}.")
    elif args.action == "list":
        cards = store.list(args.dataset, args.data_dir)
        for card in cards:
            text = f"{card['name']} {card['version']}  {card['kind']}"
            print(f"{text}  {card.get('description', '')}".rstrip())
        if not cards:
            print(f"Nothing is stored with {args.dataset}.")
    elif args.action == "show":
        stored = store.load(args.dataset, args.name, args.version, args.data_dir)
        print(to_json(stored.card), end="")
    else:
        store.remove(args.dataset, args.name, args.version, args.data_dir)
        print(f"Removed {args.name} {args.version or '(all versions)'}.")
