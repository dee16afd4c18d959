"""One page about a commentary, for readers who do not know the paper."""

import base64
import gzip
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.group_table import interval
from tfcommentaries.insights import gains, headline, pictures
from tfcommentaries.insights.suspects import suspected_labels
from tfcommentaries.insights.views import views
from tfcommentaries.insights.weight_views import View, are_images
from tfcommentaries.saving.replacing import check_file, write_text
from tfcommentaries.teaching.comparison import Comparison
from tfcommentaries.typing import ArrayLike, Path

if TYPE_CHECKING:
    from tfcommentaries.datasets.splits import Examples


#: Images drawn as thumbnails among suspected labels.
_SUSPECTS = 12
#: Sources in the table; of more, the first half and the last.
_ROWS = 1000
#: Most characters of the others, which the search finds: 100,000 short names.
_PACKED = 700_000


def write_report(
    path: Path,
    commentary: Commentary,
    examples: "Examples | None" = None,
    comparison: Comparison | None = None,
    history: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    num_classes: int | None = None,
    corrupted: ArrayLike | None = None,
    location: str = "commentary",
    drawn: Sequence[View] | None = None,
) -> None:
    """Writes one HTML file that needs no other file and no network.

    Args:
        path: path of the file; an existing report is replaced.
        commentary: a `Commentary`, such as an exported one.
        examples: `Examples` with integer labels to annotate, at most a few thousand.
            `None` leaves out their pictures.
        comparison: a `Comparison`, from `tfcommentaries.teaching.evaluate`.
        history: dict with lists `outer_step`, `loss`, `hypergradient_norm`.
        facts: dict of further facts about its learning. `None` takes those in an
            exported commentary.
        num_classes: number of classes; `None` takes it from the labels.
        corrupted: booleans `(examples,)` that mark wrong labels, or `None` if they are
            not known.
        location: path of the exported commentary, for the code in the report.
        drawn: what `views` gave for the commentary and the examples, if it is there.

    Raises:
        ValueError: if the comparison does not show the commentary's gain.
        FileExistsError: if `path` holds anything but a report.
    """
    check_file(path, _is_report)
    manifest = getattr(commentary, "manifest", {})
    learned = {k: v for k, v in manifest.get("learned", {}).items() if v is not None}
    table = commentary.table()
    facts = learned if facts is None else facts
    sections, suspects, found = [], None, []
    if drawn is None:
        drawn = views(commentary, examples, corrupted)
    for view in drawn:
        found.append(view.text)
        if not view.title.endswith("Sources"):  # Which have bars of their own.
            sections.append(_section(view.name, view.title, view.text, view.figure))
    if examples is not None:
        suspects = _suspects(commentary, examples, num_classes, corrupted)
    if history:
        first, last = history["loss"][0], history["loss"][-1]
        text = (
            "The outer loss, the loss of a student on the checked examples, went from "
            f"{first:.3f} to {last:.3f} in {round(history['outer_step'][-1])} updates "
            "of the commentary. The norm of its gradient should neither grow without "
            "end nor vanish."
        )
        figure = pictures.learning_history(history)
        sections.append(_section("learning", "How it was learned", text, figure))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfcommentaries.insights", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        title=headline.title_of(table, commentary.description, {**learned, **facts}),
        todo=headline.what_to_do(table, comparison),
        doubt=commentary.doubt,
        verdict=comparison and comparison.verdict(),
        kind=commentary.kind.replace("_", " "),
        facts={pictures.short(n): _lines(value) for n, value in facts.items()},
        created=manifest.get("created"),
        versions=manifest.get("versions", {}),
        finding=found[0] if found else None,
        bars=comparison and headline.accuracies(comparison),
        gains=comparison and _gains(comparison),
        sources=table and headline.source_bars(table),
        table=table and _table(table),
        sections=sections,
        suspects=suspects,
        location=location,
        uses_student_loss=commentary.uses_student_loss,
        serves_students=commentary.serves_students,
    )
    write_text(path, page, _is_report)


