"""The one picture that Vega cannot draw well: our scores by domain against the published ones, with matplotlib."""

from pathlib import Path

import matplotlib

# Without what a user's matplotlibrc says, and without looking for a display: the bytes depend on the figures alone.
# ruff: noqa: E402 - both before the figure is imported
matplotlib.rcdefaults()
matplotlib.use("Agg")
from matplotlib.figure import Figure

from verdict.base.files import replacing
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores.baselines import ROWS

# Distinct by shape as well as by colour; the colours are Okabe and Ito's, told apart by colour-blind readers too.
# The last figure moves a mark off the line, since some of the scores are equal.
_MARKS = {
    "one human rater": ("D", "#555555", -0.2),
    "VADER": ("s", "#E69F00", 0.2),
    "best model trained in the domain": ("^", "#009E73", 0.2),
}
_OURS = ("o", "#0072B2")


def draw_domains(path: Path, weighted_f1: dict[str, float], counts: dict[str, int]) -> None:
    """One line a domain: our weighted F1 on test as a labelled dot, the published scores as marks beside it.

    Args:
        path: of the PNG; its bytes depend on the figures alone.
        weighted_f1: by domain.
        counts: test sentences by domain.
    """
    # Narrow, so that its text can still be read where a telephone shows it.
    figure = Figure(figsize=(5.6, 4.9), dpi=160, layout="constrained")
    axes = figure.subplots()
    places = range(len(DOMAINS))
    axes.hlines(places, 0, 1, color="#DDDDDD", linewidth=1, zorder=0)
    for name, (marker, colour, shift) in _MARKS.items():
        values = [ROWS[name][domain] for domain in DOMAINS]
        axes.scatter(
            values, [place + shift for place in places], marker=marker, s=55, color=colour, label=f"{name} (published)"
        )
    values = [weighted_f1[domain] for domain in DOMAINS]
    axes.scatter(values, places, marker=_OURS[0], s=120, color=_OURS[1], label="this model (test split)", zorder=3)
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            f"{value:.2f}",
            (value, place),
            (11, 0),
            textcoords="offset points",
            va="center",
            weight="bold",
            color=_OURS[1],
        )
    axes.set_yticks(places, [f"{domain}\n{counts[domain]:,} sentences" for domain in DOMAINS])
    axes.set_xlim(min(0.4, *(value - 0.05 for value in values)), 1.0)
    axes.set_ylim(len(DOMAINS) - 0.5, -0.6)
    axes.set_xlabel("weighted F1")
    axes.set_title("Weighted F1 by domain, beside the published", loc="left", fontsize=11, weight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=10)
    with replacing(path) as partial:
        # Without the library's version in it, the file changes only when the figures do.
        figure.savefig(partial, format="png", metadata={"Software": None})
