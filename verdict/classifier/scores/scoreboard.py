"""The tables that end `make repro`: our scores overall, by slice and by class, and the published ones beside them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.base.printable import plain
from verdict.classifier.params.metric_names import BINARY, BY_CLASS, COMMON, OVERALL, RATED
from verdict.classifier.scores.published import Published, read_published

SHOWN = 20  # slices, and classes
_ACROSS = 6  # slices of the published scores
_LONGEST = 40  # characters of a name


def scoreboard(path: Path, published: Path, labels: Sequence[str] = ()) -> str:
    """metrics/evaluation.json as tables for a terminal, and the published scores.

    Args:
        path: of the metrics.
        published: scores of others.
        labels: the classes in their order; those that are not among them come last.

    Raises:
        VerdictError: one of the files is missing, or holds no such scores.
    """
    metrics = read_json(path, "make repro")
    others = read_published(published)
    try:
        tables = ["\n".join(table) for table in _tables(metrics, others, labels)]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise VerdictError(str(path), "holds no scores of this pipeline", "dvc repro evaluate") from None
    return "\n\n".join(tables)


def _tables(metrics: Mapping[str, Any], others: Sequence[Published], labels: Sequence[str]) -> Iterator[Iterator[str]]:
    yield _overall(metrics)
    classes = metrics[OVERALL]["classes"]
    known = [label for label in labels if label in classes]
    yield _classes({label: classes[label] for label in dict.fromkeys([*known, *classes])})
    yield from _published(others, metrics)


def _overall(metrics: Mapping[str, Any]) -> Iterator[str]:
    overall, slices = metrics[OVERALL], metrics.get("slices", {})
    names = [name for name in (*COMMON, *BINARY, *RATED) if name in overall]
    shown = _largest({name: figures["n"] for name, figures in slices.items()})
    rows = {OVERALL: overall, **{name: slices[name] for name in shown}}
    cells = [[name, figures["n"], *(f"{figures[metric]:.3f}" for metric in names)] for name, figures in rows.items()]
    yield from _table(["test", "n", *names], cells)
    yield from _more(len(slices), "slices")


def _classes(classes: Mapping[str, Any]) -> Iterator[str]:
    shown = _largest({name: figures["support"] for name, figures in classes.items()})
    cells = [[name, classes[name]["support"], *(f"{classes[name][one]:.3f}" for one in BY_CLASS)] for name in shown]
    yield from _table(["class", "n", *BY_CLASS], cells)
    yield from _more(len(classes), "classes")


def _published(others: Sequence[Published], metrics: Mapping[str, Any]) -> Iterator[Iterator[str]]:
    """Yield a table of each published metric, with ours as its first row."""
    for metric in dict.fromkeys(one.metric for one in others):
        scores = {(one.name, one.slice): one.value for one in others if one.metric == metric}
        yield _beside(metric, {**_ours(metric, metrics), **scores}, list(dict.fromkeys(part for _, part in scores)))


_OURS = "this model"


def _ours(metric: str, metrics: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    groups = {OVERALL: metrics[OVERALL], **metrics.get("slices", {})}
    return {(_OURS, name): figures[metric] for name, figures in groups.items() if metric in figures}


def _beside(metric: str, scores: Mapping[tuple[str, str], float], parts: Sequence[str]) -> Iterator[str]:
    names = dict.fromkeys(name for name, _ in scores)
    shown = parts[:_ACROSS]
    cells = [[name, *(_figure(scores.get((name, part))) for part in shown)] for name in names]
    yield from _table([f"{metric}, published", *shown], cells)
    yield from _more(len(parts), "slices", _ACROSS)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _largest(sizes: Mapping[str, int]) -> list[str]:
    """The names, in their order; of many the largest first, and no more than can be read."""
    return list(sizes) if len(sizes) <= SHOWN else sorted(sizes, key=lambda name: -sizes[name])[:SHOWN]


def _more(count: int, what: str, shown: int = SHOWN) -> Iterator[str]:
    if count > shown:
        yield f"… {count - shown} more {what}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Lines in columns: the first to the left, figures to the right."""
    texts = [[plain(cell, _LONGEST) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for first, *others in texts:
        figures = (f"{text:>{width}}" for text, width in zip(others, widths[1:], strict=True))
        yield "  ".join([f"{first:<{widths[0]}}", *figures])