def _is_report(path):
    with tf.io.gfile.GFile(path, "rb") as file:
        return b'content="tfcommentaries"' in file.read(1000)


def _gains(comparison):
    """Tables of scores and of gains as texts, and the curves."""
    steps, best = comparison.spaced_steps(4), comparison.best
    return {
        "metric": headline.metric_of(comparison),
        "unit": comparison.gain(best, best).unit,
        "steps": steps,
        "best": best,
        "use": headline.to_use(comparison),
        "conditions": comparison.conditions,
        "scores": {
            one: [comparison.score(one, step) for step in steps]
            for one in comparison.conditions
        },
        "gains": {
            one: [comparison.gain(best, one, step) for step in steps]
            for one in comparison.with_role("plain", "baseline")
        },
        "seeds": comparison.students,
        "curves": _data_uri(gains.learning_curves(comparison, named=False), "svg"),
        "colors": gains.condition_colors(comparison.conditions),
    }


def _lines(fact):
    """A fact as lines: of a list of dicts, such as an encoding, one for each."""
    if not isinstance(fact, list) or not all(isinstance(one, dict) for one in fact):
        return [pictures.short(fact, 1000)]
    lines = (
        ", ".join(f"{k}: {v}" for k, v in one.items() if v not in (None, "", []))
        for one in fact
    )
    return [pictures.short(line, 1000) for line in itertools.islice(lines, 1000)]


def _table(table):
    """Rows of a `GroupTable` as a page shows them, and how many there are in all."""
    first, last = table.ends(_ROWS)
    rows = [
        {**row, "name": pictures.short(name), "interval": interval(row)}
        for part in (first, last)
        for row, name in zip(part, part.names())
    ]
    return {
        "rows": rows,
        "all": len(table),
        "intervals": any(row["interval"] for row in rows),
        "between": _packed(table[len(first) : len(table) - len(last)]),
    }


def _packed(table):
    """Rows for the page's search, compressed; `None` if there are none, or too many."""
    if not table:
        return None
    names = list(map(pictures.short, table.names()))
    weights = [f"{weight:.2f}" for weight in table.entries["weight"].tolist()]
    # Columns take a fifth less room than rows.
    columns = [names, table.entries["examples"].tolist(), weights, table.advice()]
    # The same page for the same table.
    text = base64.b64encode(gzip.compress(json.dumps(columns).encode(), 5, mtime=0))
    return text.decode() if len(text) < _PACKED else None


def _suspects(commentary, examples, num_classes, corrupted):
    """The most suspected labels, with a thumbnail where inputs are images."""
    if num_classes is None and examples.y.dtype.kind in "iu":
        num_classes = int(examples.y.max()) + 1
    try:
        suspects = suspected_labels(commentary, examples, num_classes)
    except ValueError:
        return None  # This kind cannot tell.
    found = []
    for index, score, suggested in list(zip(*suspects))[:_SUSPECTS]:
        image = examples.x[index] if are_images(examples.x) else None
        found.append(
            {
                "index": int(index),
                "given": f"{examples.y[index]:.4g}",
                "suggested": int(suggested) if suggested >= 0 else None,
                "score": float(score),
                "wrong": None if corrupted is None else bool(corrupted[index]),
                "image": None if image is None else _thumbnail(image),
            }
        )
    right = None
    if corrupted is not None and corrupted.any():
        count = int(corrupted.sum())
        right = {
            "count": count,
            "share": float(corrupted[suspects.index[:count]].mean()),
            "base": float(corrupted.mean()),
        }
    return {"examples": found, "right": right}


def _thumbnail(image):
    figure = pictures.single_image(image)
    return _data_uri(figure, "png", 60)


def _section(name, title, text, figure):
    """A picture with its text; a chart is one with two axes at most."""
    form = "svg" if len(figure.axes) <= 2 else "png"
    image = _data_uri(figure, form)
    return {"name": name, "title": title, "text": text, "image": image}


def _data_uri(figure, form, dpi=110):
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=dpi)
    kind = {"png": "image/png", "svg": "image/svg+xml"}[form]
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
