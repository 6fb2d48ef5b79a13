"""What was measured, for people: a table on the terminal, JSON, and a page that needs nothing else."""

import base64
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from verdict.base.files import write_text
from verdict.monitoring.findings import Measured
from verdict.monitoring.reference import CONFIDENCE_STEPS, LENGTHS, Reference
from verdict.monitoring.reference.mixture import Floats, Window

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_SEEN, _TRAINED = "#0072B2", "#E69F00"  # Okabe and Ito's, told apart by colour-blind readers


def as_json(found: Measured) -> str:
    """The findings as JSON."""
    findings = [asdict(one) | {"over": one.over} for one in found.findings]
    return json.dumps(asdict(found) | {"findings": findings, "drifted": found.drifted}, indent=2, ensure_ascii=False)


def as_table(found: Measured) -> str:
    """The findings as lines for a terminal."""
    lines = [
        f"{found.texts:,} texts; {found.metric} {found.expected:.3f} expected, {found.promised:.3f} on the test set"
    ]
    if len(found.mix) > 1:
        lines.append("mix: " + ", ".join(f"{name} {share:.0%}" for name, share in found.mix.items()))
    lines += [
        f"{'DRIFT' if one.over else 'ok':5}  {one.kind:10}  {one.value:8.4f}  limit {one.limit:8.4f}  {one.summary}"
        for one in found.findings
    ]
    return "\n".join([*lines, *([found.note] if found.note else [])])


def write_page(path: Path, found: Measured, window: Window, reference: Reference) -> None:
    """Write the findings as one HTML file, with plots of mix, answers, confidence, lengths and words in it."""
    from jinja2 import Template

    template = Template(_TEMPLATE.read_text(encoding="utf-8"), autoescape=True, keep_trailing_newline=True)
    drawn = _plots(found, window, reference)
    plots = [{"title": title, "picture": _drawn(names, seen, trained)} for title, names, seen, trained in drawn]
    write_text(path, template.render(found=found, plots=plots))


def _plots(found: Measured, window: Window, reference: Reference) -> list[tuple[str, list[str], Floats, Floats]]:
    """Of each plot its title, what stands below its bars, the live shares, and those that the mix would have."""
    mix = np.array(list(found.mix.values()))
    fitted, answers = reference.fit(window), _share(window.answers)
    expected = answers - fitted.answers
    trained, all_slices = np.array(reference.characters), np.array(reference.words).sum(axis=1)
    lengths = mix @ (trained / np.maximum(trained.sum(axis=1, keepdims=True), 1))
    bounds = [f"≤ {bound:,}" for bound in LENGTHS] + [f"> {LENGTHS[-1]:,}"]
    places = np.argsort(-abs(fitted.words[:-1] - fitted.expected[:-1]) / np.sqrt(fitted.expected[:-1]))[:12]
    steps = [f"{step / CONFIDENCE_STEPS:.1f}" for step in range(CONFIDENCE_STEPS)]
    plots = [
        ("Labels", list(reference.labels), answers.sum(axis=1), expected.sum(axis=1)),
        ("Confidence, from", steps, answers.sum(axis=0), expected.sum(axis=0)),
        ("Characters of a text", bounds, _share(window.characters), lengths),
        ("Frequent words that are farthest off", [reference.frequent[place] for place in places],
         fitted.words[places], fitted.expected[places]),
    ]  # fmt: skip
    trained_mix = all_slices / np.array(reference.lengths)
    slices = ("Mix of the slices", list(reference.slices), mix, _share(trained_mix))
    return [slices, *plots] if len(mix) > 1 else plots


def _share(counts: Any) -> Floats:  # noqa: ANN401 - an array of whole numbers or not
    return np.asarray(counts / max(counts.sum(), 1))


def _drawn(names: list[str], seen: Floats, trained: Floats) -> str:
    """Bars side by side as an SVG, in base64."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(names))
    axes.bar(places - 0.2, seen, 0.4, color=_SEEN, label="live")
    axes.bar(places + 0.2, trained, 0.4, color=_TRAINED, label="as trained")
    axes.set_xticks(places, [name.replace("$", r"\$")[:16] for name in names])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if seen.max() > 0.1 else f"{share:.1%}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return base64.b64encode(written.getvalue()).decode()
