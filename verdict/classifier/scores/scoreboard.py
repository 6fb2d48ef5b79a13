"""The table that ends `make repro`: our scores beside the published ones."""

from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores.baselines import ROWS
from verdict.classifier.scores.metric_names import METRICS


def scoreboard(path: Path) -> str:
    """metrics/evaluation.json as a table for a terminal.

    Raises:
        VerdictError: the file is missing or holds no such scores.
    """
    metrics = read_json(path, "make repro")
    try:
        groups = {"overall": metrics["overall"], **{domain: metrics["domains"][domain] for domain in DOMAINS}}
        rows = [_row(name, figures) for name, figures in groups.items()]
    except (KeyError, TypeError, ValueError):
        raise VerdictError(str(path), "holds no scores of this pipeline", "dvc repro evaluate") from None
    head = f"{'test':<10} {'n':>5}" + "".join(f"  {name:>11}" for name in METRICS)
    return "\n".join([head, *rows, "", *_published()])


def _row(name: str, figures: dict[str, float]) -> str:
    return f"{name:<10} {figures['n']:>5}" + "".join(f"  {figures[column]:>11.3f}" for column in METRICS)


def _published() -> list[str]:
    """The paper's rows: weighted F1 on all of its data."""
    width = max(map(len, ROWS))
    domains = list(next(iter(ROWS.values())))
    head = f"{'weighted F1, published':<{width}}" + "".join(f"  {domain:>8}" for domain in domains)
    lines = [f"{name:<{width}}" + "".join(f"  {value:>8.2f}" for value in row.values()) for name, row in ROWS.items()]
    return [head, *lines]
