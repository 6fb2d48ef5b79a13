"""Output of a measurement: a table for the terminal, JSON, and a self-contained HTML page."""

import base64
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from verdict.base.files import write_text
from verdict.monitoring.findings import Measurement
from verdict.monitoring.reference import CONFIDENCE_STEPS, LENGTHS, Reference
from verdict.monitoring.reference.mixture import Floats, Window

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_LIVE_COLOUR, _TRAINED_COLOUR = "#0072B2", "#E69F00"  # Okabe and Ito's, distinct for colour-blind readers
_WORDS_SHOWN = 12


def as_json(measurement: Measurement) -> str:
    """The measurement as JSON."""
    findings = [asdict(finding) | {"over": finding.over} for finding in measurement.findings]
    fields = asdict(measurement) | {"findings": findings, "drifted": measurement.drifted}
    return json.dumps(fields, indent=2, ensure_ascii=False)


def as_table(measurement: Measurement) -> str:
    """The measurement as lines for a terminal."""
    score = f"{measurement.metric} {measurement.expected:.3f} expected, {measurement.promised:.3f} on the test set"
    lines = [f"{measurement.texts:,} texts; {score}"]
    if len(measurement.mix) > 1:
        lines.append("mix: " + ", ".join(f"{name} {share:.0%}" for name, share in measurement.mix.items()))
    lines += [
        f"{'DRIFT' if finding.over else 'ok':5}  {finding.kind:10}  {finding.value:8.4f}"
        f"  limit {finding.limit:8.4f}  {finding.summary}"
        for finding in measurement.findings
    ]
    return "\n".join([*lines, *([measurement.note] if measurement.note else [])])


def write_page(path: Path, measurement: Measurement, window: Window, reference: Reference) -> None:
    """Write one HTML file with the findings, and plots of mix, answers, confidence, lengths and words."""
    from jinja2 import Template

    template = Template(_TEMPLATE.read_text(encoding="utf-8"), autoescape=True, keep_trailing_newline=True)
    plots = [
        {"title": title, "picture": _bars(names, live, trained)}
        for title, names, live, trained in _plots(measurement, window, reference)
    ]
    write_text(path, template.render(measurement=measurement, plots=plots))


def _plots(
    measurement: Measurement, window: Window, reference: Reference
) -> list[tuple[str, list[str], Floats, Floats]]:
    """The title of each plot, the names of its bars, the live shares, and the shares expected of the mix."""
    mix = np.array(list(measurement.mix.values()))
    fit, answers = reference.fit(window), _shares(window.answers)
    expected = answers - fit.answers
    trained, words = np.array(reference.characters), np.array(reference.words).sum(axis=1)
    lengths = mix @ (trained / np.maximum(trained.sum(axis=1, keepdims=True), 1))
    bounds = [f"≤ {bound:,}" for bound in LENGTHS] + [f"> {LENGTHS[-1]:,}"]
    places = np.argsort(-abs(fit.words[:-1] - fit.expected[:-1]) / np.sqrt(fit.expected[:-1]))[:_WORDS_SHOWN]
    steps = [f"{step / CONFIDENCE_STEPS:.1f}" for step in range(CONFIDENCE_STEPS)]
    plots = [
        ("Labels", list(reference.labels), answers.sum(axis=1), expected.sum(axis=1)),
        ("Confidence, from", steps, answers.sum(axis=0), expected.sum(axis=0)),
        ("Characters of a text", bounds, _shares(window.characters), lengths),
        ("Frequent words that are farthest off", [reference.frequent[place] for place in places],
         fit.words[places], fit.expected[places]),
    ]  # fmt: skip
    slices = ("Mix of the slices", list(reference.slices), mix, _shares(words / np.array(reference.lengths)))
    return [slices, *plots] if len(mix) > 1 else plots


def _shares(counts: Any) -> Floats:  # noqa: ANN401 - an array of whole numbers or not
    return np.asarray(counts / max(counts.sum(), 1))


def _bars(names: list[str], live: Floats, trained: Floats) -> str:
    """An SVG in base64 with two bars side by side for each name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(names))
    axes.bar(places - 0.2, live, 0.4, color=_LIVE_COLOUR, label="live")
    axes.bar(places + 0.2, trained, 0.4, color=_TRAINED_COLOUR, label="as trained")
    axes.set_xticks(places, [name.replace("$", r"\$")[:16] for name in names])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if live.max() > 0.1 else f"{share:.1%}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None})
    return base64.b64encode(svg.getvalue()).decode()
